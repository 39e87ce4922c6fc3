/** Results as a table for a terminal: kernels down, tests across, seconds in the cells. Pure. */
import { styleText } from "node:util";
import { outcomeOf } from "../outcome.ts";
import type { Outcome, TestResult } from "../test.ts";

const COLOURS = { ok: "green", failed: "red", environment: "yellow", "not run": "dim" } as const satisfies Record<Outcome, string>;
const MARKS: Readonly<Record<Outcome, string>> = { ok: "", failed: "FAIL ", environment: "ERROR ", "not run": "" };

export function resultTable(results: readonly TestResult[], colours = false): string {
  const kernels = [...new Set(results.map((result) => result.kernel))];
  const columns = [...new Set(results.map(columnOf))];
  const find = (kernel: string, column: string): TestResult[] => results.filter((result) => result.kernel === kernel && columnOf(result) === column);
  const first = Math.max(...kernels.map((kernel) => kernel.length), 0);
  const widths = columns.map((column) => Math.max(column.length, ...kernels.map((kernel) => cell(find(kernel, column)).length)));
  const paint = (of: readonly TestResult[], text: string): string => (colours && of.length > 0 ? styleText(COLOURS[outcomeOf(of)], text, { validateStream: false }) : text);
  const line = (name: string, cells: readonly string[]): string => `${[name.padEnd(first), ...cells].join("  ").trimEnd()}\n`;
  const head = line("", columns.map((column, i) => column.padStart(widths[i]!)));
  const rows = kernels.map((kernel) => line(kernel, columns.map((column, i) => paint(find(kernel, column), cell(find(kernel, column)).padStart(widths[i]!)))));
  return head + rows.join("");
}

const columnOf = ({ group, test }: TestResult): string => group ?? test;

/** Seconds; of a group, how many of its tests are well, too. */
function cell(results: readonly TestResult[]): string {
  const outcome = outcomeOf(results);
  if (results.length === 0) return "";
  if (outcome === "not run") return "-";
  const ok = results.filter((result) => result.outcome === "ok").length;
  const count = results[0]!.group === undefined ? "" : `${ok}/${results.length} `;
  return `${MARKS[outcome]}${count}${(results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1)} s`;
}
