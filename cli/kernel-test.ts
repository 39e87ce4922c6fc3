/** stp kernel test: whether the runtime works on kernels. */
import { Command } from "commander";
import { abortAtInterrupt } from "../spec/at-end.ts";
import { StpError } from "../spec/errors.ts";
import { chooseKernel, kernelInDirectory } from "../kernel-harness/choose.ts";
import { KERNELS, type Kernel } from "../kernel-harness/kernels.ts";
import { claimResults, keepFile, keepResults } from "../kernel-harness/suite/keep.ts";
import { runMatrix, type MatrixKernel } from "../kernel-harness/suite/matrix.ts";
import { exitStatusOf } from "../kernel-harness/suite/outcome.ts";
import { resultsJson } from "../kernel-harness/suite/reports/json.ts";
import { junitXml } from "../kernel-harness/suite/reports/junit.ts";
import { ktapHead, ktapKernel } from "../kernel-harness/suite/reports/ktap.ts";
import { resultTable } from "../kernel-harness/suite/reports/table.ts";
import { allKernels, findTests, matrixKernel } from "../kernel-harness/suite/suite.ts";
import type { TestResult } from "../kernel-harness/suite/test.ts";
import { newDirectory } from "./program.ts";
import { beginProgress, BOOT_S_MAX, BOOT_SECONDS_HELP, EXIT_INTERRUPTED, gather, wholeNumber, type Progress } from "./terminal.ts";

interface TestOptions {
  readonly kernelDir: readonly string[];
  readonly full?: boolean;
  readonly all?: boolean;
  readonly test: readonly string[];
  readonly guests?: number;
  readonly bootSeconds?: number;
  readonly json?: boolean;
  readonly junit?: string;
  readonly results?: string;
}

const GUESTS_MAX = 64;

export function kernelTestCommand(): Command {
  return new Command("test")
    .description("Test the runtime on kernels in QEMU. KTAP on stdout, a table on a terminal; exit status 1 if a test failed, 2 if the environment did.")
    .argument("[kernel...]", `kernels of "stp kernel list" (default: ${KERNELS[0].name})`)
    .option("--kernel-dir <directory>", "a kernel of your own: its build tree, or a folder with its image and headers; may be given again", gather, [])
    .option("--full", "after the smoke tests, everything that is tested in a guest")
    .option("--all", `all kernels: the full tests on ${KERNELS[0].name}, smoke on the others`)
    .option("--test <name>", "only this smoke test; may be given again", gather, [])
    .option("--guests <n>", "guests at once (default: what cores and memory allow)", wholeNumber(1, GUESTS_MAX))
    .option("--boot-seconds <n>", BOOT_SECONDS_HELP, wholeNumber(1, BOOT_S_MAX))
    .option("--json", "print JSON instead of KTAP")
    .option("--junit <file>", "also write JUnit's XML")
    .option("--results <directory>", "also write all forms of the results, and of each failure the console and what the guest sent, into a new directory")
    .action(test);
}

async function test(names: readonly string[], options: TestOptions): Promise<void> {
  const kernels = chooseKernels(names, options);
  const directory = options.results === undefined ? undefined : await claimResults(newDirectory(options.results));
  if (options.junit !== undefined) await keepFile(options.junit, junitXml([])); // before the work whose result it is to hold
  const progress = beginProgress("testing");
  const told = new Told(kernels.map(({ name }) => name), progress, options.json === true);
  const stop = abortAtInterrupt(["SIGINT", "SIGTERM"]);
  try {
    const results = await runMatrix(kernels, {
      report: told.report,
      onResult: told.result,
      onKernel: told.kernel,
      stop: stop.signal,
      ...(options.guests !== undefined && { guests: options.guests }),
      ...(options.bootSeconds !== undefined && { boot_ms: options.bootSeconds * 1000 }),
    });
    progress.end();
    if (process.stderr.isTTY) process.stderr.write(`\n${resultTable(results, true)}`);
    if (options.json) process.stdout.write(resultsJson(results));
    if (directory !== undefined) await keepResults(directory, results);
    if (options.junit !== undefined) await keepFile(options.junit, junitXml(results));
    process.exitCode = stop.signal.aborted ? EXIT_INTERRUPTED : exitStatusOf(results);
  } finally {
    stop.release();
    progress.end();
  }
}

function chooseKernels(names: readonly string[], { kernelDir, full, all, test }: TestOptions): MatrixKernel[] {
  const named = [...names.map(chooseKernel), ...kernelDir.map(kernelInDirectory)];
  if (all && (named.length > 0 || full || test.length > 0)) throw new StpError("Cannot test all kernels and chosen ones: leave out --all, or the kernels, --full and --test");
  if (full && test.length > 0) throw new StpError("Cannot run the full tests and chosen ones: leave out --full or --test");
  if (all) return allKernels();
  const chosen: readonly Kernel[] = named.length > 0 ? named : [KERNELS[0]];
  return chosen.map((kernel) => matrixKernel(kernel, full ? "full" : "smoke", findTests(test)));
}

/** Tells results as they come: each kernel's KTAP when it and those before it are done, and what is happening meanwhile. */
class Told {
  readonly #doing = new Map<string, string>();
  readonly #done = new Map<string, readonly TestResult[]>();
  #printed = 0;

  constructor(
    private readonly kernels: readonly string[],
    private readonly progress: Progress,
    private readonly isQuiet: boolean,
  ) {
    this.#print(ktapHead(kernels.length));
  }

  readonly report = (kernel: string, line: string): void => {
    this.#doing.set(kernel, line);
    this.progress.show([...this.#doing].map(([name, doing]) => `${name}: ${doing}`).join(" · "));
  };

  readonly result = ({ kernel, test, outcome, problems }: TestResult): void => {
    if (outcome !== "ok") this.progress.note(`${kernel}: ${test}: ${outcome}: ${problems[0] ?? ""}`);
  };

  readonly kernel = (name: string, results: readonly TestResult[]): void => {
    this.#doing.delete(name);
    this.#done.set(name, results);
    for (let next = this.kernels[this.#printed]; next !== undefined && this.#done.has(next); next = this.kernels[this.#printed]) this.#print(ktapKernel(++this.#printed, next, this.#done.get(next)!));
  };

  #print(text: string): void {
    if (this.isQuiet) return;
    this.progress.hide();
    process.stdout.write(text);
  }
}
