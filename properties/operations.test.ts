/** Operations as bytes and as lines: round trips; dumps as lines; what the generator reaches. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { DUMP_TAGS, ERRORS, LIMITS, OPERATIONS, type OperationName } from "../spec/protocol.ts";
import { firstDifference, formatDump } from "./dump.ts";
import { createGenerator } from "./generate.ts";
import { loadModel } from "./model.ts";
import { bytes, decodeBatch, encodeBatch, formatOperation, nameOf, operation, parseOperation, type Operation } from "./operations.ts";
import type { ReplayTarget } from "./target.ts";
import { formatBytes, readBytes } from "./text.ts";

const string = fc.uint8Array({ min: 1, max: 255, maxLength: 40 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const byte = fc.integer({ min: 0, max: 255 });
const anyOperation: fc.Arbitrary<Operation> = fc.record({
  name: fc.oneof(fc.constantFrom(...(Object.keys(OPERATIONS) as OperationName[])), fc.integer({ min: 0, max: 65535 }).map(nameOf)),
  cpu: byte,
  context: byte,
  target: byte,
  value: fc.oneof(int64, fc.bigInt({ min: -40n, max: 200n })),
  text: string,
  args: fc.array(fc.oneof(int64, string), { maxLength: 20 }),
});

let model: ReplayTarget;
beforeAll(async () => {
  model = await loadModel();
}, 120_000);

describe("operations", () => {
  test("decodeBatch gives back what encodeBatch wrote", () => {
    fc.assert(
      fc.property(fc.array(anyOperation, { maxLength: 5 }), fc.nat(), (operations, fullEvery) => {
        expect(decodeBatch(encodeBatch(operations, { fullEvery }))).toEqual({ fullEvery, operations });
      }),
    );
  });

  test("parseOperation gives back what formatOperation wrote, on one line", () => {
    fc.assert(
      fc.property(anyOperation, (op) => {
        const line = formatOperation(op);
        expect(line).toMatch(/^[\x20-\x7e]+$/);
        expect(parseOperation(line)).toEqual(op);
      }),
    );
  });

  test.each([
    [operation("map_add", { target: 1, args: [bytes("abc")], value: 5n }), 'cpu0 map_add strings ["abc"] 5'],
    [operation("map_set", { cpu: 1, target: 3, args: [bytes('"\\\n\u00e9'), -1n], value: -(2n ** 63n) }), 'cpu1 map_set mixed ["\\"\\\\\\x0a\\xc3\\xa9", -1] -9223372036854775808'],
    [operation("map_walk", { target: 2, value: 3n * 16n + 2n }), "cpu0 map_walk pairs value_desc:3"],
    [operation("map_walk", { target: 9, value: -1n }), "cpu0 map_walk map9 -1"],
    [operation("probe_enter", { target: 1, context: 2 }), "cpu0 probe_enter probe1 irq"],
    [operation("print_printf", { text: "%d%s", args: [1n, bytes("")] }), 'cpu0 print_printf "%d%s" [1, ""]'],
    [operation("probe_exit", { context: 3, target: 9, text: "t", args: [0n], value: 4n }), 'cpu0 probe_exit context=3 target=9 text="t" args=[0] value=4'],
    [operation("code_99", { cpu: 7 }), "cpu7 code_99"],
  ])("an operation reads as a line: %#", (op, line) => {
    expect(formatOperation(op)).toBe(line);
    expect(parseOperation(line)).toEqual({ ...op, text: typeof op.text === "string" ? bytes(op.text) : op.text });
  });

  test.each([
    "",
    "map_add ints [1] 5",
    "cpu0 map_mul ints [1] 5",
    "cpu0 map_add ints [1 5",
    "cpu0 map_add nowhere [1] 5",
    "cpu0 map_walk ints upward:0",
    "cpu0 probe_exit and more",
  ])("parseOperation of %j throws and says where", (line) => {
    expect(() => parseOperation(line)).toThrow(/^Cannot read the operation ".*" at column \d+: .* is expected$/);
  });

  test("decodeBatch of a cut batch throws", () => {
    const batch = encodeBatch([operation("print_printf", { text: "abc", args: [1n, bytes("x")] })]);
    for (let size = 0; size < batch.length; size += 8) expect(() => decodeBatch(batch.subarray(0, size))).toThrow("Cannot read the batch");
  });

  test("readBytes gives back what formatBytes wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (text) => {
        expect(readBytes(formatBytes(text))).toEqual(text);
      }),
    );
  });
});

describe("formatDump", () => {
  test("never throws, and two dumps are equal if and only if their lines are", () => {
    const tag = fc.constantFrom(...Object.values(DUMP_TAGS)).map(BigInt);
    const word = fc.oneof(fc.bigInt({ min: 0n, max: 5n }), tag, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const dump = fc.array(word, { maxLength: 40 }).map((words) => new Uint8Array(BigUint64Array.from(words).buffer));
    fc.assert(
      fc.property(dump, dump, (a, b) => {
        expect(formatDump(a).join("\n") === formatDump(b).join("\n")).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  test("firstDifference names the first line that differs", () => {
    model.init();
    const before = model.dump();
    model.run(encodeBatch([operation("map_set", { target: 2, args: [1n, 2n], value: 3n })]));
    expect(firstDifference(before, before)).toBeUndefined();
    expect(firstDifference(before, model.dump())).toEqual({ line: 2, expected: "map pairs size 0", actual: "map pairs size 1" });
  });
});

describe("the generator", () => {
  const SEED = 7;

  test("gives the same operations for a seed however they are split", () => {
    const whole = decodeBatch(createGenerator(SEED).batch(3000)).operations;
    const generator = createGenerator(SEED);
    const parts = [1, 999, 2000].flatMap((count) => decodeBatch(generator.batch(count)).operations);
    expect(parts).toEqual(whole);
    expect(decodeBatch(createGenerator(SEED + 1).batch(3000)).operations).not.toEqual(whole);
  });

  test("reaches every error that an operation may return, and success, and widths up to and beyond the limit", () => {
    model.init();
    const reached = new Set<string>();
    const widths = new Set<number>();
    const { operations } = decodeBatch(createGenerator(SEED).batch(100_000));
    const results = new DataView(model.run(encodeBatch(operations)).buffer);
    operations.forEach((op, i) => {
      const result = Number(results.getBigInt64(i * 16, true));
      reached.add(`${op.name} ${result < 0 ? (Object.entries(ERRORS).find(([, { code }]) => code === -result)?.[0] ?? result) : "success"}`);
      for (const [, width] of Buffer.from(op.text as Uint8Array).toString("latin1").matchAll(/%[-0]*(\d+)[dxs]/g)) widths.add(Number(width));
    });
    const legal = Object.entries(OPERATIONS).flatMap(([name, { errors }]) => [...errors, "success"].map((outcome) => `${name} ${outcome}`));
    expect(legal.filter((outcome) => !reached.has(outcome))).toEqual([]);
    expect(widths.has(LIMITS.PRINT_WIDTH_MAX.value + 1)).toBe(true);
    expect([...widths].filter((width) => width > 256 && width <= LIMITS.PRINT_WIDTH_MAX.value).length).toBeGreaterThan(20);
  });
});
