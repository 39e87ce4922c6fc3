/** QEMU: the command line for a guest. Sibling: toolchain.ts says where it is */
import type { FetchedKernel } from "./fetch.ts";
import { needProgram } from "./process.ts";

/** `icount`: TCG in which each instruction takes one nanosecond of the guest's time, so that a run can be repeated; slow.
 * `turns`: TCG whose CPUs take turns. With a thread for each, guests whose kernel was patched all the time (a probe attached or detached every few milliseconds) hung
 * twice in a breakpoint that memory no longer had: as if QEMU 7.2 kept an old translation. Such runs take turns, where that was never seen.
 * `steps`: TCG that translates instructions one by one. Else an interrupt, an nmi too, lands only where a block of them ends. */
export type Accelerator = "kvm" | "tcg" | "turns" | "icount" | "steps";

export interface Machine {
  readonly accelerator: Accelerator;
  readonly cpus: number;
  readonly memory_mib: number;
  /** The guest may read all files of the host (guest/enter.c). */
  readonly host_files?: boolean;
}

export interface BootFiles {
  /** Path of the initramfs. */
  readonly initramfs: string;
  /** Path of the console log that QEMU writes. */
  readonly console: string;
}

/** guest/report.c looks for this name. */
const PORT_NAME = "stp.report";

/**
 * The kernel's arguments: a console that says warnings and worse until the guest's init asks for all, and a panic that
 * ends QEMU at once (with -no-reboot). A task that hangs is told before tests run out of time; KASAN tells more than its
 * first report. A kernel that does not know one of them says so in a line, and boots.
 */
const KERNEL_ARGUMENTS = ["loglevel=5", "panic=-1", "cryptomgr.notests", "sysctl.kernel.hung_task_timeout_secs=20", "kasan_multi_shot"] as const;

const ACCELERATION: Readonly<Record<Accelerator, { readonly arguments: readonly string[]; readonly kernel: readonly string[] }>> = {
  kvm: { arguments: ["-accel", "kvm"], kernel: [] },
  tcg: { arguments: ["-accel", "tcg,thread=multi"], kernel: [] },
  turns: { arguments: ["-accel", "tcg,thread=single"], kernel: [] },
  // Slow: what takes long does not hang.
  steps: { arguments: ["-accel", "tcg,thread=multi", "-singlestep"], kernel: ["sysctl.kernel.hung_task_timeout_secs=120"] },
  // The TSC is then the count of instructions, and the kernel may not doubt it; addresses are the same in each boot.
  icount: { arguments: ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"], kernel: ["tsc=reliable", "nokaslr"] },
};

/**
 * A command that the kernel ends when its parent ends, even by SIGKILL: a guest that hangs would run for ever.
 * Throws StpError that names the Debian package.
 */
export function endingWithParent(command: readonly [string, ...string[]]): [string, ...string[]] {
  return [needProgram("setpriv", "util-linux"), "--pdeathsig", "KILL", ...command];
}

/** Arguments of QEMU for one guest. The report channel is QEMU's stdout: there is no path to choose. */
export function qemuArguments(kernel: FetchedKernel, machine: Machine, files: BootFiles): string[] {
  const acceleration = ACCELERATION[machine.accelerator];
  const { qemu } = kernel.architecture;
  return [
    ["-nodefaults"],
    ["-no-user-config"],
    ["-no-reboot"],
    ["-display", "none"],
    ["-monitor", "none"],
    acceleration.arguments,
    qemu.machine,
    kernel.isWatched ? qemu.watched : [],
    ["-smp", String(machine.cpus)],
    ["-m", `${machine.memory_mib}M`],
    ["-kernel", kernel.image],
    ["-initrd", files.initramfs],
    ["-append", [`console=${qemu.console}`, ...KERNEL_ARGUMENTS, ...qemu.kernel, ...acceleration.kernel].join(" ")],
    ["-chardev", `file,id=console,path=${escapeComma(files.console)}`],
    ["-serial", "chardev:console"],
    ["-device", `virtio-serial-${qemu.bus}`],
    ["-chardev", "stdio,id=report,signal=off"],
    machine.host_files ? ["-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap", "-device", `virtio-9p-${qemu.bus},fsdev=host,mount_tag=host`] : [],
    ["-device", `virtserialport,chardev=report,name=${PORT_NAME}`],
  ].flat();
}

function escapeComma(path: string): string {
  return path.replaceAll(",", ",,");
}
