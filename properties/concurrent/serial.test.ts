/** The oracle by worked examples: what overlaps may be in either order (M6), what does not may not; refusals by M6 and M10. */
import { beforeAll, describe, expect, test } from "vitest";
import { REPLAY_MAPS, type OperationName } from "../../spec/protocol.ts";
import { loadModel, type Model } from "../model.ts";
import { encodeBatch, operation, type Operation } from "../operations.ts";
import type { MadeOperation, Observation } from "./bench.ts";
import { Permits } from "./permit.ts";
import { LETTERS, type ConcurrentProgram } from "./program.ts";
import { serialTrouble } from "./serial.ts";
import type { Trouble } from "./trouble.ts";

let model: Model;
beforeAll(async () => void (model = await loadModel()), 300_000);

type Level = keyof typeof LETTERS;

/** A call: its context, from when to when, what it gave. */
interface Seen {
  readonly level?: Level;
  readonly cpu?: number;
  readonly op: Operation;
  readonly span: readonly [begin: number, end: number];
  readonly result?: bigint;
  readonly outputs?: readonly bigint[];
}

const words = (values: readonly bigint[] = []): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);

/** The dump that the model has after these calls. */
function dumpAfter(operations: readonly Operation[]): Uint8Array {
  model.init();
  model.run(encodeBatch(operations));
  return model.dump();
}

/** Each call in a context of its own. */
function judge(calls: readonly Seen[], serial: readonly Operation[], { delayed = false, spins = 0 } = {}): Trouble | undefined {
  const contexts = calls.map(({ level = "task", cpu = 0, op }, index) => ({ name: `${LETTERS[level]}${index}`, level, cpu, operations: [op] }));
  const program: ConcurrentProgram = { setup: [], contexts, clock: [] };
  const made = calls.map(({ op, span: [begin, end], result = 0n, outputs }, context): MadeOperation[] => [{ context, index: 0, op, begin, end, steps: [{ begin, end }], result, outputs: words(outputs) }]);
  const observation: Observation = { made, dump: dumpAfter(serial) };
  const permits = new Permits(program, observation);
  const steps = contexts.flatMap(({ name }) => Array.from({ length: spins }, () => ({ context: name, until: "spin" as const })));
  return permits.firstWrong(steps) ?? serialTrouble(model, { program, observation, permits, delayed });
}

const set = (cpu: number, value: bigint): Operation => operation("map_set", { cpu, args: [1n], value });
const get = (cpu: number): Operation => operation("map_get", { cpu, args: [1n] });
const [add0, add1] = [operation("map_add", { args: [1n], value: 1n }), operation("map_add", { cpu: 1, args: [1n], value: 1n })];

describe("order", () => {
  test("of two calls that overlap, either may be the first", () => {
    for (const seen of [0n, 5n]) expect(judge([{ op: set(0, 5n), span: [1, 4] }, { cpu: 1, op: get(1), span: [2, 3], outputs: [seen] }], [set(0, 5n), get(1)])).toBeUndefined();
  });

  test("a call that ended before another began is before it", () => {
    const late = judge([{ op: set(0, 5n), span: [1, 2] }, { cpu: 1, op: get(1), span: [3, 4], outputs: [0n] }], [set(0, 5n), get(1)]);
    expect(late?.rule).toBe("M6");
    expect(judge([{ op: set(0, 5n), span: [3, 4] }, { cpu: 1, op: get(1), span: [1, 2], outputs: [5n] }], [set(0, 5n), get(1)])?.rule).toBe("M6");
  });

  test("but where stores are delayed, another CPU may be late", () => {
    const calls: Seen[] = [{ op: set(0, 5n), span: [1, 2] }, { cpu: 1, op: operation("map_size", { cpu: 1 }), span: [3, 4], result: 0n }];
    expect(judge(calls, [set(0, 5n)], { delayed: true })).toBeUndefined();
    expect(judge(calls, [set(0, 5n)])?.rule).toBe("M11");
    expect(judge([calls[0]!, { ...calls[1]!, result: 2n }], [set(0, 5n)], { delayed: true })?.rule).toBe("M11");
  });

  test("a value that no order gives is wrong, and so is a lost update in the dump (X4 when it is only the ledger)", () => {
    expect(judge([{ op: set(0, 5n), span: [1, 4] }, { cpu: 1, op: get(1), span: [2, 3], outputs: [4n] }], [set(0, 5n), get(1)])?.rule).toBe("M6");
    expect(judge([{ op: add0, span: [1, 4] }, { cpu: 1, op: add1, span: [2, 3] }], [add0, add1])).toBeUndefined();
    expect(judge([{ op: add0, span: [1, 4] }, { cpu: 1, op: add1, span: [2, 3] }], [add0])?.detail).toMatch(/at the end the runtime has .*, the model /);
    expect(judge([{ op: add0, span: [1, 4] }, { cpu: 1, op: add1, span: [2, 3] }], [add0, operation("map_add", { args: [1n], value: 1n })])?.rule).toBe("X4");
  });
});

describe("refusals (M6)", () => {
  const hold = (cpu: number): Operation => operation("map_hold", { cpu });
  const release = (cpu: number): Operation => operation("map_release", { cpu });
  const refused = (level: Level, cpu: number, span: [number, number], options = {}): Trouble | undefined => {
    const op = cpu === 0 ? add0 : add1;
    return judge([{ op: set(0, 5n), span: [1, 4] }, { level, cpu, op, span, result: -2n }], [set(0, 5n), hold(cpu), op, release(cpu)], options);
  };

  test("an nmi may be refused by the call that it interrupts, and it is counted", () => expect(refused("nmi", 0, [2, 3])).toBeUndefined());
  test("not by one that is over", () => expect(refused("nmi", 0, [5, 6])).toMatchObject({ rule: "M6" }));
  test("an irq cannot interrupt a call that holds a map", () => expect(refused("irq", 0, [2, 3])).toMatchObject({ rule: "M6" }));
  test("another CPU may be refused, having waited", () => {
    expect(refused("task", 1, [2, 3], { spins: 8 })).toBeUndefined();
    expect(refused("task", 1, [2, 3], { spins: 7 })?.detail).toMatch(/having waited for 7 tries and not 8$/);
    expect(refused("nmi", 1, [2, 3], { spins: 4 })).toBeUndefined();
  });
  test("in a per-CPU map it is about the parts that both need (M13)", () => {
    const target = REPLAY_MAPS.findIndex(({ name }) => name === "sums");
    const call = (name: OperationName, cpu: number): Operation => operation(name, { cpu, target, args: [1n], value: name === "map_add" ? 1n : 0n });
    const meets = (op: Operation): Trouble | undefined => judge([{ op: call("map_add", 0), span: [1, 4] }, { cpu: 1, op, span: [2, 3], result: -2n }], [call("map_add", 0), operation("map_hold", { cpu: 1, target }), op, operation("map_release", { cpu: 1, target })], { spins: 8 });
    expect(meets(call("map_get", 1))).toBeUndefined();
    expect(meets(call("map_add", 1))).toMatchObject({ rule: "M6" });
  });
  test("one that is not counted is wrong", () => {
    expect(judge([{ op: set(0, 5n), span: [1, 4] }, { level: "nmi", op: add0, span: [2, 3], result: -2n }], [set(0, 5n)])?.rule).toBe("X4");
  });
});
