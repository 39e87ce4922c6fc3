/** One run of the stress module in a guest: four CPUs, and what they report at the end. */
import { chooseAccelerator } from "../accelerator.ts";
import { fetchKernel } from "../fetch.ts";
import { packInitramfs } from "../initramfs.ts";
import { findKernel } from "../kernels.ts";
import { buildModule, type ModuleSource } from "../module.ts";
import { runSession } from "../session.ts";
import { step } from "../steps.ts";
import { buildProgram } from "../tools.ts";
import { judge } from "../verdict.ts";
import { judgeReport, type StressFigures } from "./judge.ts";
import { stressModule } from "./module.ts";

const MACHINE = { cpus: 4, memory_mib: 512 } as const;
const SILENCE_MS_MAX = 60_000;
const REPORT = "/sys/kernel/debug/stp-stress/report";
/** Times the seconds asked for: the module waits as long for its nmis, and a busy host takes longer. */
/**
 * Without KVM the guest's clock is the HPET, and Linux reads that one for several CPUs at once: a CPU may get what another has read
 * earlier, before an nmi held it up, so the kernel's time itself steps back now and then (0.1 ms). This clock each CPU reads itself.
 */
const CLOCK = ["/sys/devices/system/clocksource/clocksource0/current_clocksource", "acpi_pm"] as const;
const PATIENCE = 6;
const BOOT_S_MAX = 120;

/** Reads a file to its end, which may take as long as the load does. Nothing of it is kept: `send` fetches it then. */
const AWAIT = `
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	static char bytes[65536];
	int fd = open(argc > 1 ? argv[1] : "", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0)
		n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		perror("await");
	return n < 0;
}
`;

export interface StressRun {
  /** Name of the kernel, as "./stp kernel list" has it. */
  readonly kernel: string;
  /** Seconds of load, at least. */
  readonly seconds: number;
  /** NMIs that must land inside a call of the runtime. */
  readonly nmis: number;
  /** Without KVM: let nmis land between any two instructions, not only where a block of them ends. Everything takes 50 times as long. */
  readonly every_instruction?: boolean;
  /** Instead of the runtime as it is. */
  readonly module?: ModuleSource;
  readonly report?: (line: string) => void;
}

export interface StressResult {
  /** Sentences, each about something wrong; none if all is right. */
  readonly problems: readonly string[];
  readonly figures: StressFigures;
  /** What the module reported; "" if it did not come to that. */
  readonly text: string;
  /** The kernel's console. */
  readonly console: string;
}

/** Runs it. Throws StpError if no guest could be started; a guest that fails is a problem among the others. */
export async function runStress(run: StressRun): Promise<StressResult> {
  const report = run.report ?? (() => {});
  const kernel = await fetchKernel(findKernel(run.kernel), { report });
  report(`building the stress module for ${kernel.release}`);
  const files = {
    "/stp_stress.ko": await buildModule(kernel, { ...(run.module ?? stressModule()), report }),
    "/await": await buildProgram({ name: "await", sources: { "await.c": AWAIT } }),
  };
  report(`${run.seconds} s of stress on ${kernel.name}`);
  const steps = [
    step("write", ...CLOCK),
    step("insmod", "/stp_stress.ko", `seconds=${run.seconds}`, `nmis=${run.nmis}`),
    step("run", "await", run.seconds * PATIENCE + BOOT_S_MAX, "/await", REPORT),
    step("send", REPORT),
    step("rmmod", "stp_stress"),
    step("send", "/proc/modules"),
  ];
  const limits = { boot_ms: BOOT_S_MAX * 1000, silence_ms: SILENCE_MS_MAX, timeout_ms: (run.seconds * PATIENCE + 2 * BOOT_S_MAX) * 1000 };
  const usual = await chooseAccelerator(kernel, report);
  const accelerator = run.every_instruction && usual === "tcg" ? "steps" : usual;
  const session = await runSession(kernel, { ...MACHINE, accelerator }, await packInitramfs(kernel, files, steps), limits);
  const sent = session.transcript.files();
  const text = Buffer.from(sent.get(REPORT) ?? []).toString();
  const judged = judgeReport(text, run.nmis);
  const left = Buffer.from(sent.get("/proc/modules") ?? []).toString().includes("stp_stress") ? ["The module is still loaded after rmmod"] : [];
  return { ...judged, problems: [...judge(session, limits).map((problem) => problem.message), ...judged.problems, ...left], text, console: session.console };
}
