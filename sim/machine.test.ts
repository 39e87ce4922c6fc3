/** The machine's rules: where it stops, what it refuses, what it survives. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ACCESS_KINDS } from "./access.ts";
import { LitmusRig, type LitmusCase } from "./litmus/rig.ts";
import { CONTEXT_STACK_BYTES } from "./machine.ts";
import { RUN_ACCESSES_MAX, runSchedule } from "./schedule.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

let rig: LitmusRig;
beforeAll(async () => {
  rig = await LitmusRig.create();
}, 120_000);

const increments = (...parts: [name: string, cpu: number][]): LitmusCase => ({
  name: "lost_update",
  parts: parts.map(([name, cpu]) => ({ name, cpu, run: "buggy" })),
  check: () => undefined,
});
const spin = (name: string, run: string, ...args: number[]): LitmusCase => ({ name: "spin", parts: [{ name, run, args }], check: () => undefined });

describe("step", () => {
  test("stops before the k-th access, which has not happened yet, and says what and where it is", () => {
    const [task] = rig.prepare(increments(["T0", 0]));

    expect(rig.machine.step(task!, 2)).toEqual({ state: "stopped" });
    expect(task).toMatchObject({ state: "suspended", accesses: 2 });
    expect(task!.access).toMatchObject({ kind: ACCESS_KINDS.WRITE | ACCESS_KINDS.VOLATILE, size: 4 });
    expect(rig.machine.site(task!)).toEqual({ path: "sim/litmus/lost_update.c", function: "lost_update_buggy", line: 12 });
    expect(rig.call("lost_update_counter")).toBe(0);

    expect(rig.machine.step(task!, "end")).toEqual({ state: "ended" });
    expect(task).toMatchObject({ state: "ended", accesses: 2, access: undefined });
    expect(rig.call("lost_update_counter")).toBe(1);
  });

  test("stops between the halves of an 8-byte write, at its line and not at the next one's", () => {
    const parts = [{ name: "T0", run: "repaired_write" }];
    const [task] = rig.prepare({ name: "torn_value", parts, check: () => undefined });
    expect(rig.machine.step(task!, 3)).toEqual({ state: "stopped" });
    expect(task!.access).toMatchObject({ kind: ACCESS_KINDS.WRITE | ACCESS_KINDS.VOLATILE | ACCESS_KINDS.HALF, size: 4 });
    expect(rig.machine.site(task!)).toMatchObject({ path: "sim/litmus/torn_value.c", line: 18 });
    expect(rig.call("torn_value_buggy_read")).toBe(0x2222_2222n);
    rig.machine.step(task!, 4);
    expect(rig.call("torn_value_buggy_read")).toBe(0x1111_1111_2222_2222n);
  });

  test("leaves the host on its own stack", () => {
    const stackPointer = rig.machine.instance.exports["__stack_pointer"] as WebAssembly.Global;
    const before: unknown = stackPointer.value;
    const [task] = rig.prepare(spin("T0", "deep", 3));
    rig.machine.step(task!, 5);
    expect(stackPointer.value).toBe(before);
    rig.machine.step(task!, "end");
    expect(stackPointer.value).toBe(before);
  });

  test("a getter called while a context is stopped neither stops nor disturbs it", () => {
    const [task] = rig.prepare(increments(["T0", 0]));
    rig.machine.step(task!, 2);
    rig.call("lost_update_buggy");
    rig.machine.step(task!, "end");
    expect(rig.call("lost_update_counter")).toBe(1);
  });

  test("a context that ends before the access says so", () => {
    const [task] = rig.prepare(increments(["T0", 0]));
    expect(rig.machine.step(task!, 9)).toEqual({ state: "ended" });
  });

  test("an ended context, and one that is past the access, are refused", () => {
    const [task] = rig.prepare(increments(["T0", 0]));
    rig.machine.step(task!, 2);
    expect(rig.machine.step(task!, 1)).toEqual({ state: "illegal", obstacle: "behind" });
    rig.machine.step(task!, "end");
    expect(rig.machine.step(task!, "end")).toEqual({ state: "illegal", obstacle: "ended" });
  });

  test("a budget of accesses stops what would run forever, and it can go on", () => {
    const [task] = rig.prepare(spin("T0", "forever"));
    expect(rig.machine.step(task!, "end", 1000)).toEqual({ state: "exhausted" });
    expect(rig.machine.step(task!, 1500)).toEqual({ state: "stopped" });
    expect(task!.accesses).toBe(1500);
  });
});

describe("nesting", () => {
  test.each([
    ["task", "softirq", "T0", "S1"],
    ["task", "irq", "T0", "I1"],
    ["softirq", "irq", "S0", "I1"],
    ["irq", "nmi", "I0", "N1"],
  ])("a %s resumes only after the %s that interrupted it has ended", (_lower, _higher, first, second) => {
    const [lower, higher] = rig.prepare(increments([first, 0], [second, 0]));
    rig.machine.step(lower!, 2);
    rig.machine.step(higher!, 2);
    expect(rig.machine.step(lower!, "end")).toEqual({ state: "illegal", obstacle: "interrupted" });
    rig.machine.step(higher!, "end");
    expect(rig.machine.step(lower!, "end")).toEqual({ state: "ended" });
  });

  test.each([
    ["I0", "S1", "interrupted"],
    ["N0", "I1", "interrupted"],
    ["I0", "I1", "same-level"],
    ["N0", "N1", "same-level"],
  ] as const)("%s, once begun, is not interrupted by %s", (first, second, obstacle) => {
    const [running, late] = rig.prepare(increments([first, 0], [second, 0]));
    rig.machine.step(running!, 2);
    expect(rig.machine.step(late!, "end")).toEqual({ state: "illegal", obstacle });
  });

  test("an interrupt holds back its own CPU only", () => {
    const [irq, here, elsewhere] = rig.prepare(increments(["I0", 0], ["T1", 0], ["T2", 1]));
    rig.machine.step(irq!, 2);
    expect(rig.machine.step(here!, "end")).toEqual({ state: "illegal", obstacle: "interrupted" });
    expect(rig.machine.step(elsewhere!, "end")).toEqual({ state: "ended" });
  });

  test("contexts of different CPUs switch freely, and so do two tasks of one CPU", () => {
    for (const cpu of [0, 1]) {
      const [one, two] = rig.prepare(increments(["T0", 0], ["T1", cpu]));
      for (const context of [one!, two!]) expect(rig.machine.step(context, 2)).toEqual({ state: "stopped" });
      for (const context of [one!, two!]) expect(rig.machine.step(context, "end")).toEqual({ state: "ended" });
      expect(rig.call("lost_update_counter")).toBe(1);
    }
  });

  test.each([
    ["S1", { state: "illegal", obstacle: "irq-off" }],
    ["I1", { state: "illegal", obstacle: "irq-off" }],
    ["T1", { state: "illegal", obstacle: "preempt-off" }],
    ["N1", { state: "ended" }],
  ])("with interrupts off, %s gets the answer %j on that CPU, and runs on another", (name, answer) => {
    for (const cpu of [0, 1]) {
      const parts = [{ name: "T0", run: "repaired" }, { name, cpu, run: "buggy" }];
      const [task, other] = rig.prepare({ name: "irq_counter", parts, check: () => undefined });
      rig.machine.step(task!, 2);
      expect(rig.machine.step(other!, "end")).toEqual(cpu === 0 ? answer : { state: "ended" });
    }
  });
});

describe("what a context can do wrong", () => {
  test.each([
    ["a loop without cpu_relax", spin("T0", "forever"), "hang", `The run made ${RUN_ACCESSES_MAX} accesses, and T0 has not ended`],
    ["a bad address", spin("T0", "bad_address"), "trap", "T0 trapped: memory access out of bounds"],
    ["too deep a stack", spin("T0", "deep", CONTEXT_STACK_BYTES / 256), "trap", `T0 trapped: it overran its stack of ${CONTEXT_STACK_BYTES} bytes`],
  ])("%s ends the run with a verdict", (_name, litmus, verdict, detail) => {
    expect(runSchedule(rig.machine, rig.prepare(litmus), "T0")).toMatchObject({ verdict, detail });
    // and the machine is none the worse for it:
    expect(runSchedule(rig.machine, rig.prepare(increments(["T0", 0])), "T0:2 T0")).toMatchObject({ verdict: "completed" });
  });

  test("a deep call chain within the stack runs, stopped or not", () => {
    const [task] = rig.prepare(spin("T0", "deep", 20));
    for (let access = 1; rig.machine.step(task!, access).state === "stopped"; access++);
    expect(task).toMatchObject({ state: "ended", result: (21 * 22) / 2 });
  });

  test("a bounded spinner that nobody helps gives up by itself: no deadlock", () => {
    const outcome = runSchedule(rig.machine, rig.prepare({ ...spin("T0", "bounded", 1000) }), "T0");
    expect(outcome.verdict).toBe("completed");
  });
});

test("hundreds of contexts can be begun, stopped and forgotten", () => {
  const before = rig.machine.instance.memory.buffer.byteLength;
  for (let round = 0; round < 500; round++) {
    const [one] = rig.prepare(increments(["T0", 0], ["T1", 1]));
    rig.machine.step(one!, 2);
  }
  const call = rig.machine.instance.func("lost_update_buggy");
  for (let round = 0; round < 500; round++) rig.machine.step(rig.machine.spawn({ name: `T${round}`, cpu: 1, level: "task", call }), "end");
  expect(rig.machine.instance.memory.buffer.byteLength).toBe(before);
});

describe("snapshots", () => {
  test("a restored machine continues as the original did, contexts suspended in the middle included", () => {
    const [one, two] = rig.prepare(increments(["T0", 0], ["T1", 1]));
    rig.machine.step(one!, 2);
    const snapshot = takeSnapshot(rig.machine);
    const results = [1, 2].map(() => {
      restoreSnapshot(rig.machine, snapshot);
      expect(one).toMatchObject({ state: "suspended", accesses: 2 });
      expect(two).toMatchObject({ state: "ready", accesses: 0 });
      rig.machine.step(two!, "end");
      rig.machine.step(one!, "end");
      return [rig.call("lost_update_counter"), Buffer.from(rig.machine.instance.bytes).toString("base64")];
    });
    expect(results[0]).toEqual(results[1]);
    expect(results[0]![0]).toBe(1);
  });

  test("what was begun after the snapshot is forgotten", () => {
    const [task] = rig.prepare(increments(["T0", 0]));
    const snapshot = takeSnapshot(rig.machine);
    const nmi = rig.machine.spawn({ name: "N1", cpu: 0, level: "nmi", call: rig.machine.instance.func("lost_update_buggy") });
    rig.machine.step(nmi, 1);
    restoreSnapshot(rig.machine, snapshot);
    expect(rig.machine.step(task!, "end")).toEqual({ state: "ended" });
  });

  test("another branch from the same snapshot has another end", () => {
    const [one, two] = rig.prepare(increments(["T0", 0], ["T1", 1]));
    const snapshot = takeSnapshot(rig.machine);
    rig.machine.step(one!, 2);
    rig.machine.step(two!, "end");
    rig.machine.step(one!, "end");
    expect(rig.call("lost_update_counter")).toBe(1);
    restoreSnapshot(rig.machine, snapshot);
    rig.machine.step(one!, "end");
    rig.machine.step(two!, "end");
    expect(rig.call("lost_update_counter")).toBe(2);
  });
});

test("access.ts and hooks.h agree on the access kinds", () => {
  const header = readFileSync(new URL("../runtime-c/port/wasm32/hooks.h", import.meta.url), "utf8");
  const kinds = [...header.matchAll(/^\tSTP_SIM_(\w+) = (\d+),/gm)].map((match) => [match[1]!, Number(match[2])]);
  expect(Object.fromEntries(kinds)).toEqual(ACCESS_KINDS);
});
