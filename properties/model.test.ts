/** The model against SEMANTICS.md: worked examples with literal results, rule by rule. */
import { beforeAll, describe, expect, test } from "vitest";
import { bytes, decodeBatch, encodeBatch, operation, type Argument, type Operation } from "./operations.ts";
import { createGenerator } from "./generate.ts";
import { formatDump } from "./dump.ts";
import { loadModel, loadModelFrom, readModelSources, type Model } from "./model.ts";
import { ERRORS, OPERATIONS, REPLAY_MAPS, SORTS, type OperationName, type SortName } from "../spec/protocol.ts";

const EFULL = -BigInt(ERRORS.EFULL.code);
const EBUSY = -BigInt(ERRORS.EBUSY.code);
const EINVAL = -BigInt(ERRORS.EINVAL.code);
const ENOENT = -BigInt(ERRORS.ENOENT.code);
const ENESTED = -BigInt(ERRORS.ENESTED.code);
const ESTATE = -BigInt(ERRORS.ESTATE.code);
const EBUDGET = -BigInt(ERRORS.EBUDGET.code);
const EFAULT = -BigInt(ERRORS.EFAULT.code);
const EDOM = -BigInt(ERRORS.EDOM.code);
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const WORD = 2n ** 64n - 1n;
const [INTS, STRINGS, PAIRS, MIXED, NINE, TEXTS, NAMED, RECENT, SUMS, SIZES, TIMES] = REPLAY_MAPS.map((_, index) => index) as [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const [TASK, SOFTIRQ, IRQ, NMI] = [0, 1, 2, 3];

/** The replay's session, and one with room for whole texts. `model` is the one that the helpers use. */
let replay: Model;
let roomy: Model;
let model: Model;
beforeAll(async () => {
  const sources = await readModelSources();
  const room = new Map(sources);
  const path = "assembly/protocol.gen.ts";
  const changed = { REPLAY_PRINT_SIZE: 4096, REPLAY_RING_SIZE: 8192, REPLAY_ACTIONS: 1000 };
  const text = Object.entries(changed).reduce((all, [name, size]) => all.replace(new RegExp(`${name}: i32 = \\d+`), `${name}: i32 = ${size}`), sources.get(path)!);
  room.set(path, text);
  replay = await loadModel();
  roomy = await loadModelFrom(room);
  model = replay;
}, 120_000);

/** Results of operations on the session as it is. */
function more(...operations: readonly Operation[]): bigint[] {
  return resultsOf(model.run(encodeBatch(operations))).map(({ result }) => result);
}

/** Results of operations on a fresh session. */
function run(...operations: readonly Operation[]): bigint[] {
  model = replay;
  model.init();
  return more(...operations);
}

/** As run, with print buffers and rings of some thousand bytes and a thousand actions. */
function runRoomy(...operations: readonly Operation[]): bigint[] {
  model = roomy;
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

/** Entries of a map, all parts. */
const entries = (map: string): string[] => lines(`map ${map}`).filter((line) => line.startsWith("entry")).map((line) => line.slice("entry ".length));
/** Counts of a ledger row without its head. */
const ledger = (row: string): string => (lines(`ledger ${row}`)[0] ?? "").replace(/^[^;]*(; )?/, "");
const level = (index: number, cpu = 0): string => lines(`cpu${cpu}`)[1 + index] ?? "";

/** Words that the last operation output. */
function outputs(): bigint[] {
  const outputs = model.outputs();
  return [...new BigUint64Array(outputs.buffer, outputs.byteOffset, outputs.length / 8)];
}

/** The string that the last operation output, byte by byte. */
function outputText(): string {
  const bytes = Buffer.from(model.outputs());
  const length = Number(bytes.readBigUInt64LE(0));
  expect(bytes.length).toBe(8 + Math.ceil(length / 8) * 8);
  expect(bytes.subarray(8 + length).every((byte) => byte === 0)).toBe(true);
  return bytes.subarray(8, 8 + length).toString("latin1");
}

type Part = number | bigint | string | Uint8Array;
const onCpu = (cpu: number, op: Operation): Operation => ({ ...op, cpu });
const enter = (probe = 0, context = TASK): Operation => operation("probe_enter", { target: probe, context });
const exit = operation("probe_exit");
const key = (...parts: Part[]): Argument[] => parts.map((part) => (typeof part === "string" ? bytes(part) : typeof part === "object" ? part : BigInt(part)));
const add = (target: number, args: Argument[], value: bigint): Operation => operation("map_add", { target, args, value });
const set = (target: number, args: Argument[], value: bigint): Operation => operation("map_set", { target, args, value });
const setText = (args: Argument[], text: string): Operation => operation("map_set_string", { target: TEXTS, args, text });
const append = (args: Argument[], text: string): Operation => operation("map_append", { target: TEXTS, args, text });
const sample = (target: number, args: Argument[], value: bigint | number): Operation => operation("map_stat_add", { target, args, value: BigInt(value) });
const push = (target: number, value: bigint): Operation => operation("map_push", { target, value });
const pushText = (target: number, text: string): Operation => operation("map_push_string", { target, text });
const onKey = (name: OperationName, target: number, args: Argument[], value = 0n): Operation => operation(name, { target, args, value });
const get = (target: number, ...parts: Part[]): Operation => onKey("map_get", target, key(...parts));
const onMap = (name: OperationName, target: number): Operation => operation(name, { target });
const order = (sort: SortName, { limit = 0n, remove = false } = {}): bigint => limit * 128n + (remove ? 64n : 0n) + BigInt(SORTS[sort]);
const walk = (target: number, sort: SortName, how = {}): Operation => operation("map_walk", { target, value: order(sort, how) });
const printMap = (target: number, sort: SortName = "insertion", how = {}): Operation => operation("print_map", { target, value: order(sort, how) });
const printHist = (target: number, ...parts: Part[]): Operation => onKey("print_hist", target, key(...parts));
const print = (text: string | Uint8Array, ...args: Part[]): Operation => operation("print_printf", { text, args: key(...args) });
const str = (text: string | Uint8Array, ...args: Part[]): Operation => operation("str_printf", { text, args: key(...args) });
const onStrings = (name: OperationName, ...args: Part[]): Operation => operation(name, { args: key(...args) });
const raise = (text: string, ...args: Part[]): Operation => operation("raise", { text, args: key(...args) });
const catchError = operation("catch");
const flush = operation("print_flush");
const read = (value: bigint): Operation => operation("ring_read", { value });
const times = <T>(count: number, item: T): T[] => Array<T>(count).fill(item);

/** What an operation outputs as a string, in a probe. */
function made(op: Operation): string {
  expect(run(enter(0), op)).toEqual([0n, 0n]);
  return outputText();
}

describe("X: execution and the ledger", () => {
  test("X1 probe_enter at the level of an active probe, or below it, returns ENESTED; above it nests", () => {
    expect(run(enter(0, IRQ), enter(1, IRQ), enter(1, TASK), enter(1, NMI), onCpu(1, enter(1, TASK)))).toEqual([0n, ENESTED, ENESTED, 0n, 0n]);
    expect(lines("cpu0")).toEqual([
      "cpu0 active 2",
      "level task inactive",
      "level softirq inactive",
      'level irq probe 0 actions 16 strings 0 text ""',
      'level nmi probe 1 actions 16 strings 0 text ""',
    ]);
  });

  test("X2 probe_exit ends the innermost probe, flushes and returns 0 though the ring is full; outside a probe it returns ESTATE", () => {
    expect(run(exit)).toEqual([ESTATE]);
    const filled = [print("%70s", "x"), flush];
    expect(run(enter(1), ...filled, enter(0, IRQ), print("late and too long"), exit, exit, exit)).toEqual([...times(7, 0n), ESTATE]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1 delivered 1; record: attempted 1 full 1");
    expect(level(TASK)).toBe("level task inactive");
  });

  test("X2 an error that nothing caught is offered after the print buffer, and loses the hit; the next hit has none", () => {
    expect(run(enter(1, SOFTIRQ), raise("bad %d", 7), print("said"), exit, enter(1), exit)).toEqual(times(6, 0n));
    expect(lines("ring cpu0")).toEqual([
      "ring cpu0 next 80 oldest 0",
      'record print softirq probe 1 cpu0 sequence 0 "said"',
      'record error softirq probe 1 cpu0 sequence 40 "bad 7"',
    ]);
    expect(ledger("probe 1 cpu0")).toBe("hit: attempted 2 delivered 1 error 1; record: attempted 2 delivered 2");
  });

  test("X2 an empty message is offered too; one for which the ring has no room is lost, and probe_exit returns 0", () => {
    run(enter(0), raise(""), exit);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 32 oldest 0", 'record error task probe 0 cpu0 sequence 0 ""']);
    expect(run(enter(0), raise("%97d", 1), exit)).toEqual([0n, 0n, 0n]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1 error 1; record: attempted 1 full 1");
  });

  test("X2 an exhausted hit is lost by budget, with an error too; its error is offered all the same", () => {
    run(enter(0), raise("late"), ...times(16, flush), exit);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1 budget 1; record: attempted 2 delivered 1 budget 1");
    run(enter(0), ...times(16, flush), exit);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1 delivered 1");
  });

  test("X3 calls are entered for the innermost probe, outside one for none, on their CPU; a refused hit for its own probe", () => {
    run(set(INTS, key(1), 1n), enter(1, SOFTIRQ), set(INTS, key(1), 1n), enter(0, TASK), onCpu(1, set(INTS, key(1), 1n)));
    expect(ledger("probe none cpu0")).toBe("map: attempted 1 delivered 1");
    expect(ledger("probe 1 cpu0")).toBe("hit: attempted 1; map: attempted 1 delivered 1");
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1 nested 1");
    expect(ledger("probe none cpu1")).toBe("map: attempted 1 delivered 1");
  });

  test("X3 after the exit of an inner probe calls are the outer one's again", () => {
    run(enter(1), enter(0, NMI), exit, set(INTS, key(1), 1n));
    expect(ledger("probe 1 cpu0")).toBe("hit: attempted 1; map: attempted 1 delivered 1");
  });

  test("X4 ENOENT is delivered; reads enter only EBUSY; EINVAL, ESTATE and EDOM enter nothing", () => {
    const reads = [get(INTS, 1), onKey("map_contains", INTS, key(1)), walk(INTS, "insertion"), walk(INTS, "insertion", { remove: true })];
    const refused = [walk(INTS, "key2"), onKey("map_add", INTS, key("1")), str("x"), print("x"), raise("x"), catchError, exit, onStrings("str_copy", "a")];
    run(onKey("map_del", INTS, key(1)), ...reads, ...refused, onKey("map_del_slice", INTS, key(1)));
    expect(ledger("probe none cpu0")).toBe("map: attempted 2 delivered 2");
    more(onMap("map_hold", INTS), ...reads, onMap("map_clear", INTS));
    expect(ledger("probe none cpu0")).toBe("map: attempted 7 delivered 2 busy 5");
    run(enter(0), onStrings("div", 1, 0), onStrings("mod", 1, 0));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
  });

  test("X4 changing calls of all kinds are delivered", () => {
    const calls = [add(INTS, key(1), 1n), set(INTS, key(1), 1n), setText(key(1), "a"), append(key(1), "a"), sample(NAMED, key("a"), 1), push(INTS, 1n), pushText(TEXTS, "a")];
    const ends = [onKey("map_del", INTS, key(1)), onKey("map_del_slice", INTS, key(1), 1n), onMap("map_clear", INTS)];
    expect(run(...calls, ...ends)).toEqual([...times(8, 0n), 1n, 0n]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 10 delivered 10");
  });

  test("X5 a replay is always running: its first hit is a hit, and so is one after an uncaught error", () => {
    expect(run(...times(3, [enter(0), raise("x"), exit]).flat(), enter(0))).toEqual(times(10, 0n));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 4 error 3; record: attempted 3 delivered 3");
  });

  const TAKING: Operation[] = [
    ...[raise("x"), catchError, onStrings("div", 1, 1), onStrings("mod", 1, 1), add(INTS, key(1), 1n), set(INTS, key(1), 1n), get(INTS, 1)],
    ...[onKey("map_contains", INTS, key(1)), onKey("map_del", INTS, key(1)), walk(INTS, "insertion"), onMap("map_clear", INTS), setText(key(1), "x")],
    ...[append(key(1), "x"), sample(NAMED, key("a"), 1), push(INTS, 1n), pushText(TEXTS, "a"), onKey("map_del_slice", INTS, key(1)), str("x")],
    ...[onStrings("str_copy", "a"), onStrings("str_concat", "a", "b"), onStrings("str_substr", "a", 0, 1), onStrings("str_replace", "a", "b", "c")],
    ...[onStrings("str_token", "a", "b", 0), onStrings("str_quote", "a"), print("x"), flush, printMap(INTS), printHist(TIMES)],
  ];
  /** Operations that take no action, and what they return in a probe of a fresh session. */
  const FREE: readonly (readonly [Operation, bigint])[] = [
    [onMap("map_size", INTS), 0n],
    [onMap("map_hold", INTS), 0n],
    [onMap("map_release", INTS), ESTATE],
    [onStrings("str_compare", "a", "b"), 0n],
    [onStrings("str_find", "a", "a"), 0n],
    [onStrings("str_number", "1", 10), 0n],
    [read(1n), 0n],
  ];

  test("X6 these are all operations but probe_enter and probe_exit", () => {
    expect(new Set([...TAKING, ...FREE.map(([op]) => op)].map(({ name }) => name).concat("probe_enter", "probe_exit"))).toEqual(new Set(Object.keys(OPERATIONS)));
  });

  test.each(TAKING.map((op) => [op.name, op] as const))("X6 %s takes an action, and without one returns EBUDGET and does nothing", (_name, op) => {
    run(enter(0), op);
    expect(level(TASK)).toMatch(/^level task probe 0 actions 15 /);
    run(enter(0), ...times(16, catchError));
    const before = level(TASK);
    expect(before).toBe('level task probe 0 actions 0 strings 0 text ""');
    expect(more(op)).toEqual([EBUDGET]);
    expect(level(TASK)).toBe(before.replace("actions 0", "actions 0 exhausted"));
    expect(model.outputs()).toHaveLength(0);
    const kind = /^map/.test(op.name) ? "map" : /^str/.test(op.name) ? "string" : "record";
    const enters = !["catch", "div", "mod"].includes(op.name);
    expect(ledger("probe 0 cpu0")).toBe(`hit: attempted 1${enters ? `; ${kind}: attempted 1 budget 1` : ""}`);
    expect(formatDump(model.dump()).filter((line) => line.includes("entry"))).toEqual([]);
  });

  test.each(FREE.map(([op, result]) => [op.name, op, result] as const))("X6 %s takes no action, and needs none", (_name, op, result) => {
    expect(run(enter(0), op)).toEqual([0n, result]);
    expect(level(TASK)).toBe('level task probe 0 actions 16 strings 0 text ""');
    expect(run(enter(0), ...times(16, flush), op).at(-1)).toBe(result);
    expect(level(TASK)).toBe('level task probe 0 actions 0 strings 0 text ""');
  });

  test("X6 a refused call takes an action; EBUDGET comes before EINVAL; outside a probe there is no limit", () => {
    run(enter(0), add(INTS, key("x"), 1n), print("%q"), onStrings("div", 1));
    expect(level(TASK)).toMatch(/^level task probe 0 actions 13 /);
    expect(run(enter(0), ...times(16, add(INTS, key("x"), 1n)), add(INTS, key("x"), 1n), print("%q"), str("%q"), onStrings("div", 1))).toEqual([0n, ...times(16, EINVAL), ...times(4, EBUDGET)]);
    expect(run(...times(40, add(INTS, key(1), 1n)))).toEqual(times(40, 0n));
  });

  test("X6 each visit takes an action; one that has none ends the walk with what it has, counted; at its end no visit is tried", () => {
    const three = [1, 2, 3].map((part) => set(INTS, key(part), 0n));
    expect(run(...three, enter(0), ...times(13, catchError), walk(INTS, "insertion"), walk(INTS, "insertion")).slice(-2)).toEqual([2n, EBUDGET]);
    expect(level(TASK)).toBe('level task probe 0 actions 0 exhausted strings 0 text ""');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 2 budget 2");
    expect(run(...three, enter(0), ...times(12, catchError), walk(INTS, "insertion")).at(-1)).toBe(3n);
    expect(level(TASK)).toBe('level task probe 0 actions 0 strings 0 text ""');
    expect(run(...three, enter(0), ...times(13, catchError), walk(INTS, "insertion", { limit: 2n })).at(-1)).toBe(2n);
    expect(level(TASK)).toBe('level task probe 0 actions 0 strings 0 text ""');
    expect(run(...three, enter(0), ...times(13, catchError), walk(INTS, "insertion", { remove: true })).at(-1)).toBe(2n);
    expect(entries("ints")).toEqual(["[3] 0"]);
  });

  test("X6 actions are each level's own, and anew with each hit", () => {
    run(enter(0), flush, enter(1, IRQ), flush, flush);
    expect([level(TASK), level(IRQ)]).toEqual(['level task probe 0 actions 15 strings 0 text ""', 'level irq probe 1 actions 14 strings 0 text ""']);
    more(exit, exit, enter(0));
    expect(level(TASK)).toBe('level task probe 0 actions 16 strings 0 text ""');
  });

  test("X7 the first error stays until it is caught; catch outputs its message, and later the next is raised", () => {
    expect(run(enter(0), raise("one"), raise("two"), catchError)).toEqual([0n, 0n, 0n, 1n]);
    expect(outputText()).toBe("one");
    expect(more(catchError)).toEqual([0n]);
    expect(outputs()).toEqual([]);
    expect(more(raise("three"), exit)).toEqual([0n, 0n]);
    expect(lines("ring cpu0")[1]).toBe('record error task probe 0 cpu0 sequence 0 "three"');
    expect(run(enter(0), raise(""), catchError, exit)).toEqual([0n, 0n, 1n, 0n]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1 delivered 1");
  });

  test("X7 an error is its own level's, and changes nothing else", () => {
    expect(run(enter(0), raise("x"), add(INTS, key(1), 1n), enter(1, IRQ), catchError, exit, catchError)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 1n]);
  });

  test("X7 a message is cut to 127 bytes, also of an error that does not become the raised one; its NUL ends it after that", () => {
    run(enter(0), raise("%128d", 1), raise("%128d", 2), raise("%127d", 3));
    expect(level(TASK)).toBe(`level task probe 0 actions 13 strings 0 error "${" ".repeat(127)}" text ""`);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; cut 2");
    run(enter(0), raise("ab%c%200d", 0, 1));
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 error "ab" text ""');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; cut 1");
    run(enter(0), raise("%.1s", "z".repeat(512)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; cut 1");
  });

  test("X7 raise: ESTATE, EBUDGET, EINVAL, EFAULT in this order", () => {
    expect(run(raise("%q"), catchError, enter(0), raise("%m%q", 1, 2), raise("%m", 1), ...times(14, flush), raise("%q"))).toEqual([ESTATE, ESTATE, 0n, EINVAL, EFAULT, ...times(14, 0n), EBUDGET]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 2 budget 1 fault 1");
  });

  test.each([
    ["div", 7, 2, 3n],
    ["div", -7, 2, -3n],
    ["div", 7, -2, -3n],
    ["div", INT64_MIN, -1, INT64_MIN],
    ["div", 5, -1, -5n],
    ["div", INT64_MIN, 1, INT64_MIN],
    ["mod", 7, 2, 1n],
    ["mod", -7, 2, -1n],
    ["mod", 7, -2, 1n],
    ["mod", INT64_MIN, -1, 0n],
    ["mod", INT64_MIN, INT64_MAX, -1n],
  ] as const)("X8 %s of %d and %d outputs %d", (name, a, b, expected) => {
    expect(run(enter(0), onStrings(name, a, b))).toEqual([0n, 0n]);
    expect(outputs()).toEqual([expected & WORD]);
  });

  test("X8 by 0: EDOM and the error; other arguments EINVAL; outside a probe ESTATE", () => {
    expect(run(onStrings("div", 1, 0), enter(0), onStrings("div", 1), onStrings("mod", 1, "2"), onStrings("div", 1, 2, 3))).toEqual([ESTATE, 0n, EINVAL, EINVAL, EINVAL]);
    expect(more(onStrings("div", 1, 0), catchError)).toEqual([EDOM, 1n]);
    expect(outputText()).toBe("division by zero");
    expect(more(raise("first"), onStrings("mod", 1, 0), catchError)).toEqual([0n, EDOM, 1n]);
    expect(outputText()).toBe("first");
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
  });
});

describe("M: maps", () => {
  test("M1 a key of another number or types of parts returns EINVAL, and cuts nothing", () => {
    const ints = [add(INTS, key(), 1n), add(INTS, key(1, 2), 1n), add(INTS, key("a"), 1n)];
    const mixed = [add(MIXED, key("a", "b"), 1n), add(MIXED, key("a long string of 29 characters"), 1n)];
    expect(run(...ints, ...mixed)).toEqual(times(5, EINVAL));
    expect(run(add(INTS, key(...times(17, 1)), 1n), sample(TIMES, key(1), 1))).toEqual([EINVAL, EINVAL]);
    expect(ledger("probe none cpu0")).toBe("");
  });

  test("M1 string parts are cut to string_size - 1 bytes, equal after the cut, and counted by reads and refused calls too", () => {
    expect(run(add(STRINGS, key("abcdefg"), 1n), add(STRINGS, key("abcdefgh"), 2n), onKey("map_contains", STRINGS, key("abcdefgX")))).toEqual([0n, 0n, 1n]);
    more(onMap("map_hold", STRINGS), get(STRINGS, "abcdefgh"));
    expect(lines("map strings")).toEqual(["map strings", "part 0 size 1 held by cpu0", 'entry ["abcdefg"] 3']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 3 delivered 2 busy 1; cut 3");
  });

  test("M1 each cut part of nine counts, parts are compared each with its own", () => {
    const nine = (...[a, b, last]: [string, string, number]): Argument[] => key(1, a, 2, 3, b, 4, 5, 6, last);
    run(add(NINE, nine("12345678", "1234567X", 7), 1n), add(NINE, nine("1234567", "1234567", 7), 2n), add(NINE, nine("1234567", "123456", 7), 3n));
    expect(entries("nine")).toEqual(['[1, "1234567", 2, 3, "1234567", 4, 5, 6, 7] 3', '[1, "1234567", 2, 3, "123456", 4, 5, 6, 7] 3']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 3 delivered 3; cut 2");
    expect(more(get(NINE, 1, "1234567", 2, 3, "123456", 4, 5, 6, 8))).toEqual([0n]);
    expect(outputs()).toEqual([0n]);
  });

  test.each([
    ["map_add", [INTS, STRINGS, PAIRS, MIXED, NINE, RECENT, SUMS]],
    ["map_set", [INTS, STRINGS, PAIRS, MIXED, NINE, RECENT]],
    ["map_push", [INTS, RECENT]],
    ["map_set_string", [TEXTS]],
    ["map_append", [TEXTS]],
    ["map_push_string", [TEXTS]],
    ["map_stat_add", [NAMED, SIZES, TIMES]],
    ["map_get", REPLAY_MAPS.map((_, i) => i)],
    ["map_contains", REPLAY_MAPS.map((_, i) => i)],
    ["print_hist", [SIZES, TIMES]],
  ] as const)("M1 M13 M16 P6 %s fits maps %o and is EINVAL on all others", (name, fitting) => {
    const fits = (i: number): boolean => run(enter(0), onKey(name, i, key(...(REPLAY_MAPS[i]?.keys ?? []).map((type) => (type === "string" ? "k" : 1)))))[1] !== EINVAL;
    expect(REPLAY_MAPS.map((_, i) => i).filter(fits)).toEqual(fitting);
  });

  test("M2 EINVAL comes before EBUSY, EBUSY before ENOENT and EFULL", () => {
    const full = [1, 2, 3].map((part) => set(INTS, key(part), 0n));
    const held = [set(INTS, key(), 0n), walk(INTS, "key2"), onKey("map_del", INTS, key(9)), set(INTS, key(9), 0n), onKey("map_del_slice", INTS, key(9), 2n)];
    expect(run(...full, onMap("map_hold", INTS), ...held)).toEqual([0n, 0n, 0n, 0n, EINVAL, EINVAL, EBUSY, EBUSY, EINVAL]);
  });

  test("M3 M5 map_add makes an absent entry with 0 and wraps modulo 2^64", () => {
    run(add(INTS, key(7), INT64_MAX), add(INTS, key(7), 1n), add(INTS, key(8), INT64_MIN), add(INTS, key(8), -1n));
    expect(entries("ints")).toEqual([`[7] ${INT64_MIN}`, `[8] ${INT64_MAX}`]);
  });

  test("M3 M15 M8 an entry in the place of a removed one has nothing of it", () => {
    run(add(INTS, key(7), 5n), onKey("map_del", INTS, key(7)), add(INTS, key(8), 1n));
    expect(entries("ints")).toEqual(["[8] 1"]);
    run(setText(key(1), "old"), onKey("map_del", TEXTS, key(1)), append(key(2), "new"));
    expect(entries("texts")).toEqual(['[2] "new"']);
    run(sample(TIMES, [], 9), onMap("map_clear", TIMES), sample(TIMES, [], 1));
    expect(entries("times")).toEqual(["[] count 1 sum 1 min 1 max 1 sumsq 1 buckets 65:1"]);
  });

  test("M4 a new key in a full map returns EFULL and changes nothing; a key it has still works", () => {
    const results = run(add(STRINGS, key("a"), 1n), set(STRINGS, key("b"), 2n), add(STRINGS, key("c"), 3n), set(STRINGS, key("c"), 3n), add(STRINGS, key("a"), 4n));
    expect(results).toEqual([0n, 0n, EFULL, EFULL, 0n]);
    expect(entries("strings")).toEqual(['["a"] 5', '["b"] 2']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 5 delivered 3 full 2");
    const texts = [1, 2, 3].map((part) => setText(key(part), "x"));
    expect(run(...texts, setText(key(4), "too long text"), append(key(4), "too long text"), append(key(3), "y"))).toEqual([0n, 0n, 0n, EFULL, EFULL, 0n]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 4 full 2");
    expect(run(...["a", "b", "c", "a"].map((part) => sample(NAMED, key(part), 1)))).toEqual([0n, 0n, EFULL, 0n]);
  });

  test("M4 M13 the parts of a per-CPU map are full each by itself", () => {
    const four = [1, 2, 3, 2].map((part) => add(SUMS, key(part), 1n));
    expect(run(...four, onCpu(1, add(SUMS, key(3), 1n)))).toEqual([0n, 0n, EFULL, 0n, 0n]);
    expect(run(sample(TIMES, [], 1), sample(TIMES, [], 1), ...["a", "b", "c"].map((part) => sample(SIZES, key(part), 1)))).toEqual([0n, 0n, 0n, 0n, EFULL]);
  });

  test("M6 a held map answers EBUSY to all but map_size, on both CPUs, until its holder gives it back", () => {
    const calls = [
      add(INTS, key(1), 1n),
      set(INTS, key(1), 1n),
      push(INTS, 1n),
      get(INTS, 1),
      onKey("map_contains", INTS, key(1)),
      onKey("map_del", INTS, key(1)),
      onKey("map_del_slice", INTS, key(1)),
      walk(INTS, "insertion"),
      onMap("map_clear", INTS),
      onMap("map_hold", INTS),
    ];
    run(set(INTS, key(1), 5n), onCpu(1, onMap("map_hold", INTS)));
    expect(more(...calls, ...calls.map((op) => onCpu(1, op)))).toEqual(times(20, EBUSY));
    const results = more(onMap("map_size", INTS), onMap("map_release", INTS), onCpu(1, onMap("map_release", INTS)), onCpu(1, onMap("map_release", INTS)));
    expect(results).toEqual([1n, ESTATE, 0n, ESTATE]);
    expect(lines("map ints")).toEqual(["map ints", "part 0 size 1", "entry [1] 5"]);
    expect(ledger("probe none cpu1")).toBe("map: attempted 9 busy 9");
  });

  test("M6 string and statistics calls, print_map and print_hist find a map held too", () => {
    const held = [TEXTS, NAMED, TIMES].map((map) => onMap("map_hold", map));
    const calls = [setText(key(1), "a"), append(key(1), "a"), pushText(TEXTS, "a"), sample(NAMED, key("a"), 1), sample(TIMES, [], 1), printMap(TEXTS), printHist(TIMES)];
    expect(run(enter(0), ...held, ...calls)).toEqual([...times(4, 0n), ...times(7, EBUSY)]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 7 busy 7");
  });

  test("M7 map_set of 0 keeps the entry, in its place", () => {
    run(set(INTS, key(1), 5n), set(INTS, key(2), 6n), set(INTS, key(1), 0n));
    expect(entries("ints")).toEqual(["[1] 0", "[2] 6"]);
  });

  test("M7 map_set_string keeps string_size - 1 bytes, counts a cut once, and replaces the whole text in its place", () => {
    run(setText(key(1), "12345678"), setText(key(2), "1234567"), setText(key(1), "x"));
    expect(entries("texts")).toEqual(['[1] "x"', '[2] "1234567"']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 3 delivered 3; cut 1");
  });

  test("M8 reading an absent key gives 0, an empty string or empty statistics, and makes no entry; map_contains tells 0 from 1", () => {
    const results = run(get(INTS, 1), onKey("map_contains", INTS, key(1)), set(INTS, key(1), 0n), onKey("map_contains", INTS, key(1)));
    expect(results).toEqual([0n, 0n, 0n, 1n]);
    const absent: [Operation, bigint[]][] = [
      [get(INTS, 1), [0n]],
      [get(TEXTS, 1), [0n]],
      [get(NAMED, "a"), [0x5301n, ...times(8, 0n)]],
      [get(TIMES), [0x5301n, ...times(8, 0n)]],
    ];
    for (const [op, words] of absent) {
      expect(run(op, onMap("map_size", op.target))).toEqual([0n, 0n]);
      expect((run(op), outputs())).toEqual(words);
    }
  });

  test("M8 O5 map_get outputs a value as a dump has it", () => {
    run(set(INTS, key(1), -5n), get(INTS, 1));
    expect(outputs()).toEqual([-5n & WORD]);
    run(setText(key(1), "abc"), get(TEXTS, 1));
    expect(outputs()).toEqual(stringWords("abc"));
    run(sample(SIZES, key("a"), 7), get(SIZES, "a"));
    expect(outputs()).toEqual([0x5301n, 1n, 7n, 0n, 7n, 7n, 49n, 0n, 3n, 1n, 0n]);
  });

  test("M9 map_del of an absent key returns ENOENT; a key inserted again goes to the end", () => {
    const results = run(onKey("map_del", INTS, key(1)), set(INTS, key(1), 1n), set(INTS, key(2), 2n), onKey("map_del", INTS, key(1)), add(INTS, key(1), 3n));
    expect(results).toEqual([ENOENT, 0n, 0n, 0n, 0n]);
    expect(entries("ints")).toEqual(["[2] 2", "[1] 3"]);
    run(...[1, 2, 3].map((part) => set(INTS, key(part), 0n)), onKey("map_del", INTS, key(1)));
    expect(entries("ints")).toEqual(["[2] 0", "[3] 0"]);
  });

  test("M10 a walk returns how many it visits; a bad order or limit returns EINVAL", () => {
    const three = [1, 2, 3].map((part) => set(PAIRS, key(part, 0), 0n));
    expect(run(...three, walk(PAIRS, "insertion"), walk(PAIRS, "value", { limit: 2n }), walk(PAIRS, "key2_desc", { limit: INT64_MAX / 128n })).slice(3)).toEqual([3n, 2n, 3n]);
    const raw = (target: number, value: bigint): Operation => operation("map_walk", { target, value });
    expect(run(raw(INTS, 34n), raw(NAMED, 34n), raw(INTS, 63n), raw(NAMED, 63n), raw(INTS, -1n), raw(INTS, -128n), raw(INTS, INT64_MIN))).toEqual(times(7, EINVAL));
  });

  test.each([
    [INTS, ["insertion", "value", "key1"]],
    [TIMES, ["insertion", "count", "sum", "min", "max", "avg", "variance"]],
    [NAMED, ["insertion", "key1", "count", "sum", "min", "max", "avg", "variance"]],
    [TEXTS, ["insertion", "value", "key1"]],
    [MIXED, ["insertion", "value", "key1", "key2"]],
    [NINE, ["insertion", "value", "key1", "key2", "key3", "key4", "key5", "key6", "key7", "key8", "key9"]],
  ] as const)("M10 map %d has the orders %o and their descending ones, and no other", (map, orders) => {
    const names = Object.keys(SORTS) as SortName[];
    expect(names.filter((name) => run(walk(map, name))[0] === 0n)).toEqual(orders.flatMap((name) => [name, `${name}_desc`]));
  });

  /** Keys (the part that tells entries apart) in the order in which a walk shows them. */
  function walked(target: number, sort: SortName, how = {}): string[] {
    more(walk(target, sort, how));
    const head = new BigUint64Array([0x4d01n, BigInt(target)]);
    const shown = formatDump(new Uint8Array([...new Uint8Array(head.buffer), ...model.outputs()]));
    return shown.slice(1).map((line) => line.trim());
  }

  test.each<[SortName, number[]]>([
    ["insertion", [0, 1, 2, 3]],
    ["insertion_desc", [3, 2, 1, 0]],
    ["value", [1, 0, 2, 3]],
    ["value_desc", [3, 0, 2, 1]],
    ["key1", [2, 1, 0, 3]],
    ["key1_desc", [0, 3, 1, 2]],
    ["key2", [1, 3, 0, 2]],
    ["key2_desc", [2, 0, 3, 1]],
  ])("M10 O5 order %s shows signed numbers, unsigned bytes, prefixes first and ties in insertion order", (sort, order) => {
    const all: [Argument[], bigint][] = [
      [[Uint8Array.of(0x80), 0n], 1n],
      [[bytes("ab"), INT64_MIN], INT64_MIN],
      [[bytes("a"), INT64_MAX], 1n],
      [[Uint8Array.of(0x80), -1n], 9n],
    ];
    run(...all.map(([args, value]) => set(MIXED, args, value)));
    const seen = order.flatMap((i) => entryWords(all[i]?.[0] ?? [], all[i]?.[1] ?? 0n));
    const map = [0x4d01n, 3n, 0x4d03n, 0n, 0n, 4n, ...all.flatMap(([args, value]) => entryWords(args, value))];
    expectDigest(walk(MIXED, sort), [4n, ...seen, ...map, ...ledgerWords(2n, 0n, { 9: 4n, 10: 4n })]);
  });

  test("M10 each of nine key parts is an order, texts are one by value", () => {
    for (let part = 1; part <= 9; part++) {
      const keyOf = (tag: number): Argument[] => key(...(REPLAY_MAPS[NINE].keys.map((type, i) => (i + 1 !== part ? (type === "string" ? "" : 0) : type === "string" ? `${tag}` : tag))));
      run(set(NINE, keyOf(2), 20n), set(NINE, keyOf(1), 10n));
      expect(walked(NINE, `key${part}` as SortName).map((line) => line.split(" ").at(-1))).toEqual(["10", "20"]);
      expect(walked(NINE, `key${part}_desc` as SortName).map((line) => line.split(" ").at(-1))).toEqual(["20", "10"]);
    }
    run(setText(key(1), "ab"), setText(key(2), "a"), setText(key(3), "ab"));
    expect(walked(TEXTS, "value")).toEqual(['entry [2] "a"', 'entry [1] "ab"', 'entry [3] "ab"']);
    expect(walked(TEXTS, "value_desc")).toEqual(['entry [1] "ab"', 'entry [3] "ab"', 'entry [2] "a"']);
  });

  /** The order of two statistics in a walk, ascending then descending: "ab ba" if a is less, "ab ab" for a tie. */
  function ordered(sort: "count" | "sum" | "min" | "max" | "avg" | "variance", a: readonly (bigint | number)[], b: readonly (bigint | number)[]): string {
    run(...a.map((value) => sample(NAMED, key("a"), value)), ...b.map((value) => sample(NAMED, key("b"), value)));
    const names = (order: SortName): string => walked(NAMED, order).map((line) => line[8]).join("");
    return `${names(sort)} ${names(`${sort}_desc`)}`;
  }

  test("M10 statistics are ordered by count, 128-bit sum, min, max, avg and variance", () => {
    expect(ordered("count", [1, 1], [5])).toBe("ba ab");
    expect(ordered("sum", [INT64_MAX, INT64_MAX], [1])).toBe("ba ab");
    expect(ordered("sum", [INT64_MIN, INT64_MIN], [1])).toBe("ab ba");
    expect(ordered("min", [3, -4], [-3])).toBe("ab ba");
    expect(ordered("max", [3, -4], [2, 2])).toBe("ba ab");
    expect(ordered("avg", [-1, -1, -2], [-2])).toBe("ba ab");
    expect(ordered("avg", [INT64_MAX, INT64_MAX, INT64_MAX], [INT64_MAX - 1n])).toBe("ba ab");
    expect(ordered("count", [1, 2], [5, 0])).toBe("ab ab");
    ordered("sum", [-1, -1, -1], [5]);
    expect(walked(NAMED, "count").map((line) => line[8])).toEqual(["b", "a"]); // nothing is left of the order before
  });

  test("S2 avg is truncated toward zero, also of sums beyond 64 bits", () => {
    expect(ordered("avg", [-3, 0], [-1])).toBe("ab ab");
    expect(ordered("avg", [3, 0], [1])).toBe("ab ab");
    expect(ordered("avg", [INT64_MIN, INT64_MIN, INT64_MIN + 1n], [INT64_MIN + 1n])).toBe("ab ab"); // truncated: up
    expect(ordered("avg", [INT64_MIN, INT64_MIN], [INT64_MIN])).toBe("ab ab");
    expect(ordered("avg", [INT64_MAX, INT64_MAX, INT64_MAX - 1n], [INT64_MAX - 1n])).toBe("ab ab");
    expect(ordered("avg", [INT64_MAX, INT64_MIN, 2], [0])).toBe("ab ab"); // 1 / 3
  });

  test("S3 variance is exact, rounded down, 0 below two samples, INT64_MAX when it exceeds that", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i); // 841.67
    expect(ordered("variance", hundred, [0, 29, 58])).toBe("ab ab"); // 29² = 841
    expect(ordered("variance", hundred, [0, 29, 29, 58])).toBe("ba ab"); // 560.67
    const thousand = [1, 1000, 1_000_000]; // 332999999667
    expect(ordered("variance", thousand, [-577_061, 0, 577_061])).toBe("ba ab"); // 332999397721
    expect(ordered("variance", thousand, [-577_062, 0, 577_062])).toBe("ab ba"); // 333000551844
    expect(ordered("variance", thousand, [0, 999, 999_999])).toBe("ab ab"); // each 1 less: the same
    expect(ordered("variance", [5], [7, 7, 7])).toBe("ab ab");
    expect(ordered("variance", [5], [0, 2])).toBe("ab ba");
    expect(ordered("variance", [1, 10 ** 6, 10 ** 12], [INT64_MIN, INT64_MAX])).toBe("ab ab"); // 3.3e23: both INT64_MAX
    expect(ordered("variance", [0, 2n ** 32n - 1n], [0, 2n ** 32n])).toBe("ab ba"); // (2^32 − 1)² / 2 < 2^63 = INT64_MAX + 1
    expect(ordered("variance", [0, 2n ** 32n], [1, 10 ** 6, 10 ** 12])).toBe("ab ab");
    expect(ordered("variance", times(3, INT64_MIN), [4])).toBe("ab ab"); // 3 · 2^126 is still exact
    expect(ordered("variance", times(4, INT64_MIN), [0, 100])).toBe("ba ab"); // 4 · 2^126 is not
    expect(ordered("variance", times(4, INT64_MIN), [1, 10 ** 6, 10 ** 12])).toBe("ab ab");
    expect(ordered("variance", [INT64_MAX, INT64_MAX - 1n, INT64_MAX - 2n], [0, 1, 2])).toBe("ab ab"); // 1, however far from 0
  });

  test("M10 a removing walk shows and removes the first by its order, up to its limit", () => {
    const three = (): bigint[] => run(...[5, 7, 6].map((value) => set(INTS, key(value), BigInt(value * 10))));
    three();
    expect(walked(INTS, "value_desc", { limit: 2n, remove: true })).toEqual(["entry [7] 70", "entry [6] 60"]);
    expect(entries("ints")).toEqual(["[5] 50"]);
    three();
    expect(walked(INTS, "insertion", { remove: true })).toEqual(["entry [5] 50", "entry [7] 70", "entry [6] 60"]);
    expect(more(onMap("map_size", INTS), ...[1, 2, 3].map((part) => set(INTS, key(part), 0n)))).toEqual([0n, 0n, 0n, 0n]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 6");
  });

  test("M11 map_clear removes all entries, though not of other maps", () => {
    const filled = [set(INTS, key(1), 1n), set(INTS, key(2), 1n), set(PAIRS, key(1, 2), 1n)];
    expect(run(...filled, onMap("map_clear", INTS))).toEqual(times(4, 0n));
    expect(more(onMap("map_size", INTS), onMap("map_size", PAIRS))).toEqual([0n, 1n]);
  });

  test("M12 a full wrap map evicts its oldest entry, whatever calls; a key that it has evicts none", () => {
    expect(run(set(RECENT, key(1), 1n), set(RECENT, key(2), 2n), add(RECENT, key(1), 1n), add(RECENT, key(3), 3n))).toEqual(times(4, 0n));
    expect(entries("recent")).toEqual(["[2] 2", "[3] 3"]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 4 delivered 4; evicted 1");
    more(set(RECENT, key(1), 9n), onMap("map_hold", RECENT), set(RECENT, key(4), 9n));
    expect(entries("recent")).toEqual(["[3] 3", "[1] 9"]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 5 busy 1; evicted 2");
  });

  test("M13 each CPU adds in its part; reading, size, deleting and clearing are about all parts", () => {
    run(add(SUMS, key(1), 1n), add(SUMS, key(2), 2n), onCpu(1, add(SUMS, key(3), 4n)), onCpu(1, add(SUMS, key(2), 8n)));
    expect(lines("map sums")).toEqual(["map sums", "part 0 size 2", "entry [1] 1", "entry [2] 2", "part 1 size 2", "entry [3] 4", "entry [2] 8"]);
    expect(more(get(SUMS, 2), onMap("map_size", SUMS), onKey("map_contains", SUMS, key(3)))).toEqual([0n, 4n, 1n]);
    expect((more(get(SUMS, 2)), outputs())).toEqual([10n]);
    expect(walked(SUMS, "insertion")).toEqual(["entry [1] 1", "entry [2] 10", "entry [3] 4"]);
    expect(walked(SUMS, "insertion_desc")).toEqual(["entry [3] 4", "entry [2] 10", "entry [1] 1"]);
    expect(walked(SUMS, "value_desc", { limit: 2n })).toEqual(["entry [2] 10", "entry [3] 4"]);
    expect(more(onKey("map_del", SUMS, key(2)), onKey("map_del", SUMS, key(2)), onKey("map_del", SUMS, key(3)), onMap("map_size", SUMS))).toEqual([0n, ENOENT, 0n, 1n]);
    expect(more(onCpu(1, add(SUMS, key(1), 1n)), onCpu(1, onMap("map_clear", SUMS)), onMap("map_size", SUMS))).toEqual([0n, 0n, 0n]);
  });

  test("M13 merged int64 wrap; a removing walk removes a key from all parts", () => {
    run(add(SUMS, key(1), INT64_MAX), onCpu(1, add(SUMS, key(2), 1n)), onCpu(1, add(SUMS, key(1), 1n)));
    expect(walked(SUMS, "value", { limit: 1n, remove: true })).toEqual([`entry [1] ${INT64_MIN}`]);
    expect(lines("map sums")).toEqual(["map sums", "part 0 size 0", "part 1 size 1", "entry [2] 1"]);
  });

  test("M13 M6 parts are held each by itself: adding finds its own held, what is about all parts any", () => {
    expect(run(onCpu(1, onMap("map_hold", SUMS)), onCpu(1, onMap("map_hold", SUMS)), onMap("map_release", SUMS))).toEqual([0n, EBUSY, ESTATE]);
    expect(lines("map sums")).toEqual(["map sums", "part 0 size 0", "part 1 size 0 held by cpu1"]);
    const all = [get(SUMS, 1), onKey("map_contains", SUMS, key(1)), onKey("map_del", SUMS, key(1)), onKey("map_del_slice", SUMS, key(1)), walk(SUMS, "value"), onMap("map_clear", SUMS)];
    expect(more(add(SUMS, key(1), 1n), onCpu(1, add(SUMS, key(1), 1n)), ...all)).toEqual([0n, EBUSY, ...times(6, EBUSY)]);
    expect(more(onMap("map_hold", SUMS), onMap("map_size", SUMS), onMap("map_release", SUMS), onCpu(1, onMap("map_release", SUMS)))).toEqual([0n, 1n, 0n, 0n]);
    expect(run(onCpu(1, onMap("map_hold", TIMES)), sample(TIMES, [], 1), onCpu(1, sample(TIMES, [], 1)))).toEqual([0n, 0n, EBUSY]);
  });

  test("M14 wildcards match anything, in map_contains and map_del_slice, which returns how many", () => {
    const three = [set(MIXED, key("a", 1), 1n), set(MIXED, key("b", 1), 2n), set(MIXED, key("a", 2), 3n)];
    const slice = (name: OperationName, mask: bigint, ...parts: Part[]): Operation => onKey(name, MIXED, key(...parts), mask);
    expect(run(...three, slice("map_contains", 1n, "z", 2), slice("map_contains", 1n, "a", 3), slice("map_contains", 2n, "b", 9), slice("map_contains", 0n, "b", 2)).slice(3)).toEqual([1n, 0n, 1n, 0n]);
    expect(more(slice("map_del_slice", 2n, "a", 77), slice("map_del_slice", 2n, "a", 77))).toEqual([2n, 0n]);
    expect(entries("mixed")).toEqual(['["b", 1] 2']);
    expect(run(...three, slice("map_del_slice", 3n, "", 0), slice("map_contains", 3n, "", 0))).toEqual([0n, 0n, 0n, 3n, 0n]);
    expect(run(...three, slice("map_del_slice", 0n, "b", 1))).toEqual([0n, 0n, 0n, 1n]);
    expect(entries("mixed")).toEqual(['["a", 1] 1', '["a", 2] 3']);
  });

  test("M14 a mask beyond the key is EINVAL; wildcard arguments fit but are not cut; others are", () => {
    const long = "12345678901234567";
    const masks = [4n, -1n, INT64_MIN].map((mask) => onKey("map_contains", MIXED, key("a", 1), mask));
    expect(run(...masks, onKey("map_contains", TIMES, [], 1n), onKey("map_contains", MIXED, key(1, 1), 1n), onKey("map_contains", MIXED, key(long, 1), 1n))).toEqual([...times(5, EINVAL), 0n]);
    expect(ledger("probe none cpu0")).toBe("");
    run(onKey("map_del_slice", MIXED, key(long, 1), 2n), set(MIXED, key("123456789012345", 1), 1n), onKey("map_contains", MIXED, key(long, 9), 2n));
    expect(ledger("probe none cpu0")).toBe("map: attempted 2 delivered 2; cut 2");
  });

  test("M14 M13 slices of a per-CPU map count entries of all parts", () => {
    const sizes = (cpu: number, name: string): Operation => onCpu(cpu, sample(SIZES, key(name), 1));
    expect(run(sizes(0, "a"), sizes(1, "b"), sizes(1, "a"), onKey("map_contains", SIZES, key("b")), onKey("map_del_slice", SIZES, key("a"), 0n))).toEqual([0n, 0n, 0n, 1n, 2n]);
    expect(lines("map sizes").slice(0, 3)).toEqual(["map sizes", "part 0 size 0", "part 1 size 1"]);
    expect(more(onKey("map_del_slice", SIZES, key("x"), 1n))).toEqual([1n]);
  });

  test("M15 map_append makes an entry, appends, and cuts what exceeds 7 bytes", () => {
    run(append(key(1), "abc"), append(key(1), "def"), append(key(1), "g"), append(key(1), ""), append(key(1), "h"), append(key(2), "12345678"));
    expect(entries("texts")).toEqual(['[1] "abcdefg"', '[2] "1234567"']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 6; cut 2");
  });

  test("M16 a push stores under the next position, which grows only with success; map_clear begins anew", () => {
    expect(run(push(INTS, 5n), push(INTS, 6n), set(INTS, key(7), 1n), push(INTS, 8n), onKey("map_del", INTS, key(7)), push(INTS, 9n))).toEqual([0n, 0n, 0n, EFULL, 0n, 0n]);
    expect(lines("map ints")).toEqual(["map ints", "part 0 size 3 next 3", "entry [0] 5", "entry [1] 6", "entry [2] 9"]);
    more(onMap("map_hold", INTS), push(INTS, 1n), onMap("map_release", INTS), onMap("map_clear", INTS), set(INTS, key(1), 3n), push(INTS, 1n), push(INTS, 2n));
    expect(lines("map ints")).toEqual(["map ints", "part 0 size 2 next 2", "entry [1] 2", "entry [0] 1"]);
    run(pushText(TEXTS, "one"), pushText(TEXTS, "too long for it"), onKey("map_del", TEXTS, key(0)), pushText(TEXTS, ""));
    expect(lines("map texts")).toEqual(["map texts", "part 0 size 2 next 3", 'entry [1] "too lon"', 'entry [2] ""']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 4 delivered 4; cut 1");
    run(...[1n, 2n, 3n].map((value) => push(RECENT, value)));
    expect(lines("map recent")).toEqual(["map recent", "part 0 size 2 next 3", "entry [1] 2", "entry [2] 3"]);
  });
});

describe("S: statistics", () => {
  const stats = (...values: (bigint | number)[]): string => (run(...values.map((value) => sample(NAMED, key("a"), value))), entries("named")[0] ?? "");

  test("S1 count, sum of 128 bits, extremes and sum of squares", () => {
    expect(stats(3, -5, 4)).toBe('["a"] count 3 sum 2 min -5 max 4 sumsq 50');
    expect(stats(INT64_MIN)).toBe(`["a"] count 1 sum ${INT64_MIN} min ${INT64_MIN} max ${INT64_MIN} sumsq ${2n ** 126n}`);
    expect(stats(INT64_MAX, INT64_MAX, INT64_MAX)).toBe(`["a"] count 3 sum ${3n * INT64_MAX} min ${INT64_MAX} max ${INT64_MAX} sumsq ${3n * INT64_MAX ** 2n}`);
    expect(stats(INT64_MIN, INT64_MIN, INT64_MIN, -1)).toBe(`["a"] count 4 sum ${3n * INT64_MIN - 1n} min ${INT64_MIN} max -1 sumsq ${3n * 2n ** 126n + 1n}`);
    expect(stats(-1, 1)).toBe('["a"] count 2 sum 0 min -1 max 1 sumsq 2');
  });

  test("S1 sumsq stays at 2^128 - 1 once it would exceed that", () => {
    expect(stats(...times(4, INT64_MIN))).toBe(`["a"] count 4 sum ${4n * INT64_MIN} min ${INT64_MIN} max ${INT64_MIN} sumsq ${2n ** 128n - 1n}`);
    expect(stats(...times(4, INT64_MIN), 0, 1)).toMatch(new RegExp(`sumsq ${2n ** 128n - 1n}$`));
    expect(stats(...times(4, INT64_MAX), INT64_MAX)).toMatch(new RegExp(`sumsq ${2n ** 128n - 1n}$`));
    expect(stats(...times(4, INT64_MAX))).toMatch(new RegExp(`sumsq ${4n * INT64_MAX ** 2n}$`));
  });

  test.each([
    [0n, 64],
    [1n, 65],
    [2n, 66],
    [3n, 66],
    [4n, 67],
    [INT64_MAX, 127],
    [2n ** 62n, 127],
    [2n ** 62n - 1n, 126],
    [-1n, 63],
    [-2n, 62],
    [-3n, 62],
    [-4n, 61],
    [INT64_MIN + 1n, 1],
    [INT64_MIN, 0],
  ])("S4 %d falls into log bucket %d", (value, bucket) => {
    run(sample(TIMES, [], value));
    expect(entries("times")[0]).toMatch(new RegExp(` buckets ${bucket}:1$`));
  });

  test.each([
    [INT64_MIN, 0],
    [-1n, 0],
    [0n, 1],
    [4n, 1],
    [5n, 2],
    [20n, 5],
    [24n, 5],
    [25n, 6],
    [INT64_MAX, 6],
  ])("S5 %d falls into bucket %d of 0 to 20 by 5", (value, bucket) => {
    run(sample(SIZES, key("a"), value));
    expect(entries("sizes")[0]).toMatch(new RegExp(` buckets ${bucket}:1$`));
  });

  test("S4 S5 O6 buckets count; those that are 0 are not dumped", () => {
    run(...[1, 1, -1, 100, 1].map((value) => sample(TIMES, [], value)));
    expect(entries("times")[0]).toMatch(/ buckets 63:1 65:3 71:1$/);
  });

  const RULE = "-".repeat(50);
  /** The text that print_hist leaves in a large print buffer. */
  function histogram(map: number, parts: Part[], values: readonly (bigint | number)[]): string[] {
    const samples = values.map((value) => sample(map, key(...parts), value));
    expect(runRoomy(...samples, enter(0), printHist(map, ...parts)).at(-1)).toBe(0n);
    return (level(TASK).match(/ text "(.*)"$/)?.[1] ?? "").split("\\x0a");
  }
  /** A bar and its count, which end in the same column. */
  const bar = (label: string, length: number, count: number, width = 52): string => `${label} |${"@".repeat(length)}${`${count}`.padStart(width - length)}`;

  test("S6 a linear histogram has rows from two before to two after what is not empty, its outer buckets only then", () => {
    expect(histogram(SIZES, ["a"], [3, 3, 7, 30])).toEqual([
      `value |${RULE} count`,
      "    0 |@@                                                 2",
      "    5 |@                                                  1",
      "   10 |                                                   0",
      "   15 |                                                   0",
      "   20 |                                                   0",
      "  >20 |@                                                  1",
      "",
      "",
    ]);
    expect(histogram(SIZES, ["a"], [12])).toEqual([`value |${RULE} count`, ...["    0", "    5"].map((label) => bar(label, 0, 0)), bar("   10", 1, 1), ...["   15", "   20"].map((label) => bar(label, 0, 0)), "", ""]);
    expect(histogram(SIZES, ["a"], [-7, -8])).toEqual([`value |${RULE} count`, bar("   <0", 2, 2), bar("    0", 0, 0), bar("    5", 0, 0), "", ""]);
    expect(histogram(SIZES, ["a"], [25])).toEqual([`value |${RULE} count`, bar("   15", 0, 0), bar("   20", 0, 0), bar("  >20", 1, 1), "", ""]);
    expect(histogram(SIZES, ["a"], [20])).toEqual([`value |${RULE} count`, bar("   10", 0, 0), bar("   15", 0, 0), bar("   20", 1, 1), "", ""]);
  });

  test("S6 a log histogram from 0 on does not go below it; rows far from all samples are one line", () => {
    expect(histogram(TIMES, [], [0, 1, 1, 3, 1000])).toEqual([
      `value |${RULE} count`,
      bar("    0", 1, 1),
      bar("    1", 2, 2),
      bar("    2", 1, 1),
      bar("    4", 0, 0),
      bar("    8", 0, 0),
      "      ~",
      bar("  128", 0, 0),
      bar("  256", 0, 0),
      bar("  512", 1, 1),
      bar(" 1024", 0, 0),
      bar(" 2048", 0, 0),
      "",
      "",
    ]);
    expect(histogram(TIMES, [], [3])[1]).toBe(bar("    0", 0, 0)); // bucket 66, two rows before it
    expect(histogram(TIMES, [], [2 ** 20])[1]).toBe(bar(" 262144", 0, 0)); // 2^18; 4194304 is the last
  });

  test("S6 negative buckets are named by their value nearest to 0", () => {
    expect(histogram(TIMES, [], [-1, -5])).toEqual([
      `value |${RULE} count`,
      ...["  -16", "   -8"].map((label) => bar(label, 0, 0)),
      bar("   -4", 1, 1),
      bar("   -2", 0, 0),
      bar("   -1", 1, 1),
      ...["    0", "    1"].map((label) => bar(label, 0, 0)),
      "",
      "",
    ]);
  });

  test("S6 the first and last bucket; labels make the column wider", () => {
    expect(histogram(TIMES, [], [INT64_MIN, INT64_MAX])).toEqual([
      `${" ".repeat(15)}value |${RULE} count`,
      bar("-9223372036854775808", 1, 1),
      bar("-4611686018427387904", 0, 0),
      bar("-2305843009213693952", 0, 0),
      `${" ".repeat(20)} ~`,
      bar(" 1152921504606846976", 0, 0),
      bar(" 2305843009213693952", 0, 0),
      bar(" 4611686018427387904", 1, 1),
      "",
      "",
    ]);
  });

  test("S6 bars are scaled to at most 50 columns", () => {
    expect(histogram(TIMES, [], [...times(50, 1), 0]).slice(1, 3)).toEqual([bar("    0", 1, 1, 53), bar("    1", 50, 50, 53)]);
    expect(histogram(TIMES, [], [...times(51, 1), 0]).slice(1, 3)).toEqual([bar("    0", 0, 1, 53), bar("    1", 25, 51, 53)]);
    expect(histogram(TIMES, [], [...times(101, 1), 0, 0, 0]).slice(1, 3)).toEqual([bar("    0", 1, 3, 54), bar("    1", 33, 101, 54)]);
  });

  test("S7 M13 statistics merge counts, sums, squares, extremes and buckets; a part without samples does not count", () => {
    run(sample(SIZES, key("a"), 3), onCpu(1, sample(SIZES, key("a"), -4)), onCpu(1, sample(SIZES, key("a"), 2)), get(SIZES, "a"));
    expect(outputs()).toEqual([0x5301n, 3n, 1n, 0n, -4n & WORD, 3n, 29n, 0n, 1n, 1n, 2n, 2n, 0n]);
    run(onCpu(1, sample(SIZES, key("a"), 3)), get(SIZES, "a"));
    expect(outputs()).toEqual([0x5301n, 1n, 3n, 0n, 3n, 3n, 9n, 0n, 2n, 1n, 0n]);
    const four = [0, 0, 1, 1].map((cpu) => onCpu(cpu, sample(TIMES, [], INT64_MIN)));
    run(...four, get(TIMES));
    expect(outputs()).toEqual([0x5301n, 4n, 0n, -2n & WORD, INT64_MIN & WORD, INT64_MIN & WORD, WORD, WORD, 1n, 4n, 0n]);
    run(onCpu(0, sample(TIMES, [], INT64_MAX)), onCpu(1, sample(TIMES, [], INT64_MAX)), get(TIMES));
    expect(outputs()).toEqual([0x5301n, 2n, -2n & WORD, 0n, INT64_MAX, INT64_MAX, 2n, 2n ** 63n - 2n, 128n, 2n, 0n]);
  });
});

describe("B: strings", () => {
  const POOL: [OperationName, Part[]][] = [
    ["str_copy", ["a"]],
    ["str_concat", ["a", "b"]],
    ["str_substr", ["a", 0, 1]],
    ["str_replace", ["a", "b", "c"]],
    ["str_token", ["a", "b", 0]],
    ["str_quote", ["a"]],
  ];

  test("B1 B2 a level has three strings, given back at its own probe_exit; none outside a probe", () => {
    const results = run(str("x"), enter(0), ...times(4, str("x")), enter(1, NMI), str("x"), exit, str("x"), exit, enter(0), str("x"));
    expect(results).toEqual([ESTATE, 0n, 0n, 0n, 0n, EFULL, 0n, 0n, 0n, EFULL, 0n, 0n, 0n]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 2 delivered 1; string: attempted 6 delivered 4 full 2");
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 1 text ""');
  });

  test.each(POOL)("B1 %s takes a string, without one returns EFULL; ESTATE, EINVAL, EFULL in this order", (name, args) => {
    const call = onStrings(name, ...args);
    const wrong = onStrings(name, ...args, 1);
    expect(run(wrong, enter(0), wrong, call, call, call, wrong, call)).toEqual([ESTATE, 0n, EINVAL, 0n, 0n, 0n, EINVAL, EFULL]);
    expect(model.outputs()).toHaveLength(0);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 4 delivered 3 full 1");
  });

  test("B1 B2 EFAULT comes before EFULL, ENOENT before EFULL; neither of them takes a string, EFULL counts no cut", () => {
    const token = onStrings("str_token", "a", "b", 1);
    expect(run(enter(0), str("%m", 1), token, ...times(3, str("")), str("%m", 1), token, str("%600d".replace("600", "512"), 1))).toEqual([0n, EFAULT, ENOENT, 0n, 0n, 0n, EFAULT, ENOENT, EFULL]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 6 delivered 3 full 1 fault 2");
  });

  test("B3 ESTATE comes before EINVAL, EINVAL before EFULL", () => {
    expect(run(str("%"), enter(0), ...times(3, str("")), str("%"), str(""))).toEqual([ESTATE, 0n, 0n, 0n, 0n, EINVAL, EFULL]);
  });

  test("B3 str_printf outputs its text, cut to 511 bytes and counted once, ended by a NUL after that", () => {
    expect(made(str(`${"y".repeat(505)}%6s%d`, "x", 1))).toBe(`${"y".repeat(505)}     x`);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1; cut 1");
    expect(made(str("ab%ccd", 0))).toBe("ab");
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1");
    expect(made(str("ab%c%512d", 0, 1))).toBe("ab");
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1; cut 1");
  });

  test.each([...POOL, ["str_compare", ["a", "b"]], ["str_find", ["a", "b"]], ["str_number", ["1", 10]]] as [OperationName, Part[]][])("B4 %s refuses arguments of other number or type", (name, args) => {
    const others = [[], args.slice(1), [...args, "x"], times(17, "x"), ...args.map((arg, i) => args.with(i, typeof arg === "string" ? 1 : "1"))];
    expect(run(...others.flatMap((parts) => [enter(0), onStrings(name, ...parts), exit]))).toEqual(others.flatMap(() => [0n, EINVAL, 0n]));
    expect(ledger("probe 0 cpu0")).toBe(`hit: attempted ${others.length} delivered ${others.length}`);
  });

  test("B4 of an argument 511 bytes are looked at, a longer one is counted, and so is a result that is cut", () => {
    const cuts = (op: Operation, text: string): string => (expect(made(op)).toBe(text), ledger("probe 0 cpu0").replace(/.*delivered 1/, ""));
    const long = "x".repeat(512);
    expect(cuts(onStrings("str_copy", "x".repeat(511)), "x".repeat(511))).toBe("");
    expect(cuts(onStrings("str_copy", long), "x".repeat(511))).toBe("; cut 1");
    expect(cuts(onStrings("str_concat", "x".repeat(510), "yz"), `${"x".repeat(510)}y`)).toBe("; cut 1");
    expect(cuts(onStrings("str_concat", long, long), "x".repeat(511))).toBe("; cut 3");
    expect(cuts(onStrings("str_substr", long, 510, 9), "x")).toBe("; cut 1");
    expect(cuts(onStrings("str_token", long, ",", 0), "x".repeat(511))).toBe("; cut 1");
    expect(cuts(onStrings("str_replace", "x".repeat(511), "x", "ab"), `${"ab".repeat(255)}a`)).toBe("; cut 1");
    expect(cuts(onStrings("str_replace", long, "y", long), "x".repeat(511))).toBe("; cut 2");
    expect(run(onStrings("str_compare", `${"x".repeat(511)}a`, `${"x".repeat(511)}b`))).toEqual([0n]);
    expect(outputs()).toEqual([0n]);
    expect(run(onStrings("str_find", `${"x".repeat(511)}a`, "a"), onStrings("str_number", `${"0".repeat(511)}1`, 10))).toEqual([ENOENT, 0n]);
    expect(outputs()).toEqual([0n]);
    expect(ledger("probe none cpu0")).toBe("");
    run(enter(0), onStrings("str_token", long, ",", 1));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
  });

  test.each<[OperationName, Part[], string]>([
    ["str_copy", [""], ""],
    ["str_copy", ["\x01\xff"], "\x01\xc3\xbf"],
    ["str_concat", ["ab", "cd"], "abcd"],
    ["str_concat", ["", ""], ""],
    ["str_substr", ["abcdef", 2, 3], "cde"],
    ["str_substr", ["abcdef", 2, INT64_MAX], "cdef"],
    ["str_substr", ["abcdef", 0, 0], ""],
    ["str_substr", ["abcdef", 6, 1], ""],
    ["str_substr", ["abcdef", 7, 1], ""],
    ["str_substr", ["abcdef", INT64_MAX, 1], ""],
    ["str_substr", ["abcdef", -1, 3], ""],
    ["str_substr", ["abcdef", 1, -1], ""],
    ["str_substr", ["abcdef", 1, INT64_MIN], ""],
    ["str_token", ["a,b;;c", ",;", 2], "c"],
    ["str_token", [",,a,b", ",", 0], "a"],
    ["str_token", ["a,b", "", 0], "a,b"],
    ["str_token", ["a,b,", ",", 1], "b"],
    ["str_replace", ["aaa", "aa", "b"], "ba"],
    ["str_replace", ["abab", "b", ""], "aa"],
    ["str_replace", ["abc", "", "x"], "abc"],
    ["str_replace", ["abc", "abcd", "x"], "abc"],
    ["str_replace", ["a", "a", "aa"], "aa"],
    ["str_replace", ["aab", "ab", "x"], "ax"],
  ])("B5 B6 B7 B8 %s of %o is %o", (name, args, expected) => {
    expect(made(onStrings(name, ...args))).toBe(expected);
  });

  test.each<Part[]>([
    ["a,b", ",", 2],
    ["a,b", ",", -1],
    ["", "", 0],
    [",,", ",", 0],
    ["a", "b", INT64_MAX],
  ])("B7 str_token of %o, %o, %d returns ENOENT and enters nothing", (...args) => {
    expect(run(enter(0), onStrings("str_token", ...args))).toEqual([0n, ENOENT]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 text ""');
  });

  test.each<[Uint8Array | string, string]>([
    ["", '""'],
    ["plain ~", '"plain ~"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\x07\x08\x0c\n\r\t\x0b'", "\"\\a\\b\\f\\n\\r\\t\\v'\""],
    ["\x01\x1f\x7f", '"\\001\\037\\177"'],
    [Uint8Array.of(0x80, 0xff, 0xc3), '"\\200\\377\\303"'],
    [Uint8Array.of(0xc2, 0xa0), '"\xc2\xa0"'], // U+00A0
    [Uint8Array.of(0xc2, 0x9f), '"\\302\\237"'], // U+009F is a control
    [Uint8Array.of(0xdf, 0xbf), '"\xdf\xbf"'],
    [Uint8Array.of(0xe0, 0xa0, 0x80, 0xef, 0xbf, 0xbf), '"\xe0\xa0\x80\xef\xbf\xbf"'],
    [Uint8Array.of(0xe0, 0x9f, 0xbf), '"\\340\\237\\277"'], // overlong
    [Uint8Array.of(0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80), '"\xed\x9f\xbf\xee\x80\x80"'],
    [Uint8Array.of(0xed, 0xa0, 0x80), '"\\355\\240\\200"'], // the first surrogate
    [Uint8Array.of(0xed, 0xbf, 0xbf), '"\\355\\277\\277"'], // the last
    [Uint8Array.of(0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf), '"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"'],
    [Uint8Array.of(0xf0, 0x8f, 0xbf, 0xbf), '"\\360\\217\\277\\277"'],
    [Uint8Array.of(0xf4, 0x90, 0x80, 0x80), '"\\364\\220\\200\\200"'], // beyond U+10FFFF
    [Uint8Array.of(0xf8, 0x88, 0x80, 0x80, 0x80), '"\\370\\210\\200\\200\\200"'],
    [Uint8Array.of(0xe2, 0x82), '"\\342\\202"'], // it ends too early
    [Uint8Array.of(0xe2, 0x82, 0x41), '"\\342\\202A"'],
    [Uint8Array.of(0xc1, 0x81), '"\\301\\201"'],
  ])("B9 str_quote of %o is %o", (text, quoted) => {
    expect(made(onStrings("str_quote", text))).toBe(quoted);
  });

  test("B9 a quoted string of 511 bytes is whole; of a longer one as many whole units stand as fit, and it is counted", () => {
    const cuts = (text: Part): [string, string] => [made(onStrings("str_quote", text)), ledger("probe 0 cpu0").replace(/.*delivered 1/, "")];
    const x = (count: number): string => "x".repeat(count);
    expect(cuts(x(509))).toEqual([`"${x(509)}"`, ""]);
    expect(cuts(x(510))).toEqual([`"${x(506)}"...`, "; cut 1"]);
    expect(cuts(x(512))).toEqual([`"${x(506)}"...`, "; cut 2"]);
    expect(cuts(`${x(507)}\n`)).toEqual([`"${x(507)}\\n"`, ""]);
    expect(cuts(`${x(508)}\n`)).toEqual([`"${x(506)}"...`, "; cut 1"]);
    expect(cuts(`${x(503)}\x01${x(5)}`)).toEqual([`"${x(503)}"...`, "; cut 1"]); // the unit of four bytes does not fit
    expect(cuts(`${x(502)}\x01${x(5)}`)).toEqual([`"${x(502)}\\001"...`, "; cut 1"]);
    expect(cuts(`${x(504)}€${x(4)}`)).toEqual([`"${x(504)}"...`, "; cut 1"]);
    expect(cuts("\x01".repeat(127))).toEqual([`"${"\\001".repeat(127)}"`, ""]);
    expect(cuts("\x01".repeat(128))).toEqual([`"${"\\001".repeat(126)}"...`, "; cut 1"]);
  });

  test.each([
    ["a", "a", 0n],
    ["a", "b", -1n],
    ["b", "a", 1n],
    ["a", "ab", -1n],
    ["", "a", -1n],
    ["", "", 0n],
    ["\x7f", "é", -1n],
  ])("B10 str_compare of %o and %o outputs %d", (a, b, expected) => {
    expect(run(onStrings("str_compare", a, b))).toEqual([0n]);
    expect(outputs()).toEqual([expected & WORD]);
  });

  test.each([
    ["abcabc", "bc", 1n],
    ["abc", "", 0n],
    ["", "", 0n],
    ["abc", "abc", 0n],
    ["aab", "ab", 1n],
    ["abc", "abcd", ENOENT],
    ["abc", "x", ENOENT],
  ])("B10 str_find in %o of %o returns %d", (text, what, expected) => {
    expect(run(onStrings("str_find", text, what))).toEqual([expected]);
    expect(ledger("probe none cpu0")).toBe("");
  });

  test.each<[string, number, bigint]>([
    ["0", 10, 0n],
    [" \t\n\v\f\r+12", 10, 12n],
    ["-9223372036854775808", 10, INT64_MIN],
    ["9223372036854775807", 10, INT64_MAX],
    ["-0", 10, 0n],
    ["7fffffffffffffff", 16, INT64_MAX],
    ["-0X8000000000000000", 16, INT64_MIN],
    ["0xfF", 0, 255n],
    ["017", 0, 15n],
    ["0", 0, 0n],
    ["19", 0, 19n],
    ["-010", 0, -8n],
    ["zZ", 36, 1295n],
    ["1111", 2, 15n],
    ["00000000000000000000000000001", 10, 1n],
  ])("B11 str_number of %o in base %d is %d", (text, base, expected) => {
    expect(run(onStrings("str_number", text, base))).toEqual([0n]);
    expect(outputs()).toEqual([expected & WORD]);
  });

  test.each<[string, bigint | number]>([
    ["", 10],
    [" ", 10],
    ["-", 10],
    ["+-1", 10],
    ["1 ", 10],
    ["- 1", 10],
    ["9223372036854775808", 10],
    ["-9223372036854775809", 10],
    ["18446744073709551617", 10],
    ["8000000000000000", 16],
    ["0x", 16],
    ["0x", 0],
    ["0xg", 0],
    ["0x1", 10],
    ["0x1", 36 - 1],
    ["08", 0],
    ["2", 2],
    ["a", 10],
    ["1", 1],
    ["1", 37],
    ["1", -1],
    ["1", INT64_MIN],
    ["1", 2n ** 32n + 10n],
    ["\x0e1", 10],
    ["0x0x1", 16],
  ])("B11 str_number of %o in base %d returns EINVAL", (text, base) => {
    const is35 = base === 35; // there x is a digit: 0 · 35² + 33 · 35 + 1
    expect(run(onStrings("str_number", text, base))).toEqual([is35 ? 0n : EINVAL]);
    expect(outputs()).toEqual(is35 ? [1156n] : []);
  });
});

/** Text that print_printf leaves in an empty print buffer, as a dump shows it. */
function printed(text: string, ...args: Part[]): string {
  expect(run(enter(0), print(text, ...args))).toEqual([0n, 0n]);
  return level(TASK).replace(/^.* text /, "");
}

describe("P: printing", () => {
  test.each<[string, Part[], string]>([
    ["plain %%", [], "plain %"],
    ["%d|%i", [INT64_MIN, INT64_MAX], "-9223372036854775808|9223372036854775807"],
    ["%u|%u", [-1, 0], "18446744073709551615|0"],
    ["%o|%#o|%#o", [8, 8, 0], "10|010|00"],
    ["%o", [-1], "1777777777777777777777"],
    ["%x|%X|%x", [-1, -1, 0], "ffffffffffffffff|FFFFFFFFFFFFFFFF|0"],
    ["%#x|%#X|%#x", [171, 171, 0], "0xab|0XAB|0x0"],
    ["%5d|%-5d|%05d|%-05d", [-3, -3, -3, -3], "   -3|-3   |-0003|-3   "],
    ["%+d|%+d|% d|% d|%+ d|% +d", [3, -3, 3, -3, 3, 3], "+3|-3| 3|-3|+3|+3"],
    ["%+u|% x|%+o|% +X", [3, 3, 3, 3], "3|3|3|3"],
    ["%#d|%#u|%#i", [3, 3, -3], "3|3|-3"],
    ["%+05d|% 05d|%+5d|%-+5d|", [3, 3, 3, 3], "+0003| 0003|   +3|+3   |"],
    ["%.3d|%.3d|%.0d|%.d|%.1d", [5, -5, 0, 0, 0], "005|-005|0|0|0"],
    ["%6.3d|%-6.3d|%06.3d|", [-5, -5, -5], "  -005|-005  |-00005|"],
    ["%.20u", [7], "00000000000000000007"],
    ["%5x|%-5x|%05x|%0-05x", [171, 171, 171, 171], "   ab|ab   |000ab|ab   "],
    ["%#6x|%#06x|%-#6x|%#.4x|%#7.4o", [171, 171, 171, 171, 8], "  0xab|0x00ab|0xab  |0x00ab|  00010"],
    ["%p", [0], "0x0000000000000000"],
    ["%p|%P".slice(0, 2), [-1], "0xffffffffffffffff"],
    ["%-p|", [171], "0xab              |"],
    ["%8p|%08p|%-8p|%1p", [171, 171, 171, 171], "    0xab|0x0000ab|0xab    |0xab"],
    ["%*p", [0, 171], "0xab"],
    ["%.4p|", [171], "0x00000000000000ab|"],
    ["%5s|%-5s|%05s|%--00-2s", ["ab", "ab", "ab", "abc"], "   ab|ab   |   ab|abc"],
    ["%.2s|%.0s|%.s|%.9s|%5.1s|%-5.1s|", ["abc", "abc", "abc", "abc", "abc", "abc"], "ab|||abc|    a|a    |"],
    ["%#s|%+ 0s", ['a"\n', "b"], 'a\\"\\n|b'],
    ["%#.2s|%#8.2s|%#-5s|", ["\n\n\n", "\n\n\n", "\t"], "\\n\\n|    \\n\\n|\\t   |"],
    ["%#.1s", ["é"], "\\303"],
    ["%#s", ["'"], "'"],
    ["%c%c", [0x141, -190], "AB"],
    ["%3c|%-3c|%03c|%.0c|%.9c", [65, 65, 65, 65, 65], "  A|A  |  A|A|A"],
    ["%#c%#c%#c%#c", [39, 34, 92, 10], "\\'\"\\\\\\n"],
    ["%#c|%#6c|%#-6c|", [0, 0xe9, 1], "\\000|  \\351|\\001  |"],
    ["%2d%-1d%s", [1234, 56, ""], "123456"],
    ["%010d", [0], "0000000000"],
    ["%*d|%-*d|%*d|%0*d", [4, 7, 4, 7, -4, 7, 4, 7], "   7|7   |7   |0007"],
    ["%.*d|%.*d|%*.*d|%.*s", [3, 7, -3, 7, 5, 3, 7, 1, "abc"], "007|7|  007|a"],
    ["%.*s|%*s|%-*s|", [-1, "abc", -5, "abc", -5, "abc"], "abc|abc  |abc  |"],
    ["%.*s|%.*M", [0, "abc", 0, "az"], "|61"],
    ["%+-0 #5d|", [3], "+3   |"],
    ["%M|%.0M|%.3M|%8.2M|%-8.2M|", ["\xe9", "A", "Az", "Az", "Az"], "c3|41|417a00|    417a|417a    |"],
    ["%m|%.2m|%4m|%-4m|%.m", ["Az", "Az", "Az", "Az", "Az"], "A|Az|   A|A   |A"],
    ["%#.2M|%+0 .2M", ["Az", "Az"], "417a|417a"],
  ])("P1 %s of %o prints %s", (format, args, text) => {
    expect(made(str(format, ...args))).toBe(text);
  });

  test.each<[string, Part[], string]>([
    ["%b", [0x0102030405060708n], '"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01"'],
    ["%1b%2b%4b%8b", [-2, 0x4142, -1, 1], '"\\xfeBA\\xff\\xff\\xff\\xff\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00"'],
    ["%*b|", [2, 0x4142], '"BA|"'],
    ["%.*b|", [-1, 0x41], '"A\\x00\\x00\\x00\\x00\\x00\\x00\\x00|"'],
    ["a%cb", [0], '"a\\x00b"'],
    ["%.4m|%m", ["Az", ""], '"Az\\x00\\x00|\\x00"'],
  ])("P1 %s of %o prints the bytes %s, NULs too", (format, args, text) => {
    expect(printed(format, ...args)).toBe(text);
  });

  test.each<[string, Part[]]>([
    ["%", []],
    ["%5", []],
    ["%5.", []],
    ["%5.3", []],
    ["%*", [1]],
    ["%*", [1, 1]],
    ["%q", [1]],
    ["%P", [1]],
    ["%5-d", [1]],
    ["%.-1d", [1]],
    ["%5%", []],
    ["%-%", []],
    ["%0%", []],
    ["%.%", []],
    ["%*%", [1]],
    ["%ld", [1]],
    ["%513d", [1]],
    ["%4294967297d", [1]],
    ["%18446744073709551617d", [1]],
    ["%.513d", [1]],
    ["%*d", [513, 1]],
    ["%*d", [-513, 1]],
    ["%*d", [INT64_MIN, 1]],
    ["%*d", [2n ** 32n, 1]],
    ["%.*d", [513, 1]],
    ["%.*d", [-513, 1]],
    ["%*d", ["5", 1]],
    ["%.*d", ["5", 1]],
    ["%*d", [5]],
    ["%d", []],
    ["%d", [1, 2]],
    ["", [1]],
    ["%%", [1]],
    ["%*%d", [1, 1]],
    ...["d", "i", "u", "o", "x", "X", "p", "c", "b"].map((letter): [string, Part[]] => [`%${letter}`, ["1"]]),
    ["%s", [1]],
    ["%3b", [1]],
    ["%16b", [1]],
    ["%*b", [0, 1]],
    ["%*b", [-2, 1]],
    ["%-2b", [1]],
    ["%02b", [1]],
    ["%+b", [1]],
    ["% b", [1]],
    ["%#b", [1]],
    ["%2.b", [1]],
    ["%.1b", [1]],
    ["%d".repeat(17), times(17, 1)],
    ["text %d %q", [1, 2]],
    ["%m%q", [1, 2]],
    ["%m", [1, 2]],
  ])("P1 %s of %o returns EINVAL and writes nothing", (format, args) => {
    expect(run(enter(0), print(format, ...args))).toEqual([0n, EINVAL]);
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 text ""');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
  });

  test.each(["%m", "%M", "%#m", "%#.9M", "%d%m"])("P1 %s of a number returns EFAULT, writes nothing, and is counted as a fault", (format) => {
    expect(run(enter(0), print(format, ...times(format.split("%").length - 1, 64)))).toEqual([0n, EFAULT]);
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 text ""');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 1 fault 1");
  });

  test("P1 16 arguments, and widths and precisions of 512 are allowed", () => {
    const wide = [print("%512d", 1), print("%.512d", 1), print("%*d", -512, 1), print("%.*d", -512, 1), print("%.512s", "a"), print("%.512M", "a")];
    expect(run(enter(0), print("%d".repeat(16), ...times(16, 1)), ...wide)).toEqual(times(8, 0n));
  });

  test("P1 a string argument of 512 bytes is cut to 511 and counted, for each, whatever the precision; not if the call fails", () => {
    run(enter(0), str("%s%s", "z".repeat(512), "z".repeat(512)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1; cut 3");
    run(enter(0), str("%s", "z".repeat(511)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1");
    run(enter(0), print("%.1s%.1m%.1M", ...times(3, "z".repeat(512))), print("%.1s%m", "z".repeat(512), 1), print("%.1s%d", "z".repeat(512)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 1 fault 1; cut 3");
    expect(level(TASK)).toBe('level task probe 0 actions 13 strings 0 text "zz7a"');
  });

  test("P1 memory of a string of more than 511 bytes is zeros behind those", () => {
    runRoomy(enter(0), print("%.512M", "z".repeat(600)));
    expect(level(TASK)).toMatch(/ text "(7a){511}00"$/);
  });

  test("P2 text that does not fit flushes what is there; text longer than the buffer is cut; outside a probe ESTATE before EINVAL", () => {
    const small = [print("%40d", 7), print("12345678901234567890123456789012"), print("9"), print("%74d", 1)];
    expect(run(print("%"), enter(1, IRQ), ...small)).toEqual([ESTATE, 0n, 0n, 0n, 0n, 0n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 104 oldest 0", `record print irq probe 1 cpu0 sequence 0 "${"7".padStart(40)}12345678901234567890123456789012"`]);
    expect(level(IRQ)).toBe(`level irq probe 1 actions 12 strings 0 text "${" ".repeat(72)}"`);
    expect(ledger("probe 1 cpu0")).toBe("hit: attempted 1; record: attempted 2 delivered 1 full 1; cut 1");
  });

  test("P3 print_flush empties the buffer though the ring is full; an empty buffer offers nothing; outside a probe ESTATE", () => {
    const results = run(flush, enter(0), flush, print("%70d", 1), flush, print("lost, as too long"), flush, flush);
    expect(results).toEqual([ESTATE, 0n, 0n, 0n, 0n, 0n, EFULL, 0n]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 2 delivered 1 full 1");
  });

  test("P3 EBUDGET leaves the buffer as it is", () => {
    expect(run(enter(0), ...times(16, print("x")), flush, print("y")).slice(-2)).toEqual([EBUDGET, EBUDGET]);
    expect(level(TASK)).toBe(`level task probe 0 actions 0 exhausted strings 0 text "${"x".repeat(16)}"`);
  });

  test("P4 a probe that prints and never flushes sends one record at its exit", () => {
    run(enter(0), print("a"), print("b"), exit);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 40 oldest 0", 'record print task probe 0 cpu0 sequence 0 "ab"']);
  });

  /** The lines of print_map of a map that the operations fill. */
  function mapText(fill: Operation[], call: Operation): string[] {
    const result = runRoomy(...fill, enter(0), call).at(-1);
    const text = (level(TASK).match(/ text "(.*)"$/)?.[1] ?? "").replace(/\\([\\"])/g, "$1").split("\\x0a");
    expect([BigInt(text.length - 1), text.at(-1)]).toEqual([result, ""]);
    return text.slice(0, -1);
  }

  test("P5 print_map prints a line for each visit, in order; strings are quoted and escaped; statistics their fields", () => {
    expect(mapText([set(INTS, key(-1), 5n), set(INTS, key(7), INT64_MIN)], printMap(INTS, "insertion_desc"))).toEqual([`ints[7]=${INT64_MIN}`, "ints[-1]=5"]);
    expect(mapText([set(MIXED, key('a"\n', -3), 7n), set(MIXED, key("", 0), 0n)], printMap(MIXED, "insertion", { limit: 1n }))).toEqual(['mixed["a\\"\\n",-3]=7']);
    expect(mapText([set(NINE, key(1, "x", 2, 3, "y", 4, 5, 6, 7), 8n)], printMap(NINE))).toEqual(['nine[1,"x",2,3,"y",4,5,6,7]=8']);
    expect(mapText([setText(key(1), "a\\\x01")], printMap(TEXTS))).toEqual(['texts[1]="a\\\\\\001"']);
    expect(mapText([sample(NAMED, key("k"), -3), sample(NAMED, key("k"), 0)], printMap(NAMED))).toEqual(['named["k"] @count=2 @min=-3 @max=0 @sum=-3 @avg=-1']);
    expect(mapText([sample(TIMES, [], 3), onCpu(1, sample(TIMES, [], 5))], printMap(TIMES))).toEqual(["times @count=2 @min=3 @max=5 @sum=8 @avg=4"]);
    expect(mapText([sample(NAMED, key("k"), INT64_MAX), sample(NAMED, key("k"), INT64_MAX)], printMap(NAMED))).toEqual([`named["k"] @count=2 @min=${INT64_MAX} @max=${INT64_MAX} @sum=-2 @avg=${INT64_MAX}`]);
    expect(mapText([add(SUMS, key(1), 1n), onCpu(1, add(SUMS, key(1), 2n))], printMap(SUMS))).toEqual(["sums[1]=3"]);
    expect(mapText([], printMap(INTS))).toEqual([]);
  });

  test("P5 each map is printed by its name", () => {
    REPLAY_MAPS.forEach(({ name, keys, value }, map) => {
      const args = key(...keys.map((type) => (type === "string" ? "k" : 1)));
      const fill = value === "stats" ? sample(map, args, 1) : value === "string" ? setText(args, "v") : add(map, args, 1n);
      expect(mapText([fill], printMap(map))[0]).toMatch(new RegExp(`^${name}[[ ]`));
    });
  });

  test("P5 print_map removes as a walk does, takes an action for each visit, and flushes by P2", () => {
    const three = [1, 2, 3].map((part) => set(INTS, key(part), BigInt(part)));
    expect(run(...three, enter(0), printMap(INTS, "value", { remove: true, limit: 2n }))).toEqual([0n, 0n, 0n, 0n, 2n]);
    expect(level(TASK)).toBe('level task probe 0 actions 13 strings 0 text "ints[1]=1\\x0aints[2]=2\\x0a"');
    expect(entries("ints")).toEqual(["[3] 3"]);
    expect(run(...three, enter(0), ...times(14, print("12345")), printMap(INTS)).at(-1)).toBe(1n);
    expect(lines("ring cpu0")[1]).toBe(`record print task probe 0 cpu0 sequence 0 "${"12345".repeat(14)}"`);
    expect(level(TASK)).toBe('level task probe 0 actions 0 exhausted strings 0 text "ints[1]=1\\x0a"');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 1 budget 1; record: attempted 1 delivered 1");
  });

  test("P5 P6 ESTATE, EBUDGET, EINVAL, EBUSY, and ENOENT for print_hist, in this order", () => {
    const bad = operation("print_map", { target: INTS, value: 63n });
    expect(run(bad, enter(0), onMap("map_hold", INTS), bad, printMap(INTS), ...times(14, flush), bad)).toEqual([ESTATE, 0n, 0n, EINVAL, EBUSY, ...times(14, 0n), EBUDGET]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 1 busy 1; record: attempted 1 budget 1");
    const held = [onCpu(1, onMap("map_hold", SIZES)), printHist(SIZES, 1), printHist(SIZES, "a"), onCpu(1, onMap("map_release", SIZES)), printHist(SIZES, "a")];
    expect(run(printHist(SIZES, 1), enter(0), ...held, ...times(13, flush), printHist(SIZES, 1))).toEqual([ESTATE, 0n, 0n, EINVAL, EBUSY, 0n, ENOENT, ...times(13, 0n), EBUDGET]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 1 busy 1; record: attempted 1 budget 1");
  });

  test("P6 print_hist prints merged statistics, cuts the key, takes one action", () => {
    const samples = [sample(SIZES, key("1234567"), 3), onCpu(1, sample(SIZES, key("1234567"), 3))];
    expect(runRoomy(...samples, enter(0), printHist(SIZES, "12345678"))).toEqual([0n, 0n, 0n, 0n]);
    expect(level(TASK)).toContain("    0 |@@ ");
    expect(level(TASK)).toMatch(/^level task probe 0 actions 999 /);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; cut 1");
  });

  test("P6 P2 each line is one text: lines that the ring has no room for are lost and counted", () => {
    expect(run(sample(SIZES, key("a"), 3), enter(0), printHist(SIZES, "a"))).toEqual([0n, 0n, 0n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 96 oldest 0", `record print task probe 0 cpu0 sequence 0 "value |${"-".repeat(50)} count\\x0a"`]);
    expect(level(TASK)).toBe(`level task probe 0 actions 15 strings 0 text "   10 |${" ".repeat(51)}0\\x0a\\x0a"`);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 3 delivered 1 full 2");
    run(sample(TIMES, [], INT64_MIN), enter(0), printHist(TIMES));
    expect(ledger("probe 0 cpu0")).toMatch(/; cut 4$/); // lines of 79, 75, 75, 75 bytes; the last one goes with its newline
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

/** A map of one part that is not held. */
function mapWords(map: bigint, size = 0n, ...entries: bigint[]): bigint[] {
  return [0x4d01n, map, 0x4d03n, 0n, 0n, size, ...entries];
}

/** Counts by their place in O6, from 0: 9 for each of hit, map, string, record, read; then cut and evicted. */
function ledgerWords(probe: bigint, cpu: bigint, counts: Record<number, bigint>): bigint[] {
  return [0x4c01n, probe, cpu, ...Object.entries(counts).flatMap(([place, count]) => [BigInt(place) + 1n, count]), 0n];
}

interface TaskWords {
  readonly probe: bigint;
  readonly actions: bigint;
  readonly exhausted?: bigint;
  readonly strings?: bigint;
  readonly message?: string;
  readonly text?: string;
}

/** A CPU of whose levels at most task is active. */
function cpuWords(cpu: bigint, task?: TaskWords): bigint[] {
  const idle = (level: bigint): bigint[] => [0x4302n, level, ...times(8, 0n)];
  const { probe = 0n, actions = 0n, exhausted = 0n, strings = 0n, message, text = "" } = task ?? {};
  const raised = message === undefined ? 0n : 1n;
  const active = [0x4302n, 0n, 1n, probe, actions, exhausted, strings, raised, ...stringWords(message ?? ""), ...stringWords(text)];
  return [0x4301n, cpu, task ? 1n : 0n, ...(task ? active : idle(0n)), ...[1n, 2n, 3n].flatMap(idle)];
}

describe("O: operations of a replay", () => {
  test("O1 text and arguments that an operation does not use change nothing", () => {
    const junk = { text: "junk", args: key(1, "x"), value: 77n, context: 200, target: 200 };
    expect(run(enter(0), operation("print_flush", junk), operation("probe_exit", junk), operation("map_size", { ...junk, target: INTS }))).toEqual([0n, 0n, 0n, 0n]);
    expect(run(operation("map_push", { ...junk, target: INTS }), operation("map_clear", { ...junk, target: INTS }))).toEqual([0n, 0n]);
  });

  test("O1 a batch of another protocol or other CPUs, or with a malformed operation, is refused", () => {
    const batch = encodeBatch([enter(0), print("%s", "abc")]);
    const broken = (at: number, byte: number): Uint8Array => batch.with(at, byte);
    const headers = [broken(0, 99), broken(4, 3), broken(8, 3)];
    const operations = [broken(18, 0), broken(18, 41), broken(32, 9), batch.subarray(0, -8), broken(batch.length - 8, 0)];
    const shapeless = encodeBatch([flush]).with(48, 0);
    const longer = Uint8Array.from([...encodeBatch([enter(0)]), ...times(8, 0)]).with(18, 48); // 8 bytes more than it holds
    const nul = [0, 7, 8].map((at) => print("x".repeat(9).split("").map((x, i) => (i === at ? "\0" : x)).join("")));
    run();
    for (const bad of [...headers, ...operations, shapeless, longer, ...nul.map((op) => encodeBatch([op]))]) {
      expect(() => model.run(bad)).toThrow("The model refuses the batch");
    }
    expect(() => model.run(encodeBatch([print("\x01\x80\xff\x01\x80\xff\x01\x80")]))).not.toThrow();
  });

  test("O2 an unknown code, CPU, context or target returns EINVAL, enters nothing and takes no action", () => {
    run(enter(0));
    const before = model.dump();
    const codes = [0, 7, 9, 26, 29, 44, 49, 51, 65535].map((code) => operation(`code_${code}`));
    const cpus = [onCpu(2, exit), onCpu(255, onMap("map_size", INTS)), onCpu(2, onStrings("str_find", "", ""))];
    const targets = [enter(0, 4), enter(2, TASK), onMap("map_size", 11), onMap("map_hold", 255), printMap(11), printHist(200)];
    expect(more(...codes, ...cpus, ...targets)).toEqual(times(18, EINVAL));
    expect(model.dump()).toEqual(before);
  });

  test("O2 more than 16 arguments are EINVAL", () => {
    const many = (name: OperationName): Operation => operation(name, { text: "%d".repeat(17), args: key(...times(17, 1)) });
    expect(run(enter(0), ...(["raise", "div", "map_add", "str_printf", "str_copy", "str_compare", "print_printf"] as const).map(many))).toEqual([0n, ...times(7, EINVAL)]);
  });

  test("O4 the digest of a batch absorbs result, outputs, component and ledger row of each operation", () => {
    run();
    const refused = [enter(9), onCpu(9, onMap("map_size", INTS)), onCpu(9, exit), onMap("map_size", 11), printMap(11), operation("code_99")];
    const batch = [set(INTS, key(-5), 6n), get(INTS, -5), enter(1), read(1n), printMap(INTS), raise("no"), catchError, ...refused];
    const ints = mapWords(0n, 1n, 0x4d02n, -5n, 6n);
    const ring = [0x5201n, 0n, 0n, 0n];
    const active = cpuWords(0n, { probe: 1n, actions: 16n });
    const printed = cpuWords(0n, { probe: 1n, actions: 14n, text: "ints[-5]=6\n" });
    const raised = cpuWords(0n, { probe: 1n, actions: 13n, text: "ints[-5]=6\n", message: "no" });
    const caught = cpuWords(0n, { probe: 1n, actions: 12n, text: "ints[-5]=6\n" });
    const words = [
      [0n, ...ints, ...ledgerWords(2n, 0n, { 9: 1n, 10: 1n })],
      [0n, 6n, ...ints, ...ledgerWords(2n, 0n, { 9: 1n, 10: 1n })],
      [0n, ...active, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [0n, ...active, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [1n, ...ints, ...printed, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [0n, ...raised, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [1n, ...stringWords("no"), ...caught, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [EINVAL, ...caught, ...ring],
      [EINVAL, ...ints],
      [EINVAL],
      [EINVAL],
      [EINVAL, ...caught, ...ring],
      [EINVAL, ...caught, ...ring],
    ];
    let digest = 0n;
    const expected = words.map((list) => ({ result: list[0], digest: (digest = absorb(digest, list)) }));
    expect(resultsOf(model.run(encodeBatch(batch)))).toEqual(expected);
  });

  test("O4 a full dump joins the digest after every full_every operations of the session, across batches", () => {
    const ops = times(4, onMap("map_size", INTS));
    const words = [0n, ...mapWords(0n), ...ledgerWords(2n, 0n, {})];
    const rows = (cpu: bigint): bigint[] => [0n, 1n, 2n].flatMap((probe) => ledgerWords(probe, cpu, {}));
    const idle = [0n, 1n].flatMap((cpu) => [...cpuWords(cpu), 0x5201n, cpu, 0n, 0n, ...rows(cpu)]);
    const maps = REPLAY_MAPS.flatMap((map, i) => ["per_cpu" in map ? [...mapWords(BigInt(i)), 0x4d03n, 0n, 0n, 0n] : mapWords(BigInt(i))].flat());
    const digest = absorb(0n, [...words, ...words, ...words, ...maps, ...idle, ...words]);
    run();
    model.run(encodeBatch(ops.slice(0, 2), { fullEvery: 3 }));
    expect(resultsOf(model.run(encodeBatch(ops.slice(2), { fullEvery: 3 }))).at(-1)?.digest).toBe(digest);
    expect([...new BigUint64Array(model.dump().buffer)]).toEqual([...maps, ...idle]);
    expect(BigInt.asUintN(64, model.digest())).toBe(absorb(0n, [...maps, ...idle]));
  });

  test("O5 ring_read outputs each record it takes, pool strings are output", () => {
    run(enter(1), print("hello, ring"), flush);
    const record = [0x5202n, 1n, 0n, 1n, 0n, 0n, ...stringWords("hello, ring")];
    const row = { 0: 1n, 27: 1n, 28: 1n };
    expectDigest(read(5n), [1n, ...record, ...cpuWords(0n, { probe: 1n, actions: 14n }), 0x5201n, 0n, 48n, 48n, ...ledgerWords(1n, 0n, row)]);
    const strings = { ...row, 18: 1n, 19: 1n };
    expectDigest(onStrings("str_concat", "12345678", "9"), [0n, ...stringWords("123456789"), ...cpuWords(0n, { probe: 1n, actions: 13n, strings: 1n }), 0x5201n, 0n, 48n, 48n, ...ledgerWords(1n, 0n, strings)]);
  });

  test("O6 parts of a per-CPU map, statistics with buckets, positions and holders in words", () => {
    run(onCpu(1, sample(SIZES, key("a"), -1)), onCpu(1, onMap("map_hold", SIZES)), push(TEXTS as number, 1n), pushText(TEXTS, "v"));
    const part = [0x4d03n, 2n, 0n, 1n, 0x4d02n, 1n, 0x61n, 0x5301n, 1n, -1n, -1n, -1n, -1n, 1n, 0n, 1n, 1n, 0n];
    const counts = { 9: 1n, 10: 1n };
    expectDigest(onMap("map_size", SIZES), [1n, 0x4d01n, 9n, 0x4d03n, 0n, 0n, 0n, ...part, ...ledgerWords(2n, 0n, counts)]);
    expectDigest(onMap("map_size", TEXTS), [1n, 0x4d01n, 5n, 0x4d03n, 0n, 1n, 1n, 0x4d02n, 0n, 1n, 0x76n, ...ledgerWords(2n, 0n, counts)]);
  });

  test("O6 a fresh session dumps empty maps and two idle CPUs", () => {
    run();
    const cpu = (n: number): string[] => [
      `cpu${n} active 0`,
      ...["task", "softirq", "irq", "nmi"].map((level) => `  level ${level} inactive`),
      `ring cpu${n} next 0 oldest 0`,
      ...["0", "1", "none"].map((probe) => `ledger probe ${probe} cpu${n}`),
    ];
    const maps = REPLAY_MAPS.flatMap((map) => [`map ${map.name}`, "  part 0 size 0", ...("per_cpu" in map ? ["  part 1 size 0"] : [])]);
    expect(formatDump(model.dump())).toEqual([...maps, ...cpu(0), ...cpu(1)]);
  });
});

describe("the model over random operations", () => {
  const SEED = 20_240_601;

  /** X4: attempted = delivered + lost + hits still active, in every row. */
  test("X4 every ledger row balances after each of 50 batches", () => {
    const generator = createGenerator(SEED);
    run();
    for (let i = 0; i < 50; i++) {
      model.run(generator.batch(1000));
      const dump = formatDump(model.dump());
      expect(openHits(dump)).toEqual(activeLevels(dump));
    }
  });

  test("results do not depend on how operations are split into batches", () => {
    const { operations } = decodeBatch(createGenerator(SEED).batch(2000));
    run();
    const whole = model.run(encodeBatch(operations, { fullEvery: 7 }));
    run();
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
    const counts = [...line.matchAll(/(attempted|delivered|full|busy|nested|budget|fault|error) (\d+)/g)];
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
