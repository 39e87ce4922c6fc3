/** Tests on several kernels: as many guests at once as the machine has room for. */
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { StpError } from "../../spec/errors.ts";
import type { FetchedKernel } from "../fetch.ts";
import { runCourse, type CourseOptions } from "./course.ts";
import { resultOf, type GuestTest, type TestResult } from "./test.ts";
import { failureOf } from "./trouble.ts";

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

export interface MatrixOptions extends Pick<CourseOptions, "boot_ms" | "silence_ms" | "stop" | "onResult"> {
  /** Told what is happening on which kernel. */
  readonly report: (kernel: string, line: string) => void;
  /** Told all results of a kernel when it is done. */
  readonly onKernel?: (kernel: string, results: readonly TestResult[]) => void;
  /** Guests at once; default: what cores and memory allow. */
  readonly guests?: number;
}

/** Guests that this machine, or the container that this is in, has room for. */
export function guestsAtOnce(cores = availableParallelism(), free_mib = process.availableMemory() / 2 ** 20): number {
  return Math.max(1, Math.min(Math.floor(cores / CORES_PER_GUEST), Math.floor(free_mib / GUEST_MEMORY_MIB)));
}

/**
 * Runs all; each kernel's results come in order. A kernel that cannot be had is a result, too: of the test "fetch".
 *
 * Kernels are fetched and built one after the other before the first guest boots: a build would take the CPUs that guests are timed on.
 * Throws StpError if a kernel is given twice.
 */
export async function runMatrix(kernels: readonly MatrixKernel[], { guests = guestsAtOnce(), report, onResult, onKernel, ...limits }: MatrixOptions): Promise<TestResult[]> {
  const twice = kernels.find(({ name }, i) => kernels.findIndex((kernel) => kernel.name === name) !== i);
  if (twice) throw new StpError(`Cannot test ${twice.name} twice at once: give it once`);
  const results = new Map<string, TestResult[]>(kernels.map(({ name }) => [name, []]));
  const turns = pLimit(guests);
  const optionsOf = (name: string): CourseOptions => ({
    ...limits,
    report: (line) => report(name, line),
    onResult: (result) => {
      results.get(name)!.push(result);
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
    onKernel?.(name, results.get(name)!);
  };
  await Promise.all(kernels.map((_, i) => rows(run, i)));
  return [...results.values()].flat();
}

/** What runs a kernel's tests, once it is here. */
async function fetched({ name, fetch, tests, more }: MatrixKernel, options: CourseOptions): Promise<() => Promise<void>> {
  const began_ms = performance.now();
  const fail = (test: string) => (error: unknown): void => options.onResult(resultOf(name, test, { ...failureOf(error), ms: performance.now() - began_ms }));
  if (options.stop?.aborted) return async () => options.onResult(resultOf(name, "fetch", { outcome: "not run", problems: ["Interrupted"] }));
  const kernel = await fetch(options.report).catch(fail("fetch"));
  return async () => {
    if (!kernel) return;
    await runCourse(kernel, tests, options).catch(fail("course"));
    await more?.(kernel, options).catch(fail("full"));
  };
}
