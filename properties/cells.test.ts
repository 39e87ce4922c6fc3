/** Cells: which are legal, and how they are counted. */
import { describe, expect, test } from "vitest";
import { CONTEXTS, OPERATIONS, type OperationName } from "../spec/protocol.ts";
import { CellCounter, EXCLUSIONS, LEGAL_CELLS, LEVELS, type Cell } from "./cells.ts";
import { encodeBatch, operation, type Operation } from "./operations.ts";

/** The results of operations, for `CellCounter.count`. */
function resultsOf(results: readonly number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(results.flatMap((result) => [BigInt(result), 0n])).buffer);
}

function count(steps: readonly (readonly [Operation, number])[]): CellCounter {
  const counter = new CellCounter();
  counter.begin();
  counter.count(encodeBatch(steps.map(([op]) => op)), resultsOf(steps.map(([, result]) => result)));
  return counter;
}

const EFULL = -1;
const EINVAL = -3;
const ESTATE = -6;

describe("LEGAL_CELLS", () => {
  const has = (cell: Cell): boolean => LEGAL_CELLS.some((legal) => legal.operation === cell.operation && legal.result === cell.result && legal.level === cell.level);

  test.each([
    ["probe_enter", "ok", "nmi", true],
    ["probe_enter", "ok", "outside", false],
    ["probe_exit", "ESTATE", "outside", true],
    ["probe_exit", "ok", "outside", false],
    ["print_printf", "ESTATE", "task", false],
    ["print_printf", "EINVAL", "outside", false],
    ["map_add", "EBUDGET", "outside", false],
    ["map_add", "EBUDGET", "irq", true],
    ["map_release", "ESTATE", "irq", true],
    ["ring_read", "ok", "outside", true],
    ["str_find", "ENOENT", "outside", true],
  ] as const)("%s %s %s: %s", (name, result, level, legal) => {
    expect(has({ operation: name, result, level })).toBe(legal);
  });

  test("leave out of operations, results and levels only what a rule excludes, and each exclusion leaves out something", () => {
    const names = Object.keys(OPERATIONS) as OperationName[];
    const all = names.flatMap((name) => (["ok", ...OPERATIONS[name].errors] as const).flatMap((result) => LEVELS.map((level): Cell => ({ operation: name, result, level }))));
    for (const { rule, excludes } of EXCLUSIONS) expect(all.some(excludes), rule).toBe(true);
    expect(LEGAL_CELLS).toEqual(all.filter((cell) => !EXCLUSIONS.some(({ excludes }) => excludes(cell))));
  });
});

describe("CellCounter", () => {
  test("knows the level from the enters and exits that succeeded, for each CPU", () => {
    const add = (cpu: number): Operation => operation("map_add", { cpu, target: 0, args: [1n] });
    const enter = (level: (typeof CONTEXTS)[number]): Operation => operation("probe_enter", { context: CONTEXTS.indexOf(level) });
    const counter = count([
      [add(0), 0],
      [enter("task"), 0],
      [enter("irq"), 0],
      [enter("softirq"), -5],
      [add(0), EFULL],
      [add(1), EFULL],
      [operation("probe_exit"), 0],
      [add(0), EFULL],
    ]);
    const times = (result: Cell["result"], level: Cell["level"]): number => counter.times({ operation: "map_add", result, level });
    expect([times("ok", "outside"), times("EFULL", "irq"), times("EFULL", "outside"), times("EFULL", "task")]).toEqual([1, 1, 1, 1]);
    expect(counter.times({ operation: "probe_enter", result: "ENESTED", level: "softirq" })).toBe(1);
    expect(counter.report()).toMatchObject({ reached: 8, legal: LEGAL_CELLS.length, illegal: [] });
  });

  test("leaves out what O2 refuses", () => {
    const refused = [operation("code_99"), operation("map_add", { cpu: 9 }), operation("map_clear", { target: 99 }), operation("probe_enter", { context: 4 }), operation("probe_enter", { target: 2 })];
    expect(count(refused.map((op) => [op, EINVAL])).report()).toMatchObject({ reached: 0, illegal: [] });
  });

  test("reports what no rule allows", () => {
    const { illegal } = count([
      [operation("map_size"), ESTATE],
      [operation("print_flush"), 0],
      [operation("map_clear"), -99],
    ]).report();
    expect(illegal).toEqual(["map_clear an unknown error outside", "map_size ESTATE outside", "print_flush ok outside"]);
  });
});
