/** Results as JSON, for other programs. Pure. */
import { byKernel, exitStatusOf, outcomeOf } from "../outcome.ts";
import type { TestResult } from "../test.ts";

export function resultsJson(results: readonly TestResult[]): string {
  const kernels = [...byKernel(results)].map(([kernel, own]) => {
    return { kernel, outcome: outcomeOf(own), tests: own.map(({ test, outcome, ms, problems, reports, figures }) => ({ test, outcome, seconds: Math.round(ms) / 1000, problems, reports, figures })) };
  });
  return `${JSON.stringify({ outcome: outcomeOf(results), exit_status: exitStatusOf(results), kernels }, undefined, 2)}\n`;
}
