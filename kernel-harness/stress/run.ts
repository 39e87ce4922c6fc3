/** One run of the stress module in a guest: four CPUs, and what they report at the end. */
import { chooseAccelerator } from "../accelerator.ts";
import { fetchKernel, type FetchedKernel } from "../fetch.ts";
import { packInitramfs, type GuestFiles } from "../initramfs.ts";
import { chooseKernel } from "../choose.ts";
import { buildModule, type ModuleSource } from "../module.ts";
import { runSession } from "../session.ts";
import { step } from "../steps.ts";
import { buildProgram } from "../tools.ts";
import { judge } from "../verdict.ts";
import { judgeReport, type StressFigures } from "./judge.ts";
import { stressModule } from "./module.ts";

const SILENCE_MS_MAX = 60_000;
const REPORT = "/sys/kernel/debug/stp-stress/report";
/**
 * Without KVM the clock of an x86 guest is the HPET, and Linux reads that one for several CPUs at once: a CPU may get what another has read
 * earlier, before an nmi held it up, so the kernel's time itself steps back now and then (0.1 ms). A steady clock each CPU reads itself.
 */
const CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
/** Times the seconds asked for: the module waits as long for its nmis, and a busy host takes longer. */
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
  /** NMIs that must land inside a call of the runtime, on architectures that have them. */
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

/** A stress as a part of a job. */
export interface StressJob {
  readonly files: GuestFiles;
  readonly steps: readonly string[];
  /** Judges what those steps sent. */
  readonly judge: (sent: ReadonlyMap<string, Uint8Array>) => Omit<StressResult, "console">;
}

/** The guest that it needs. */
export const STRESS_MACHINE = { cpus: 4, memory_mib: 512 } as const;

/** Builds it. Throws StpError in the compiler's words. */
export async function prepareStress(kernel: FetchedKernel, { seconds, nmis, module = stressModule(), report = () => {} }: Omit<StressRun, "kernel">): Promise<StressJob> {
  const { steadyClock, hasNmi } = kernel.architecture;
  const nmis_min = hasNmi ? nmis : 0;
  report(`building the stress module for ${kernel.release}`);
  return {
    files: {
      "/stp_stress.ko": await buildModule(kernel, { ...module, report }),
      "/await": await buildProgram({ name: "await", sources: { "await.c": AWAIT } }, kernel.architecture),
    },
    steps: [
      ...(steadyClock === undefined ? [] : [step("write", CLOCK, steadyClock)]),
      step("insmod", "/stp_stress.ko", `seconds=${seconds}`, `nmis=${nmis_min}`),
      step("run", "await", seconds * PATIENCE + BOOT_S_MAX, "/await", REPORT),
      step("send", REPORT),
      step("rmmod", "stp_stress"),
      step("send", "/proc/modules"),
    ],
    judge: (sent) => {
      const text = Buffer.from(sent.get(REPORT) ?? []).toString();
      const judged = judgeReport(text, nmis_min);
      const left = Buffer.from(sent.get("/proc/modules") ?? []).toString().includes("stp_stress") ? ["The module is still loaded after rmmod"] : [];
      return { ...judged, problems: [...judged.problems, ...left], text };
    },
  };
}

/** Runs it. Throws StpError if no guest could be started; a guest that fails is a problem among the others. */
export async function runStress(run: StressRun): Promise<StressResult> {
  const report = run.report ?? (() => {});
  const kernel = await fetchKernel(chooseKernel(run.kernel), { report });
  const job = await prepareStress(kernel, run);
  report(`${run.seconds} s of stress on ${kernel.name}`);
  const limits = { boot_ms: BOOT_S_MAX * 1000, silence_ms: SILENCE_MS_MAX, timeout_ms: (run.seconds * PATIENCE + 2 * BOOT_S_MAX) * 1000 };
  const usual = await chooseAccelerator(kernel, report);
  const accelerator = run.every_instruction && usual === "tcg" ? "steps" : usual;
  const session = await runSession(kernel, { ...STRESS_MACHINE, accelerator }, await packInitramfs(kernel, job.files, job.steps), limits);
  const judged = job.judge(session.transcript.parts()[0].files);
  return { ...judged, problems: [...judge(session, limits).map((problem) => problem.message), ...judged.problems], console: session.console };
}
