/** What many results come to. Pure. */
import type { Outcome, TestResult } from "./test.ts";

/** The worst first. */
const ORDER = ["failed", "environment", "not run", "ok"] as const satisfies readonly Outcome[];

/** The worst of them; without any, nothing was run. */
export function outcomeOf(results: readonly Pick<TestResult, "outcome">[]): Outcome {
  return ORDER.find((outcome) => results.some((result) => result.outcome === outcome)) ?? "not run";
}

/** Results by their kernel, in the order in which kernels first come. */
export function byKernel(results: readonly TestResult[]): Map<string, TestResult[]> {
  const kernels = new Map<string, TestResult[]>();
  for (const result of results) kernels.set(result.kernel, [...(kernels.get(result.kernel) ?? []), result]);
  return kernels;
}

/** Exit status: 0 all is well, 1 a test failed, 2 the environment did. */
export function exitStatusOf(results: readonly Pick<TestResult, "outcome">[]): 0 | 1 | 2 {
  const outcome = outcomeOf(results);
  return outcome === "ok" ? 0 : outcome === "failed" ? 1 : 2;
}
