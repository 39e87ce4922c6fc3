/** Results as KTAP, the kernel's own form of TAP: a kernel is a test, its tests are subtests. Pure. */
import { byKernel, outcomeOf } from "../outcome.ts";
import type { TestResult } from "../test.ts";

/** All of them. */
export function ktap(results: readonly TestResult[]): string {
  const kernels = [...byKernel(results)];
  return ktapHead(kernels.length) + kernels.map(([kernel, own], i) => ktapKernel(i + 1, kernel, own)).join("");
}

/** The first lines. */
export function ktapHead(kernels: number): string {
  return `KTAP version 1\n1..${kernels}\n`;
}

/** One kernel's part, all its results known. `number` counts from 1. */
export function ktapKernel(number: number, kernel: string, results: readonly TestResult[]): string {
  const subtests = results.flatMap((result, i) => [...details(result), line(i + 1, result.test, result)]);
  const lines = ["KTAP version 1", `# Subtest: ${described(kernel)}`, `1..${results.length}`, ...subtests].map((text) => `  ${text}\n`);
  const outcome = outcomeOf(results);
  return `${lines.join("")}${line(number, kernel, { outcome, ms: results.reduce((sum, { ms }) => sum + ms, 0) })}\n`;
}

function line(number: number, name: string, { outcome, ms }: Pick<TestResult, "outcome" | "ms">): string {
  const directive = outcome === "environment" ? " # ERROR environment" : outcome === "not run" ? " # SKIP not run" : ` # ${(ms / 1000).toFixed(1)} s`;
  return `${outcome === "ok" || outcome === "not run" ? "ok" : "not ok"} ${number} ${described(name)}${directive}`;
}

/** One line, in which nothing is taken for a directive. */
const described = (name: string): string => name.replace(/\s+/g, " ").replaceAll("#", "\\#");

/** Diagnostic lines come before the line that they are about. */
function details({ problems, reports, figures, test }: TestResult): string[] {
  const counted = Object.entries(figures).map(([name, value]) => `${test}: ${name} ${Math.round(value)}`);
  return [...counted, ...problems, ...reports].flatMap((text) => text.split("\n")).map((text) => `# ${text}`);
}
