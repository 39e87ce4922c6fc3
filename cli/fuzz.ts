/** stp fuzz: the runtime under concurrency, by inputs that are changed as long as they reach something new. */
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { Command } from "commander";
import { cacheRoot } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { fuzz, type FuzzResult, type FuzzState } from "../properties/fuzz/fuzz.ts";
import { beginProgress, wholeNumber } from "./terminal.ts";

interface FuzzCommandOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly corpus?: string;
  readonly jobs?: number;
  readonly json?: boolean;
}

const SECONDS_MAX = 1_000_000;
const SEED_MAX = 2 ** 31 - 1;
const JOBS_MAX = 256;
/** Cells that are named when they were not reached. */
const CELLS_SHOWN_MAX = 8;

export function fuzzCommand(): Command {
  return new Command("fuzz")
    .description("Run the runtime's calls concurrently, guided by coverage: programs, schedules and faults; the model judges every run.")
    .argument("[probe.c]", "not yet: without it, the runtime itself is fuzzed")
    .option("--seconds <n>", "how long", wholeNumber(1, SECONDS_MAX), 60)
    .option("--seed <n>", "seed of what is drawn", wholeNumber(0, SEED_MAX), 1)
    .option("--corpus <directory>", "where inputs are kept and found again (default: fuzz/ in the cache)")
    .option("--jobs <n>", "threads (default: one for each CPU)", wholeNumber(1, JOBS_MAX))
    .option("--json", "print the result as JSON")
    .action(run);
}

async function run(probe: string | undefined, options: FuzzCommandOptions): Promise<void> {
  if (probe !== undefined) throw new StpError(`Cannot fuzz ${probe}: only the runtime itself can be fuzzed yet; for a probe, run "./stp check ${probe}"`);
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  const progress = beginProgress("fuzzing");
  process.once("SIGINT", interrupt); // a second one ends the process
  try {
    const corpus = options.corpus ?? join(cacheRoot(), "fuzz");
    const jobs = options.jobs ?? availableParallelism();
    const result = await fuzz({ ...options, corpus, jobs, signal: abort.signal, report: progress.show, progress: (state) => progress.show(`fuzzing: ${stateText(state)}`) });
    progress.end();
    process.stdout.write(options.json ? `${JSON.stringify({ ...result, seed: options.seed, jobs, corpus })}\n` : resultText(result, options.seed, jobs));
    if (result.failure) process.exitCode = 1;
  } finally {
    process.removeListener("SIGINT", interrupt);
    progress.end();
  }
}

function stateText({ executions, executions_per_s, edges, edges_total, cells, cells_legal, inputs }: FuzzState): string {
  return `${executions} executions (${executions_per_s} a second), edges ${edges} of ${edges_total}, cells ${cells} of ${cells_legal}, corpus ${inputs}`;
}

function resultText(result: FuzzResult, seed: number, jobs: number): string {
  const { seconds, executions, executions_per_s, edges, edges_total, cells, cells_legal, cells_missing, inputs, allocations, failure } = result;
  const missing = cells_missing.slice(0, CELLS_SHOWN_MAX).join(", ") + (cells_missing.length > CELLS_SHOWN_MAX ? ", …" : "");
  return [
    `fuzz: ${failure ? "FAILED" : "no failure"} (seed ${seed}, ${jobs} thread${jobs === 1 ? "" : "s"}, ${seconds.toFixed(1)} s)\n`,
    `  executions  ${executions}, ${executions_per_s} a second\n`,
    `  edges       ${edges} of ${edges_total} reached\n`,
    `  cells       ${cells} of ${cells_legal} (operation, result, level) reached${missing === "" ? "" : `; not: ${missing}`}\n`,
    `  corpus      ${inputs} inputs\n`,
    `  init        each of its ${allocations} allocations has failed once\n`,
    ...(failure ? [`\n${failure.text.replace(/^/gm, "  ").trimEnd()}\n  again: ./stp replay ${shortest(failure.path)}\n`] : []),
  ].join("");
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}
