/** Tests on several kernels: as many guests at once as the machine has room for. */
import { availableParallelism, freemem } from "node:os";
import pLimit from "p-limit";
import type { FetchedKernel } from "../fetch.ts";
import { runCourse, type CourseOptions } from "./course.ts";
import type { GuestTest, TestResult } from "./test.ts";
import { environmentTrouble } from "./trouble.ts";

/** Cores for a guest: two of its four CPUs work most of the time. */
const CORES_PER_GUEST = 2;
/** Memory that QEMU takes for a guest, its own included. */
const GUEST_MEMORY_MIB = 1024;

/** A kernel to be tested: how it is got, and what is run on it. */
export interface MatrixKernel {
  readonly name: string;
  /** Throws StpError if it cannot be had. */
  readonly fetch: (report: (line: string) => void) => Promise<FetchedKernel>;
  readonly tests: readonly GuestTest[];
  /** What comes after those tests, in its own guests. */
  readonly more?: (kernel: FetchedKernel, options: CourseOptions) => Promise<void>;
}

export interface MatrixOptions extends Pick<CourseOptions, "boot_ms" | "silence_ms" | "onResult"> {
  /** Told what is happening on which kernel. */
  readonly report: (kernel: string, line: string) => void;
  /** Told all results of a kernel when it is done. */
  readonly onKernel?: (kernel: string, results: readonly TestResult[]) => void;
  /** Guests at once; default: what cores and memory allow. */
  readonly guests?: number;
}

/** Guests that this machine has room for. */
export function guestsAtOnce(cores = availableParallelism(), free_mib = freemem() / 2 ** 20): number {
  return Math.max(1, Math.min(Math.floor(cores / CORES_PER_GUEST), Math.floor(free_mib / GUEST_MEMORY_MIB)));
}

/**
 * Runs all; each kernel's results come in order. A kernel that cannot be had is a result, too: of the test "fetch".
 *
 * Kernels are fetched and built one after the other before the first guest boots: a build would take the CPUs that guests are timed on.
 */
export async function runMatrix(kernels: readonly MatrixKernel[], { guests = guestsAtOnce(), report, onResult, onKernel, ...limits }: MatrixOptions): Promise<TestResult[]> {
  const results: TestResult[] = [];
  const turns = pLimit(guests);
  const optionsOf = (name: string): CourseOptions => ({
    ...limits,
    report: (line) => report(name, line),
    onResult: (result) => {
      results.push(result);
      onResult(result);
    },
    inTurn: (guest) => turns(guest),
  });
  const runs: (() => Promise<void>)[] = [];
  for (const kernel of kernels) runs.push(await fetched(kernel, optionsOf(kernel.name)));
  // One more than guests: its modules are built while the others' guests run.
  const rows = pLimit(guests + 1);
  const run = async (i: number): Promise<void> => {
    await runs[i]!();
    const { name } = kernels[i]!;
    onKernel?.(name, results.filter((result) => result.kernel === name));
  };
  await Promise.all(kernels.map((_, i) => rows(run, i)));
  return results;
}

/** What runs a kernel's tests, once it is here. */
async function fetched({ name, fetch, tests, more }: MatrixKernel, options: CourseOptions): Promise<() => Promise<void>> {
  const began_ms = performance.now();
  const trouble = (what: string) => (error: unknown): void =>
    options.onResult({ kernel: name, test: what, outcome: "environment", ms: performance.now() - began_ms, problems: [environmentTrouble(error)], reports: [], figures: {}, artefacts: [] });
  const kernel = await fetch(options.report).catch(trouble("fetch"));
  return async () => {
    if (!kernel) return;
    await runCourse(kernel, tests, options);
    await more?.(kernel, options).catch(trouble("full"));
  };
}
