/** Results as a table for a terminal: kernels down, tests across, seconds in the cells. Pure. */
import { styleText } from "node:util";
import { byKernel, outcomeOf } from "../outcome.ts";
import type { Outcome, TestResult } from "../test.ts";

const COLOURS = { ok: "green", failed: "red", environment: "yellow", "not run": "dim" } as const satisfies Record<Outcome, string>;
const MARKS: Readonly<Record<Outcome, string>> = { ok: "", failed: "FAIL ", environment: "ERROR ", "not run": "" };

export function resultTable(results: readonly TestResult[], colours = false): string {
  const kernels = [...byKernel(results)];
  const columns = [...new Set(results.map(columnOf))];
  const cells = kernels.map(([, own]) => columns.map((column) => own.filter((result) => columnOf(result) === column)));
  const first = Math.max(...kernels.map(([kernel]) => kernel.length), 0);
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => textOf(row[i]!).length)));
  const paint = (of: readonly TestResult[], text: string): string => (colours && of.length > 0 ? styleText(COLOURS[outcomeOf(of)], text, { validateStream: false }) : text);
  const line = (name: string, texts: readonly string[]): string => `${[name.padEnd(first), ...texts].join("  ").trimEnd()}\n`;
  const head = line("", columns.map((column, i) => column.padStart(widths[i]!)));
  return head + kernels.map(([kernel], row) => line(kernel, cells[row]!.map((of, i) => paint(of, textOf(of).padStart(widths[i]!))))).join("");
}

const columnOf = ({ group, test }: TestResult): string => group ?? test;

/** Seconds; of a group, how many of its tests are well, too. */
function textOf(results: readonly TestResult[]): string {
  const outcome = outcomeOf(results);
  if (results.length === 0) return "";
  if (outcome === "not run") return "-";
  const ok = results.filter((result) => result.outcome === "ok").length;
  const count = results[0]!.group === undefined ? "" : `${ok}/${results.length} `;
  return `${MARKS[outcome]}${count}${(results.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1)} s`;
}
