/** The model against SEMANTICS.md: worked examples with literal results. X: execution and the ledger. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../operations.ts";
import { formatDump } from "../dump.ts";
import { OPERATIONS } from "../../spec/protocol.ts";
import { EBUDGET, EDOM, EFAULT, EINVAL, ENESTED, ESTATE, INT64_MAX, INT64_MIN, INTS, IRQ, NAMED, NMI, SOFTIRQ, TASK, TEXTS, TIMES, WORD, add, append, catchError, enter, entries, exit, flush, get, key, ledger, level, lines, loadModels, model, more, onCpu, onKey, onMap, onStrings, outputText, outputs, print, printHist, printMap, push, pushText, raise, read, run, sample, set, setText, str, times, walk } from "./testing.ts";

beforeAll(loadModels, 120_000);

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
