/** The model against SEMANTICS.md: worked examples with literal results. T: transport. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../operations.ts";
import { EFULL, INT64_MAX, INT64_MIN, SOFTIRQ, TASK, enter, exit, flush, ledger, lines, loadModels, more, onCpu, print, raise, read, run, times } from "./testing.ts";

beforeAll(loadModels, 120_000);

describe("T: transport", () => {
  const write = (text: string): Operation[] => [print(text), flush];

  test("T1 T2 sequences are offsets of taken records, padded to 8; a refused record uses none; the ring takes its last byte", () => {
    run(enter(0), ...times(3, write("12345678")).flat());
    expect(lines("ring cpu0")[0]).toBe("ring cpu0 next 120 oldest 0");
    expect(more(...write("x"), read(1n), ...write("123456789"), read(1n), ...write("x"))).toEqual([0n, EFULL, 1n, 0n, 0n, 1n, 0n, 0n]);
    expect(lines("ring cpu0")[0]).toBe("ring cpu0 next 208 oldest 80");
    run(enter(0), ...write("x".repeat(48)), ...write("x".repeat(33)), ...write("x"));
    expect(lines("ring cpu0")[0]).toBe("ring cpu0 next 120 oldest 0");
    run(enter(0), ...times(2, write("x".repeat(32))).flat());
    expect(lines("ring cpu0")[0]).toBe("ring cpu0 next 128 oldest 0");
    run(...times(5, [enter(0), raise(""), exit]).flat());
    expect(lines("ring cpu0")[0]).toBe("ring cpu0 next 128 oldest 0");
  });

  test("T3 a record names the innermost probe, its level and CPU", () => {
    run(onCpu(1, enter(0, TASK)), onCpu(1, enter(1, SOFTIRQ)), onCpu(1, print("s")), onCpu(1, flush));
    expect(lines("ring cpu1")).toEqual(["ring cpu1 next 40 oldest 0", 'record print softirq probe 1 cpu1 sequence 0 "s"']);
  });

  test("T6 a ring that overwrites drops its oldest for the new, in the rows of who wrote them; its reader takes nothing", () => {
    const on = (operations: readonly Operation[]): Operation[] => operations.map((op) => onCpu(1, op));
    const results = run(...on([enter(1), ...write("a"), ...write("b"), exit, enter(0), ...write("c"), ...write("d"), read(2n), read(9n)]));
    expect(results.slice(-4)).toEqual([0n, 0n, 2n, 3n]);
    expect(lines("ring cpu1")).toEqual([
      "ring cpu1 next 160 oldest 40",
      'record print task probe 1 cpu1 sequence 40 "b"',
      'record print task probe 0 cpu1 sequence 80 "c"',
      'record print task probe 0 cpu1 sequence 120 "d"',
    ]);
    expect(ledger("probe 1 cpu1")).toContain("record: attempted 2 delivered 1 overwritten 1");
    expect(ledger("probe 0 cpu1")).toContain("record: attempted 2 delivered 2");
    // One that fits by itself drops all; an error's record that is larger than the ring drops nothing, and is lost by full.
    expect(more(...on([...write("x".repeat(72)), read(9n)]))).toEqual([0n, 0n, 1n]);
    expect(ledger("probe 0 cpu1")).toContain("record: attempted 3 delivered 1 overwritten 2");
    expect(more(...on([raise("e".repeat(120)), exit, read(9n)]))).toEqual([0n, 0n, 1n]);
    expect(ledger("probe 0 cpu1")).toContain("record: attempted 4 delivered 1 full 1 overwritten 2");
  });

  test("T4 ring_read takes the oldest first, up to n, none if n < 0, of its CPU only", () => {
    const results = run(enter(0), ...write("a"), ...write("b"), ...write("c"), read(-1n), read(INT64_MIN), read(0n), onCpu(1, read(9n)), read(2n)).slice(-5);
    expect(results).toEqual([0n, 0n, 0n, 0n, 2n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 120 oldest 80", 'record print task probe 0 cpu0 sequence 80 "c"']);
    expect(more(read(INT64_MAX))).toEqual([1n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 120 oldest 120"]);
  });
});
