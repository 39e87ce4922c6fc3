/** Files of concurrent programs: what is written can be read, and what cannot be run is refused in one sentence. */
import { describe, expect, test } from "vitest";
import { parseSchedule } from "../../sim/schedule.ts";
import { REPLAY_MAPS } from "../../spec/protocol.ts";
import { operation } from "../operations.ts";
import { CONTEXTS_MAX, isMapCall, wrongWith } from "./check.ts";
import { ProgramGenerator } from "./generate.ts";
import { everyPair, MAP_KINDS, nameOfPair, OPERATION_NAMES, programOf, suits } from "./pairs.ts";
import { formatConcurrent, isConcurrent, parseConcurrent, type ConcurrentContext, type ConcurrentProgram } from "./program.ts";
import { replayConcurrentFile } from "./replay.ts";

const FILE = `# M6: what was seen
setup cpu0 map_set ints [1] 5
context T0 cpu 0
  cpu0 probe_enter probe0 task
  cpu0 map_add ints [1] 1
  cpu0 probe_exit
context N1 cpu 0
  cpu0 map_get ints [1]
fault clock T0 1 -5000
schedule T0:12 N1:* T0
`;

test("a file is read and written again as it was", () => {
  expect(formatConcurrent(parseConcurrent(FILE, "x"))).toBe(FILE);
  expect(formatConcurrent(parseConcurrent("fault alloc 7\n", "x"))).toBe("fault alloc 7\n");
  expect(isConcurrent(FILE)).toBe(true);
  expect(isConcurrent("# a trace\ncpu0 map_get ints [1]\n")).toBe(false);
});

test("generated programs survive being written and read, and may be run", () => {
  const generator = new ProgramGenerator(7);
  for (let i = 0; i < 200; i++) {
    const program = generator.program();
    const text = formatConcurrent({ program, schedule: parseSchedule("T0:3"), comments: [] });
    expect(formatConcurrent(parseConcurrent(text, "x"))).toBe(text);
    expect(wrongWith(program)).toBeUndefined();
  }
});

test.each([
  ["setup cpu0 map_frob", 'x:1: Cannot read the operation "cpu0 map_frob" at column 14: a known operation is expected'],
  ["\ncontext Q7 cpu 0", 'x:2: Cannot read "context Q7 cpu 0": write a name such as T0, S1, I2 or N3, then "cpu" and its number'],
  ["context T0 cpu 0\ncontext T0 cpu 1", "x:2: Context T0 is defined twice"],
  ["cpu0 map_get ints [1]", 'x:1: Operation "cpu0 map_get ints [1]" belongs to no context: write "setup" before it, or a line such as "context T0 cpu 0" above it'],
  ["fault ring 7", 'x:1: Cannot read "fault ring 7": the faults are "clock" with a context, the number of its operation from 0 and nanoseconds, and "alloc" with the number of an allocation from 1'],
  ["schedule T0:x", "x:1: Bad step"],
  ["schedule T0\nschedule T0", "x:2: A file has one schedule, this is the second"],
])("a bad line is refused with its number: %s", (text, message) => {
  expect(() => parseConcurrent(text, "x")).toThrow(message);
});

describe("a program that nobody could write is refused", () => {
  const contextOf = (name: string, level: ConcurrentContext["level"], cpu: number, ...operations: ConcurrentContext["operations"]): ConcurrentContext => ({ name, level, cpu, operations });
  const [enter, exit] = [operation("probe_enter"), operation("probe_exit")];
  const [hold, release] = [operation("map_hold"), operation("map_release")];
  const nmi = (...operations: ConcurrentContext["operations"]): ConcurrentContext => contextOf("N1", "nmi", 0, ...operations);
  const task = (...operations: ConcurrentContext["operations"]): ConcurrentContext => contextOf("T0", "task", 0, ...operations);

  test.each<[string, Partial<ConcurrentProgram>]>([
    ["it has no context", { contexts: [] }],
    [`it has ${CONTEXTS_MAX + 1} contexts; ${CONTEXTS_MAX} are the most`, { contexts: Array.from({ length: CONTEXTS_MAX + 1 }, (_, i) => contextOf(`T${i}`, "task", 0)) }],
    ["T0 is on CPU 2; they are 0 to 1", { contexts: [contextOf("T0", "task", 2)] }],
    ["T0 runs on CPU 0, but its map_clear is made on CPU 1", { contexts: [task(operation("map_clear", { cpu: 1 }))] }],
    ["T0 ends inside a probe", { contexts: [task(enter)] }],
    ["T0 enters a probe at level irq, which is above its own", { contexts: [task(operation("probe_enter", { context: 2 }), exit)] }],
    ["N1 makes print_flush outside of a probe of its own, where it would meet another's", { contexts: [task(enter, exit), nmi(operation("print_flush"))] }],
    ["T0 ends and still holds a map", { contexts: [task(hold)] }],
    ["N1 gives back a map that another call of its CPU may hold", { contexts: [task(operation("map_clear")), nmi(release)] }],
    ["T0 and N1 both read the ring of CPU 0: it has one reader", { contexts: [task(operation("ring_read")), nmi(operation("ring_read"))] }],
    ["the setup leaves a probe of CPU 0 active", { setup: [enter], contexts: [task()] }],
    ["the clock jumps at operation 3 of T0, which does not exist", { contexts: [task(enter, exit)], clock: [{ context: "T0", operation: 3, step_ns: 1 }] }],
  ])("%s", (sentence, parts) => {
    expect(wrongWith({ setup: [], contexts: [], clock: [], ...parts })).toBe(sentence);
  });

  test("by the replay of a file, too, with its path", async () => {
    await expect(replayConcurrentFile("some/file", "context T0 cpu 0\n  cpu0 map_hold ints\n")).rejects.toThrow("Cannot replay some/file: T0 ends and still holds a map");
  });
});

test("every pair may be run, and each operation of the spec is the first and the second of some, on every kind of map that it suits", () => {
  const seen = new Set<string>();
  for (const pair of everyPair()) {
    const program = programOf(pair);
    const wrong = wrongWith(program);
    if (wrong !== undefined) expect(wrong, nameOfPair(pair)).toBeUndefined();
    program.contexts.forEach(({ operations }, context) => operations.forEach((op) => seen.add(`${op.name} ${context} ${isMapCall(op) ? op.target : ""}`)));
  }
  const maps = MAP_KINDS.map((kind) => REPLAY_MAPS.findIndex(({ name }) => name === kind));
  const expected = OPERATION_NAMES.flatMap((name) => [0, 1].flatMap((context) => (isMapCall(operation(name)) ? maps.filter((map) => suits(name, map)).map((map) => `${name} ${context} ${map}`) : [`${name} ${context} `])));
  expect(expected.filter((one) => !seen.has(one))).toEqual([]);
});
