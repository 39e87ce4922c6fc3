/** stp kernel bisect: which of a list of kernels is the first on which a test fails. */
import { Command } from "commander";
import { chooseKernel } from "../kernel-harness/choose.ts";
import { bisect, type Judgement } from "../kernel-harness/suite/bisect.ts";
import { claimResults, keepResults } from "../kernel-harness/suite/keep.ts";
import { runMatrix } from "../kernel-harness/suite/matrix.ts";
import { outcomeOf } from "../kernel-harness/suite/outcome.ts";
import { findTests, matrixKernel } from "../kernel-harness/suite/suite.ts";
import type { Outcome, TestResult } from "../kernel-harness/suite/test.ts";
import type { Kernel } from "../kernel-harness/kernels.ts";
import { newDirectory } from "./program.ts";
import { beginProgress, BOOT_S_MAX, BOOT_SECONDS_HELP, gather, wholeNumber } from "./terminal.ts";

interface BisectOptions {
  readonly test: readonly string[];
  readonly bootSeconds?: number;
  readonly results?: string;
  readonly json?: boolean;
}

/** What all tests need, and a test itself. */
const BOOT = "boot";

const JUDGEMENTS: Readonly<Record<Outcome, Judgement>> = { ok: "good", failed: "bad", environment: "unknown", "not run": "unknown" };

export function kernelBisectCommand(): Command {
  return new Command("bisect")
    .description("Find the first kernel of a list on which a test fails. A kernel that cannot be had is passed over.")
    .argument("<kernel...>", "kernels, or directories of kernels, in their order: the good one first, the bad one last")
    .option("--test <name>", `the failing test, "${BOOT}" too; may be given again (default: boot and all smoke tests)`, gather, [])
    .option("--boot-seconds <n>", BOOT_SECONDS_HELP, wholeNumber(1, BOOT_S_MAX))
    .option("--results <directory>", "also write the results of the first bad one, its console and what the guest sent, into a new directory")
    .option("--json", "print JSON")
    .action(run);
}

/** By what was asked for alone. A kernel on which that could not be run, as it did not boot, says nothing of it. */
function judgeOf(results: readonly TestResult[], asked: readonly string[]): Judgement {
  return JUDGEMENTS[outcomeOf(asked.length === 0 ? results : results.filter(({ test }) => asked.includes(test)))];
}

async function run(names: readonly string[], { test, bootSeconds, results: kept, json }: BisectOptions): Promise<void> {
  const kernels = names.map(chooseKernel);
  const tests = findTests(test.filter((name) => name !== BOOT));
  const directory = kept === undefined ? undefined : await claimResults(newDirectory(kept));
  const limits = bootSeconds === undefined ? {} : { boot_ms: bootSeconds * 1000 };
  const progress = beginProgress("bisecting");
  const judged: { readonly kernel: string; readonly judgement: Judgement }[] = [];
  const seen = new Map<string, readonly TestResult[]>();
  try {
    const found = await bisect(kernels, ({ name }) => name, async (kernel: Kernel) => {
      const results = await runMatrix([matrixKernel(kernel, "smoke", tests)], { ...limits, report: (name, line) => progress.show(`${name}: ${line}`), onResult: () => {} });
      const judgement = judgeOf(results, test);
      judged.push({ kernel: kernel.name, judgement });
      seen.set(kernel.name, results);
      progress.note(`${kernel.name} is ${judgement}${judgement === "good" ? "" : `: ${results.flatMap(({ problems }) => problems)[0] ?? ""}`}`);
      return judgement;
    });
    progress.end();
    const [good, bad, unknown] = [found.last_good.name, found.first_bad.name, found.unknown.map(({ name }) => name)];
    if (directory !== undefined) await keepResults(directory, seen.get(bad) ?? []);
    const first = unknown.length === 0 ? `the first bad kernel is ${bad}` : `the first bad kernel is one of ${[...unknown, bad].join(", ")}, as nothing is known of all but the last`;
    const text = `${first}, the last good one ${good}\n`;
    process.stdout.write(json ? `${JSON.stringify({ first_bad: bad, last_good: good, unknown, judged })}\n` : text);
  } finally {
    progress.end();
  }
}
