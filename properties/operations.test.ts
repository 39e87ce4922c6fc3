/** Operations as bytes and as lines: round trips; dumps as lines. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DUMP_TAGS, OPERATIONS, type OperationName } from "../spec/protocol.ts";
import { firstDifference, formatDump } from "./dump.ts";
import { bytes, decodeBatch, encodeBatch, formatOperation, nameOf, operation, parseOperation, type Operation } from "./operations.ts";
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
    [operation("map_walk", { target: 2, value: 3n * 128n + 3n }), "cpu0 map_walk pairs value_desc:3"],
    [operation("map_walk", { target: 6, value: 64n + 32n }), "cpu0 map_walk named variance:0:remove"],
    [operation("map_walk", { target: 99, value: -1n }), "cpu0 map_walk map99 -1"],
    [operation("print_map", { target: 1, value: 128n + 64n }), "cpu0 print_map strings insertion:1:remove"],
    [operation("print_map", { target: 1, value: 63n }), "cpu0 print_map strings 63"],
    [operation("print_hist", { target: 9, args: [bytes("a")] }), 'cpu0 print_hist sizes ["a"]'],
    [operation("map_contains", { target: 3, args: [bytes("a"), 1n], value: 2n }), 'cpu0 map_contains mixed ["a", 1] any=0b10'],
    [operation("map_del_slice", { target: 0, args: [1n], value: -1n }), "cpu0 map_del_slice ints [1] -1"],
    [operation("map_set_string", { target: 5, args: [1n], text: "ab" }), 'cpu0 map_set_string texts [1] "ab"'],
    [operation("map_push_string", { target: 5, text: "ab" }), 'cpu0 map_push_string texts "ab"'],
    [operation("raise", { text: "%d", args: [1n] }), 'cpu0 raise "%d" [1]'],
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
    "cpu0 map_walk ints value:0:keep",
    "cpu0 map_contains ints [1] any=2",
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

  const dumpOf = (words: readonly (number | bigint)[]): Uint8Array => new Uint8Array(BigUint64Array.from(words.map(BigInt)).buffer);
  const { map, part, entry, stats, level } = DUMP_TAGS;

  test("shows parts, values, statistics, levels and counts", () => {
    const named = [map, 6, part, 2, 5, 1, entry, 1, 0x61, stats, 2, 4, 0, 1, 3, 10, 1, 66, 1, 67, 1, 0];
    expect(formatDump(dumpOf(named))).toEqual(["map named", "  part 0 size 1 next 5 held by cpu1", '    entry ["a"] count 2 sum 4 min 1 max 3 sumsq 18446744073709551626 buckets 65:1 66:1']);
    expect(formatDump(dumpOf([map, 5, part, 0, 0, 1, entry, -1n, 2, 0x6261]))).toEqual(["map texts", "  part 0 size 1", '    entry [-1] "ab"']);
    expect(formatDump(dumpOf([level, 1, 1, 1, 0, 1, 2, 1, 1, 0x65, 0]))).toEqual(['  level softirq probe 1 actions 0 exhausted strings 2 error "e" text ""']);
    expect(formatDump(dumpOf([level, 3, 0, 0, 0, 0, 0, 0, 0, 0]))).toEqual(["  level nmi inactive"]);
    expect(formatDump(dumpOf([DUMP_TAGS.ledger, 2, 1, 2, 6, 1, 7, 51, 3, 52, 4, 99, 5, 0]))).toEqual(["ledger probe none cpu1; hit: delivered 6 attempted 7; cut 3; evicted 4; count 99 5"]);
  });

  test("firstDifference names the first line that differs", () => {
    const [before, after] = [0, 1].map((size) => dumpOf([map, 2, part, 0, 0, size])) as [Uint8Array, Uint8Array];
    expect(firstDifference(before, before)).toBeUndefined();
    expect(firstDifference(before, after)).toEqual({ line: 1, expected: "  part 0 size 0", actual: "  part 0 size 1" });
  });
});
