/** The model against SEMANTICS.md: worked examples with literal results, rule by rule. */
import { beforeAll, describe, expect, test } from "vitest";
import { bytes, decodeBatch, encodeBatch, operation, type Argument, type Operation } from "./operations.ts";
import { createGenerator } from "./generate.ts";
import { formatDump } from "./dump.ts";
import { loadModel } from "./model.ts";
import type { ReplayTarget } from "./target.ts";
import { ERRORS, type OperationName } from "../spec/protocol.ts";

const EFULL = -BigInt(ERRORS.EFULL.code);
const EBUSY = -BigInt(ERRORS.EBUSY.code);
const EINVAL = -BigInt(ERRORS.EINVAL.code);
const ENOENT = -BigInt(ERRORS.ENOENT.code);
const ENESTED = -BigInt(ERRORS.ENESTED.code);
const ESTATE = -BigInt(ERRORS.ESTATE.code);
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const [INTS, STRINGS, PAIRS, MIXED] = [0, 1, 2, 3];
const [TASK, SOFTIRQ, IRQ, NMI] = [0, 1, 2, 3];
const [INSERTION, VALUE_ASC, VALUE_DESC, KEY1_ASC, KEY1_DESC, KEY2_ASC, KEY2_DESC] = [0n, 1n, 2n, 3n, 4n, 5n, 6n];

let model: ReplayTarget;
beforeAll(async () => {
  model = await loadModel();
}, 120_000);

/** Results of operations on the session as it is. */
function more(...operations: readonly Operation[]): bigint[] {
  return resultsOf(model.run(encodeBatch(operations))).map(({ result }) => result);
}

/** Results of operations on a fresh session. */
function run(...operations: readonly Operation[]): bigint[] {
  model.init();
  return more(...operations);
}

function resultsOf(results: Uint8Array): { result: bigint; digest: bigint }[] {
  const view = new DataView(results.buffer, results.byteOffset, results.length);
  return Array.from({ length: results.length / 16 }, (_, i) => ({ result: view.getBigInt64(i * 16, true), digest: view.getBigUint64(i * 16 + 8, true) }));
}

/** Lines of the dump now that begin with a word; indented lines belong to the line above. */
function lines(start: string): string[] {
  const all = formatDump(model.dump());
  const from = all.findIndex((line) => line.startsWith(start));
  const to = all.findIndex((line, i) => i > from && !line.startsWith(" "));
  return all.slice(from, to < 0 ? undefined : to).map((line) => line.trim());
}

const onCpu = (cpu: number, op: Operation): Operation => ({ ...op, cpu });
const enter = (probe = 0, context = TASK): Operation => operation("probe_enter", { target: probe, context });
const exit = operation("probe_exit");
const key = (...parts: (number | bigint | string)[]): Argument[] => parts.map((part) => (typeof part === "string" ? bytes(part) : BigInt(part)));
const add = (target: number, args: Argument[], value: bigint): Operation => operation("map_add", { target, args, value });
const set = (target: number, args: Argument[], value: bigint): Operation => operation("map_set", { target, args, value });
const onKey = (name: OperationName, target: number, args: Argument[]): Operation => operation(name, { target, args });
const onMap = (name: OperationName, target: number): Operation => operation(name, { target });
const walk = (target: number, sort: bigint, limit = 0n): Operation => operation("map_walk", { target, value: limit * 16n + sort });
const print = (text: string, ...args: (number | bigint | string)[]): Operation => operation("print_printf", { text, args: key(...args) });
const str = (text: string, ...args: (number | bigint | string)[]): Operation => operation("str_printf", { text, args: key(...args) });
const flush = operation("print_flush");
const read = (value: bigint): Operation => operation("ring_read", { value });
const times = <T>(count: number, item: T): T[] => Array<T>(count).fill(item);

describe("X: execution and the ledger", () => {
  test("X1 probe_enter at the level of an active probe, or below it, returns ENESTED; above it nests", () => {
    expect(run(enter(0, IRQ), enter(1, IRQ), enter(1, TASK), enter(1, NMI), onCpu(1, enter(1, TASK)))).toEqual([0n, ENESTED, ENESTED, 0n, 0n]);
    expect(lines("cpu0")).toEqual([
      "cpu0 active 2",
      'level task inactive probe 0 strings 0 text ""',
      'level softirq inactive probe 0 strings 0 text ""',
      'level irq probe 0 strings 0 text ""',
      'level nmi probe 1 strings 0 text ""',
    ]);
  });

  test("X2 probe_exit ends the innermost probe, flushes and returns 0 though the ring is full; outside a probe it returns ESTATE", () => {
    expect(run(exit)).toEqual([ESTATE]);
    const filled = [print("%48s", "x"), flush];
    expect(run(enter(1), ...filled, enter(0, IRQ), print("late and too long"), exit, exit, exit)).toEqual([0n, ...times(2, 0n), 0n, 0n, 0n, 0n, ESTATE]);
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1 delivered 1; record: attempted 1 full 1"]);
    expect(lines("cpu0")[1]).toBe('level task inactive probe 0 strings 0 text ""');
  });

  test("X3 calls are entered for the innermost probe, outside one for none, on their CPU; a refused hit for its own probe", () => {
    run(set(INTS, key(1), 1n), enter(1, SOFTIRQ), set(INTS, key(1), 1n), enter(0, TASK), onCpu(1, set(INTS, key(1), 1n)));
    expect(lines("ledger probe none cpu0")).toEqual(["ledger probe none cpu0; map: attempted 1 delivered 1"]);
    expect(lines("ledger probe 1 cpu0")).toEqual(["ledger probe 1 cpu0; hit: attempted 1; map: attempted 1 delivered 1"]);
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1 nested 1"]);
    expect(lines("ledger probe none cpu1")).toEqual(["ledger probe none cpu1; map: attempted 1 delivered 1"]);
  });

  test("X4 ENOENT is delivered; reads enter only EBUSY; EINVAL and ESTATE enter nothing", () => {
    const reads = [onKey("map_get", INTS, key(1)), onKey("map_contains", INTS, key(1)), walk(INTS, INSERTION)];
    run(onKey("map_del", INTS, key(1)), ...reads, walk(INTS, KEY2_ASC), onKey("map_add", INTS, key("1")), str("x"), print("x"), exit);
    expect(lines("ledger probe none cpu0")).toEqual(["ledger probe none cpu0; map: attempted 1 delivered 1"]);
    more(onMap("map_hold", INTS), ...reads, onMap("map_clear", INTS));
    expect(lines("ledger probe none cpu0")).toEqual(["ledger probe none cpu0; map: attempted 5 delivered 1 busy 4"]);
  });

  test("X5 a replay is always running: its first hit is a hit", () => {
    run(enter(0));
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1"]);
  });
});

describe("M: maps", () => {
  test("M1 a key of another number or types of parts returns EINVAL, and cuts nothing", () => {
    const ints = [add(INTS, key(), 1n), add(INTS, key(1, 2), 1n), add(INTS, key("a"), 1n)];
    const mixed = [add(MIXED, key("a", "b"), 1n), add(MIXED, key("a long string of 29 characters"), 1n)];
    expect(run(...ints, ...mixed)).toEqual(times(5, EINVAL));
    expect(run(add(INTS, key(...times(17, 1)), 1n))).toEqual([EINVAL]);
    expect(lines("ledger probe none cpu0")).toEqual(["ledger probe none cpu0"]);
  });

  test("M1 string parts are cut to string_size - 1 bytes, equal after the cut, and counted by reads and refused calls too", () => {
    expect(run(add(STRINGS, key("abcdefg"), 1n), add(STRINGS, key("abcdefgh"), 2n), onKey("map_contains", STRINGS, key("abcdefgX")))).toEqual([0n, 0n, 1n]);
    more(onMap("map_hold", STRINGS), onKey("map_get", STRINGS, key("abcdefgh")));
    expect(lines("map strings")).toEqual(["map strings size 1 held by cpu0", 'entry ["abcdefg"] 3']);
    expect(lines("ledger probe none cpu0")).toEqual(["ledger probe none cpu0; map: attempted 3 delivered 2 busy 1; cut 3"]);
  });

  test("M2 EINVAL comes before EBUSY, EBUSY before ENOENT and EFULL", () => {
    const full = [1, 2, 3].map((part) => set(INTS, key(part), 0n));
    const held = [set(INTS, key(), 0n), walk(INTS, 7n), onKey("map_del", INTS, key(9)), set(INTS, key(9), 0n)];
    expect(run(...full, onMap("map_hold", INTS), ...held)).toEqual([0n, 0n, 0n, 0n, EINVAL, EINVAL, EBUSY, EBUSY]);
  });

  test("M3 M5 map_add makes an absent entry with 0 and wraps modulo 2^64", () => {
    run(add(INTS, key(7), INT64_MAX), add(INTS, key(7), 1n), add(INTS, key(8), INT64_MIN), add(INTS, key(8), -1n));
    expect(lines("map ints")).toEqual(["map ints size 2", `entry [7] ${INT64_MIN}`, `entry [8] ${INT64_MAX}`]);
  });

  test("M4 a new key in a full map returns EFULL and changes nothing; a key it has still works", () => {
    const results = run(add(STRINGS, key("a"), 1n), set(STRINGS, key("b"), 2n), add(STRINGS, key("c"), 3n), set(STRINGS, key("c"), 3n), add(STRINGS, key("a"), 4n));
    expect(results).toEqual([0n, 0n, EFULL, EFULL, 0n]);
    expect(lines("map strings")).toEqual(["map strings size 2", 'entry ["a"] 5', 'entry ["b"] 2']);
    expect(lines("ledger probe none cpu0")).toEqual(["ledger probe none cpu0; map: attempted 5 delivered 3 full 2"]);
  });

  test("M6 a held map answers EBUSY to all but map_size, on both CPUs, until its holder gives it back", () => {
    const calls = [
      add(INTS, key(1), 1n),
      set(INTS, key(1), 1n),
      onKey("map_get", INTS, key(1)),
      onKey("map_contains", INTS, key(1)),
      onKey("map_del", INTS, key(1)),
      walk(INTS, INSERTION),
      onMap("map_clear", INTS),
      onMap("map_hold", INTS),
    ];
    run(set(INTS, key(1), 5n), onCpu(1, onMap("map_hold", INTS)));
    expect(more(...calls, ...calls.map((op) => onCpu(1, op)))).toEqual(times(16, EBUSY));
    const results = more(onMap("map_size", INTS), onMap("map_release", INTS), onCpu(1, onMap("map_release", INTS)), onCpu(1, onMap("map_release", INTS)));
    expect(results).toEqual([1n, ESTATE, 0n, ESTATE]);
    expect(lines("map ints")).toEqual(["map ints size 1", "entry [1] 5"]);
    expect(lines("ledger probe none cpu1")).toEqual(["ledger probe none cpu1; map: attempted 7 busy 7"]);
  });

  test("M7 map_set of 0 keeps the entry, in its place", () => {
    run(set(INTS, key(1), 5n), set(INTS, key(2), 6n), set(INTS, key(1), 0n));
    expect(lines("map ints")).toEqual(["map ints size 2", "entry [1] 0", "entry [2] 6"]);
  });

  test("M8 reading an absent key makes no entry; map_contains tells 0 from 1", () => {
    const results = run(onKey("map_get", INTS, key(1)), onKey("map_contains", INTS, key(1)), set(INTS, key(1), 0n), onKey("map_contains", INTS, key(1)));
    expect(results).toEqual([0n, 0n, 0n, 1n]);
    expect(run(onKey("map_get", INTS, key(1)), onMap("map_size", INTS))).toEqual([0n, 0n]);
  });

  test("M9 map_del of an absent key returns ENOENT; a key inserted again goes to the end", () => {
    const results = run(onKey("map_del", INTS, key(1)), set(INTS, key(1), 1n), set(INTS, key(2), 2n), onKey("map_del", INTS, key(1)), add(INTS, key(1), 3n));
    expect(results).toEqual([ENOENT, 0n, 0n, 0n, 0n]);
    expect(lines("map ints")).toEqual(["map ints size 2", "entry [2] 2", "entry [1] 3"]);
    run(...[1, 2, 3].map((part) => set(INTS, key(part), 0n)), onKey("map_del", INTS, key(1)));
    expect(lines("map ints")).toEqual(["map ints size 2", "entry [2] 0", "entry [3] 0"]);
  });

  test("M10 a walk returns how many it visits; a bad order or limit returns EINVAL", () => {
    const three = [1, 2, 3].map((part) => set(PAIRS, key(part, 0), 0n));
    expect(run(...three, walk(PAIRS, INSERTION), walk(PAIRS, VALUE_ASC, 2n), walk(PAIRS, KEY2_DESC, INT64_MAX / 16n)).slice(3)).toEqual([3n, 2n, 3n]);
    const results = run(walk(INTS, KEY2_ASC), walk(INTS, 7n), walk(INTS, 15n), walk(INTS, INSERTION, -1n), walk(PAIRS, KEY2_ASC));
    expect(results).toEqual([EINVAL, EINVAL, EINVAL, EINVAL, 0n]);
  });

  test.each([
    [INSERTION, [0, 1, 2, 3]],
    [VALUE_ASC, [1, 0, 2, 3]],
    [VALUE_DESC, [3, 0, 2, 1]],
    [KEY1_ASC, [2, 1, 0, 3]],
    [KEY1_DESC, [0, 3, 1, 2]],
    [KEY2_ASC, [1, 3, 0, 2]],
    [KEY2_DESC, [2, 0, 3, 1]],
  ])("M10 order %d shows signed numbers, unsigned bytes, prefixes first and ties in insertion order", (sort, order) => {
    const entries: [Argument[], bigint][] = [
      [[Uint8Array.of(0x80), 0n], 1n],
      [[bytes("ab"), INT64_MIN], INT64_MIN],
      [[bytes("a"), INT64_MAX], 1n],
      [[Uint8Array.of(0x80), -1n], 9n],
    ];
    run(...entries.map(([args, value]) => set(MIXED, args, value)));
    const seen = order.flatMap((i) => entryWords(entries[i]?.[0] ?? [], entries[i]?.[1] ?? 0n));
    const map = [0x4d01n, 3n, 4n, 0n, ...entries.flatMap(([args, value]) => entryWords(args, value))];
    expectDigest(walk(MIXED, sort), [4n, ...seen, ...map, ...ledgerWords(2n, 0n, { 8: 4n, 9: 4n })]);
  });

  test("M11 map_clear removes all entries, though not of other maps", () => {
    const entries = [set(INTS, key(1), 1n), set(INTS, key(2), 1n), set(PAIRS, key(1, 2), 1n)];
    expect(run(...entries, onMap("map_clear", INTS))).toEqual(times(4, 0n));
    expect(more(onMap("map_size", INTS), onMap("map_size", PAIRS))).toEqual([0n, 1n]);
  });
});

describe("B: pool strings", () => {
  test("B1 B2 a level has three strings, given back at its own probe_exit; none outside a probe", () => {
    const results = run(str("x"), enter(0), ...times(4, str("x")), enter(1, NMI), str("x"), exit, str("x"), exit, enter(0), str("x"));
    expect(results).toEqual([ESTATE, 0n, 0n, 0n, 0n, EFULL, 0n, 0n, 0n, EFULL, 0n, 0n, 0n]);
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 2 delivered 1; string: attempted 6 delivered 4 full 2"]);
    expect(lines("cpu0")[1]).toBe('level task probe 0 strings 1 text ""');
  });

  test("B3 ESTATE comes before EINVAL, EINVAL before EFULL", () => {
    expect(run(str("%"), enter(0), ...times(3, str("")), str("%"), str(""))).toEqual([ESTATE, 0n, 0n, 0n, 0n, EINVAL, EFULL]);
  });

  test("B3 str_printf outputs its text, cut to 511 bytes and counted once", () => {
    run(enter(0));
    const output = stringWords(`${"y".repeat(505)}     x`);
    const state = [...cpuWords(0n, { task: [1n, 0n, 1n, ""] }), 0x5201n, 0n, 0n, 0n];
    const ledger = ledgerWords(0n, 0n, { 0: 1n, 16: 1n, 17: 1n, 32: 1n });
    expectDigest(str(`${"y".repeat(505)}%6s%d`, "x", 1), [0n, ...output, ...state, ...ledger]);
  });
});

/** Text that print_printf leaves in an empty print buffer, as a dump shows it. */
function printed(text: string, ...args: (number | bigint | string)[]): string {
  expect(run(enter(0), print(text, ...args))).toEqual([0n, 0n]);
  return (lines("cpu0")[1] ?? "").replace(/^.* text /, "");
}

describe("P: printing", () => {
  test.each<[string, (number | bigint | string)[], string]>([
    ["plain %%", [], "plain %"],
    ["%d|%d", [INT64_MIN, INT64_MAX], "-9223372036854775808|9223372036854775807"],
    ["%x|%x", [-1, 0], "ffffffffffffffff|0"],
    ["%5d|%-5d|%05d|%-05d", [-3, -3, -3, -3], "   -3|-3   |-0003|-3   "],
    ["%5x|%-5x|%05x|%0-05x", [171, 171, 171, 171], "   ab|ab   |000ab|ab   "],
    ["%5s|%-5s|%05s|%--00-2s", ["ab", "ab", "ab", "abc"], "   ab|ab   |   ab|abc"],
    ["%2d%-1d%s", [1234, 56, ""], "123456"],
    ["%010d", [0], "0000000000"],
  ])("P1 %s of %o prints %s", (format, args, text) => {
    expect(printed(format, ...args)).toBe(JSON.stringify(text));
  });

  test.each<[string, (number | string)[]]>([
    ["%", []],
    ["%5", []],
    ["%q", [1]],
    ["%5-d", [1]],
    ["%5%", []],
    ["%-%", []],
    ["%0%", []],
    ["%513d", [1]],
    ["%4294967297d", [1]],
    ["%18446744073709551617d", [1]],
    ["%d", []],
    ["%d", [1, 2]],
    ["", [1]],
    ["%d", ["1"]],
    ["%s", [1]],
    ["%x", ["1"]],
    ["%d".repeat(17), times(17, 1)],
    ["text %d %q", [1, 2]],
  ])("P1 %s of %o returns EINVAL and writes nothing", (format, args) => {
    expect(run(enter(0), print(format, ...args))).toEqual([0n, EINVAL]);
    expect(lines("cpu0")[1]).toBe('level task probe 0 strings 0 text ""');
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1"]);
  });

  test("P1 16 arguments and a width of 512 are allowed", () => {
    expect(run(enter(0), print("%d".repeat(16), ...times(16, 1)), print("%512d", 1))).toEqual([0n, 0n, 0n]);
  });

  test("P1 a string argument of 512 bytes is cut to 511 and counted, for each", () => {
    run(enter(0), str("%s%s", "z".repeat(512), "z".repeat(512)));
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1; string: attempted 1 delivered 1; cut 3"]);
    run(enter(0), str("%s", "z".repeat(511)));
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1; string: attempted 1 delivered 1"]);
  });

  test("P2 text that does not fit flushes what is there; text longer than the buffer is cut; outside a probe ESTATE before EINVAL", () => {
    expect(run(print("%"), enter(1, IRQ), print("%40d", 7), print("12345678"), print("9"), print("%50d", 1))).toEqual([ESTATE, 0n, 0n, 0n, 0n, 0n]);
    expect(lines("ring cpu0")).toEqual([
      "ring cpu0 next 120 oldest 0",
      `record print irq probe 1 cpu0 sequence 0 "${"7".padStart(40)}12345678"`,
      'record print irq probe 1 cpu0 sequence 80 "9"',
    ]);
    expect(lines("cpu0")[3]).toBe(`level irq probe 1 strings 0 text "${" ".repeat(48)}"`);
    expect(lines("ledger probe 1 cpu0")).toEqual(["ledger probe 1 cpu0; hit: attempted 1; record: attempted 2 delivered 2; cut 1"]);
  });

  test("P3 print_flush empties the buffer though the ring is full; an empty buffer offers nothing; outside a probe ESTATE", () => {
    const results = run(flush, enter(0), flush, print("%48d", 1), flush, print("lost, as too long"), flush, flush);
    expect(results).toEqual([ESTATE, 0n, 0n, 0n, 0n, 0n, EFULL, 0n]);
    expect(lines("ledger probe 0 cpu0")).toEqual(["ledger probe 0 cpu0; hit: attempted 1; record: attempted 2 delivered 1 full 1"]);
  });

  test("P4 a probe that prints and never flushes sends one record at its exit", () => {
    run(enter(0), print("a"), print("b"), exit);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 40 oldest 0", 'record print task probe 0 cpu0 sequence 0 "ab"']);
  });
});

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
  });

  test("T3 a record names the innermost probe, its level and CPU", () => {
    run(onCpu(1, enter(0, TASK)), onCpu(1, enter(1, SOFTIRQ)), onCpu(1, print("s")), onCpu(1, flush));
    expect(lines("ring cpu1")).toEqual(["ring cpu1 next 40 oldest 0", 'record print softirq probe 1 cpu1 sequence 0 "s"']);
  });

  test("T4 ring_read takes the oldest first, up to n, none if n < 0, of its CPU only", () => {
    const results = run(enter(0), ...write("a"), ...write("b"), ...write("c"), read(-1n), read(INT64_MIN), read(0n), onCpu(1, read(9n)), read(2n)).slice(-5);
    expect(results).toEqual([0n, 0n, 0n, 0n, 2n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 120 oldest 80", 'record print task probe 0 cpu0 sequence 80 "c"']);
    expect(more(read(INT64_MAX))).toEqual([1n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 120 oldest 120"]);
  });
});

const WORD = 2n ** 64n - 1n;

/** O4, written out again. */
function absorb(digest: bigint, words: readonly bigint[]): bigint {
  for (const word of words) {
    digest = ((digest ^ (word & WORD)) * 0x9e3779b97f4a7c15n) & WORD;
    digest ^= digest >> 29n;
  }
  return digest;
}

/** Makes one operation and expects it to absorb exactly these words. */
function expectDigest(op: Operation, words: readonly bigint[]): void {
  const before = resultsOf(model.run(encodeBatch([operation("map_size")])))[0]?.digest ?? 0n;
  const [made] = resultsOf(model.run(encodeBatch([op])));
  expect(made).toEqual({ result: BigInt.asIntN(64, words[0] ?? 0n), digest: absorb(before, words) });
}

function stringWords(text: string | Uint8Array): bigint[] {
  const string = typeof text === "string" ? bytes(text) : text;
  const padded = Buffer.concat([string, Buffer.alloc(7)]);
  return [BigInt(string.length), ...Array.from({ length: Math.ceil(string.length / 8) }, (_, i) => padded.readBigUInt64LE(i * 8))];
}

function entryWords(args: readonly Argument[], value: bigint): bigint[] {
  return [0x4d02n, ...args.flatMap((arg) => (typeof arg === "bigint" ? [arg] : stringWords(arg))), value];
}

/** Counts by their place in O6: 8 for each of hit, map, string, record; then cut. */
function ledgerWords(probe: bigint, cpu: bigint, counts: Record<number, bigint>): bigint[] {
  return [0x4c01n, probe, cpu, ...Array.from({ length: 33 }, (_, i) => counts[i] ?? 0n)];
}

/** A CPU of whose levels at most task is active: active, probe, strings, text. */
function cpuWords(cpu: bigint, { task = [0n, 0n, 0n, ""] }: { task?: [bigint, bigint, bigint, string] }): bigint[] {
  const [active, probe, strings, text] = task;
  const idle = [1n, 2n, 3n].flatMap((level) => [0x4302n, level, 0n, 0n, 0n, 0n]);
  return [0x4301n, cpu, active, 0x4302n, 0n, active, probe, strings, ...stringWords(text), ...idle];
}

describe("O: operations of a replay", () => {
  test("O1 text and arguments that an operation does not use change nothing", () => {
    const junk = { text: "junk", args: key(1, "x"), value: 77n, context: 200, target: 200 };
    expect(run(enter(0), operation("print_flush", junk), operation("probe_exit", junk), operation("map_size", { ...junk, target: INTS }))).toEqual([0n, 0n, 0n, 0n]);
  });

  test("O1 a batch of another protocol or other CPUs, or with a malformed operation, is refused", () => {
    const batch = encodeBatch([enter(0), print("%s", "abc")]);
    const broken = (at: number, byte: number): Uint8Array => batch.with(at, byte);
    const headers = [broken(0, 99), broken(4, 3), broken(8, 3)];
    const operations = [broken(18, 0), broken(18, 41), broken(32, 9), batch.subarray(0, -8), broken(batch.length - 8, 0)];
    const longer = Uint8Array.from([...encodeBatch([enter(0)]), ...times(8, 0)]).with(18, 48); // 8 bytes more than it holds
    for (const bad of [...headers, ...operations, longer]) {
      expect(() => model.run(bad)).toThrow("The model refuses the batch");
    }
  });

  test("O2 an unknown code, CPU, context or target returns EINVAL and enters nothing", () => {
    const before = (model.init(), model.dump());
    const codes = [operation("code_3"), operation("code_20"), operation("code_51")];
    const cpus = [onCpu(2, exit), onCpu(255, onMap("map_size", INTS))];
    const targets = [enter(0, 4), enter(2, TASK), onMap("map_size", 4), onMap("map_hold", 255)];
    expect(more(...codes, ...cpus, ...targets)).toEqual(times(9, EINVAL));
    expect(model.dump()).toEqual(before);
  });

  test("O4 the digest of a batch absorbs result, outputs, component and ledger row of each operation", () => {
    model.init();
    const refused = [enter(9), onCpu(9, onMap("map_size", INTS)), onCpu(9, exit), onMap("map_size", 9)];
    const batch = [set(INTS, key(-5), 6n), onKey("map_get", INTS, key(-5)), enter(1), read(1n), ...refused];
    const ints = [0x4d01n, 0n, 1n, 0n, 0x4d02n, -5n, 6n];
    const ring = [0x5201n, 0n, 0n, 0n];
    const active = cpuWords(0n, { task: [1n, 1n, 0n, ""] });
    const words = [
      [0n, ...ints, ...ledgerWords(2n, 0n, { 8: 1n, 9: 1n })],
      [0n, 6n, ...ints, ...ledgerWords(2n, 0n, { 8: 1n, 9: 1n })],
      [0n, ...active, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [0n, ...active, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [EINVAL, ...active, ...ring],
      [EINVAL, ...ints],
      [EINVAL],
      [EINVAL],
    ];
    let digest = 0n;
    const expected = words.map((list) => ({ result: list[0], digest: (digest = absorb(digest, list)) }));
    expect(resultsOf(model.run(encodeBatch(batch)))).toEqual(expected);
  });

  test("O4 a full dump joins the digest after every full_every operations of the session, across batches", () => {
    const ops = times(4, onMap("map_size", INTS));
    const words = [0n, 0x4d01n, 0n, 0n, 0n, ...ledgerWords(2n, 0n, {})];
    const ledger = (cpu: bigint): bigint[] => [0n, 1n, 2n].flatMap((probe) => ledgerWords(probe, cpu, {}));
    const idle = [0n, 1n].flatMap((cpu) => [...cpuWords(cpu, {}), 0x5201n, cpu, 0n, 0n, ...ledger(cpu)]);
    const full = [...[0n, 1n, 2n, 3n].flatMap((map) => [0x4d01n, map, 0n, 0n]), ...idle];
    const digest = absorb(0n, [...words, ...words, ...words, ...full, ...words]);
    model.init();
    model.run(encodeBatch(ops.slice(0, 2), { fullEvery: 3 }));
    expect(resultsOf(model.run(encodeBatch(ops.slice(2), { fullEvery: 3 }))).at(-1)?.digest).toBe(digest);
    expect([...new BigUint64Array(model.dump().buffer)]).toEqual(full);
  });

  test("O5 ring_read outputs each record it takes", () => {
    run(enter(1), print("hello, ring"), flush);
    const record = [0x5202n, 1n, 0n, 1n, 0n, 0n, ...stringWords("hello, ring")];
    expectDigest(read(5n), [1n, ...record, ...cpuWords(0n, { task: [1n, 1n, 0n, ""] }), 0x5201n, 0n, 48n, 48n, ...ledgerWords(1n, 0n, { 0: 1n, 24: 1n, 25: 1n })]);
  });

  test("O6 a fresh session dumps four empty maps and two idle CPUs", () => {
    model.init();
    const cpu = (n: number): string[] => [
      `cpu${n} active 0`,
      ...["task", "softirq", "irq", "nmi"].map((level) => `  level ${level} inactive probe 0 strings 0 text ""`),
      `ring cpu${n} next 0 oldest 0`,
      ...["0", "1", "none"].map((probe) => `ledger probe ${probe} cpu${n}`),
    ];
    expect(formatDump(model.dump())).toEqual(["map ints size 0", "map strings size 0", "map pairs size 0", "map mixed size 0", ...cpu(0), ...cpu(1)]);
  });
});

describe("the model over random operations", () => {
  const SEED = 20_240_601;

  /** X4: attempted = delivered + lost + hits still active, in every row. */
  test("X4 every ledger row balances after each of 50 batches", () => {
    const generator = createGenerator(SEED);
    model.init();
    for (let i = 0; i < 50; i++) {
      model.run(generator.batch(1000));
      const dump = formatDump(model.dump());
      expect(openHits(dump)).toEqual(activeLevels(dump));
    }
  });

  test("results do not depend on how operations are split into batches", () => {
    const { operations } = decodeBatch(createGenerator(SEED).batch(2000));
    model.init();
    const whole = model.run(encodeBatch(operations, { fullEvery: 7 }));
    model.init();
    const halves = [operations.slice(0, 999), operations.slice(999)].map((half) => model.run(encodeBatch(half, { fullEvery: 7 })));
    expect(Buffer.concat(halves).equals(whole)).toBe(true);
  });
});

/** By ledger row: attempts that are neither delivered nor lost, rows without any left out. */
function openHits(dump: readonly string[]): Record<string, number> {
  const open: Record<string, number> = {};
  for (const line of dump) {
    const row = /^ledger (probe \w+ cpu\d)/.exec(line)?.[1];
    if (row === undefined) continue;
    const counts = [...line.matchAll(/(attempted|delivered|full|busy|nested) (\d+)/g)];
    const sum = counts.reduce((total, [, name, count]) => total + (name === "attempted" ? Number(count) : -Number(count)), 0);
    if (sum !== 0) open[row] = sum;
  }
  return open;
}

/** By ledger row: levels whose probe is active. */
function activeLevels(dump: readonly string[]): Record<string, number> {
  const active: Record<string, number> = {};
  let cpu = "";
  for (const line of dump) {
    cpu = /^(cpu\d) active/.exec(line)?.[1] ?? cpu;
    const probe = /^ {2}level \w+ (probe \d)/.exec(line)?.[1];
    if (probe !== undefined) active[`${probe} ${cpu}`] = (active[`${probe} ${cpu}`] ?? 0) + 1;
  }
  return active;
}
