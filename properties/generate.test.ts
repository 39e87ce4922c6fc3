/** The generator: one seed, one sequence; what it reaches; what it must not make. */
import { describe, expect, test } from "vitest";
import { LIMITS, OPERATIONS, PRINT_DIRECTIVES, PRINT_FLAGS } from "../spec/protocol.ts";
import { createGenerator } from "./generate.ts";
import { decodeBatch, type Operation } from "./operations.ts";

const SEED = 7;
const { operations } = decodeBatch(createGenerator(SEED).batch(200_000));
const formats = operations.filter(({ name }) => name === "print_printf" || name === "str_printf" || name === "raise");
const textOf = (op: Operation): string => Buffer.from(op.text as Uint8Array).toString("latin1");

describe("the generator", () => {
  test("gives the same operations for a seed however they are split", () => {
    const generator = createGenerator(SEED);
    const parts = [1, 999, 2000].flatMap((count) => decodeBatch(generator.batch(count)).operations);
    expect(parts).toEqual(operations.slice(0, 3000));
    expect(decodeBatch(createGenerator(SEED + 1).batch(3000)).operations).not.toEqual(parts);
  });

  test("makes every operation, and unknown ones", () => {
    const names = new Set<string>(operations.map(({ name }) => name));
    expect(Object.keys(OPERATIONS).filter((name) => !names.has(name))).toEqual([]);
    expect([...names].some((name) => name.startsWith("code_"))).toBe(true);
  });

  test("makes every directive and flag, `*`, and widths up to and beyond the limit", () => {
    const directives = formats.flatMap((op) => [...textOf(op).matchAll(/%([-+ 0#]*)(\*|\d*)(?:\.(\*|\d*))?([a-zA-Z%])/g)]);
    const letters = new Set(directives.map((directive) => directive[4]));
    expect(PRINT_DIRECTIVES.filter((letter) => !letters.has(letter))).toEqual([]);
    for (const flag of PRINT_FLAGS) expect(directives.some(([, flags]) => flags!.includes(flag)), flag).toBe(true);
    expect(directives.some(([, , width]) => width === "*") && directives.some(([, , , precision]) => precision === "*")).toBe(true);
    const widths = directives.map(([, , width]) => Number(width));
    expect(widths).toContain(LIMITS.PRINT_WIDTH_MAX.value + 1);
    expect(new Set(widths.filter((width) => width > 256 && width <= LIMITS.PRINT_WIDTH_MAX.value)).size).toBeGreaterThan(20);
  });

  // A guest kernel reads what %m is given; nothing may be there, or it answers as no other world does (P1).
  test("gives no format with %m or %M an int64 that could be the address of something", () => {
    const withMemory = operations.filter((op) => /[mM]/.test(textOf(op)) && /%/.test(textOf(op)));
    const numbers = withMemory.flatMap(({ args }) => args.filter((arg) => typeof arg === "bigint"));
    expect(withMemory.length).toBeGreaterThan(500);
    expect(numbers.length).toBeGreaterThan(500);
    expect(numbers.filter((number) => (number <= -4096n || number >= 4096n) && number !== 2n ** 63n - 1n && number !== -(2n ** 63n))).toEqual([]);
  });

  test("ends most hits before their actions are used up, and gives maps back", () => {
    const count = (name: string): number => operations.filter((op) => op.name === name).length;
    expect(count("probe_exit") / count("probe_enter")).toBeGreaterThan(0.8);
    expect(count("map_release")).toBeGreaterThan(count("map_hold"));
  });
});
