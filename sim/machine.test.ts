/** The machine's rules: where it stops, what it refuses, what it survives. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../spec/protocol.ts";
import { ACCESS_KINDS, NOTE_WORDS, STATE_WORDS } from "./access.ts";
import { CONTEXT_STACK_BYTES, STEP_LOOPS_MAX } from "./machine.ts";
import { runSchedule, type Outcome } from "./run.ts";
import { readSite } from "./sites.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";
import { Bed, caseOf, lineOf, mutated, replay, search, sourceOf, type Part } from "./testing.ts";
import type { Finding, Observer } from "./watch/finding.ts";

const FIXTURE = sourceOf("fixtures/machine.c");

let bed: Bed;
beforeAll(async () => {
  bed = await Bed.create(FIXTURE);
});

/** Contexts that each increment the counter: a load and a store. */
const adders = (...parts: [name: string, cpu: number][]): Part[] => parts.map(([name, cpu]) => ({ name, cpu, run: "add" }));
const counter = (): unknown => bed.call("counter_of");
const runOf = (schedule: string, ...parts: Part[]): Outcome => runSchedule(bed.course(parts), schedule);

describe("step", () => {
  test("stops before the k-th access, which has not happened yet, and says what and where it is", () => {
    const [task] = bed.prepare(adders(["T0", 0]));

    expect(bed.machine.step(task!, 2)).toEqual({ state: "stopped" });
    expect(task).toMatchObject({ state: "suspended", accesses: 2 });
    expect(task!.access).toMatchObject({ kind: ACCESS_KINDS.WRITE | ACCESS_KINDS.VOLATILE, size: 4 });
    expect(bed.machine.site(task!)).toEqual({ path: "sim/fixtures/machine.c", function: "add", line: lineOf(FIXTURE, "STP_WRITE(counter, STP_READ(counter) + 1)") });
    expect(counter()).toBe(0);

    expect(bed.machine.step(task!, "end")).toEqual({ state: "ended" });
    expect(task).toMatchObject({ state: "ended", accesses: 2, access: undefined });
    expect(counter()).toBe(1);
  });

  test("stops between the halves of an 8-byte write, at its line and not at the next one's", () => {
    const [task] = bed.prepare([{ name: "T0", run: "write_wide" }]);
    expect(bed.machine.step(task!, 3)).toEqual({ state: "stopped" });
    expect(task!.access).toMatchObject({ kind: ACCESS_KINDS.WRITE | ACCESS_KINDS.VOLATILE | ACCESS_KINDS.HALF, size: 4 });
    expect(bed.machine.site(task!)).toMatchObject({ function: "write_wide", line: lineOf(FIXTURE, "STP_WRITE(wide") });
    expect(bed.call("wide_of")).toBe(0x2222_2222n);
    bed.machine.step(task!, 4);
    expect(bed.call("wide_of")).toBe(0x1111_1111_2222_2222n);
  });

  test("a write stopped half-way in an irq-off section is complete before interrupts are on again", () => {
    for (const event of [1, 2, 3]) {
      const [task, irq] = bed.prepare([{ name: "T0", run: "write_wide_with_interrupts_off" }, { name: "I1", run: "read_wide" }]);
      bed.machine.step(task!, event);
      const expected = event === 1 ? { state: "ended" } : { state: "illegal", obstacle: "irq-off" }; // event 1: before interrupts go off
      expect(bed.machine.step(irq!, "end"), `event ${event}`).toEqual(expected);
      bed.machine.step(task!, "end");
      expect(bed.call("wide_of")).toBe(0x1111_1111_2222_2222n);
    }
  });

  test("an 8-byte write that is the last of its context is complete when the context has ended", () => {
    const [task] = bed.prepare([{ name: "T0", run: "write_wide" }]);
    for (let event = 1; bed.machine.step(task!, event).state === "stopped"; event++);
    expect(bed.call("wide_of")).toBe(0x1111_1111_2222_2222n);
  });

  test("leaves the host on its own stack", () => {
    const stackPointer = bed.machine.instance.exports["__stack_pointer"] as WebAssembly.Global;
    const before: unknown = stackPointer.value;
    const [task] = bed.prepare([{ name: "T0", run: "deep", args: [3] }]);
    bed.machine.step(task!, 5);
    expect(stackPointer.value).toBe(before);
    bed.machine.step(task!, "end");
    expect(stackPointer.value).toBe(before);
  });

  test("a call from the host while a context is stopped neither stops nor disturbs it", () => {
    const [task] = bed.prepare(adders(["T0", 0]));
    bed.machine.step(task!, 2);
    bed.call("add");
    bed.machine.step(task!, "end");
    expect(counter()).toBe(1);
  });

  test("a context that ends before the access says so", () => {
    const [task] = bed.prepare(adders(["T0", 0]));
    expect(bed.machine.step(task!, 9)).toEqual({ state: "ended" });
  });

  test("an ended context, and one that is past the access, are refused", () => {
    const [task] = bed.prepare(adders(["T0", 0]));
    bed.machine.step(task!, 2);
    expect(bed.machine.step(task!, 1)).toEqual({ state: "illegal", obstacle: "behind" });
    bed.machine.step(task!, "end");
    expect(bed.machine.step(task!, "end")).toEqual({ state: "illegal", obstacle: "ended" });
  });

  test("a budget of accesses stops what would run forever, says where it is, and it can go on", () => {
    const [task] = bed.prepare([{ name: "T0", run: "read_for_ever" }]);
    const result = bed.machine.step(task!, "end", 1000);
    expect(result).toMatchObject({ state: "exhausted", side: { context: "T0", cpu: 0 } });
    expect(readSite(bed.machine.instance, result.state === "exhausted" ? result.side.site : 0)).toMatchObject({ function: "read_for_ever" });
    expect(bed.machine.step(task!, 1500)).toEqual({ state: "stopped" });
    expect(task!.accesses).toBe(1500);
  });

  test("a spinner is left at cpu_relax, whatever it may still do, and no access is counted for it", () => {
    const [task] = bed.prepare([{ name: "T0", run: "wait_for_ever" }]);
    expect(bed.machine.step(task!, 100)).toEqual({ state: "spinning" });
    expect(task!.accesses).toBe(1);
    expect(bed.machine.step(task!, "end")).toEqual({ state: "spinning" });
    expect(task!.accesses).toBe(2);
  });
});

describe("nesting", () => {
  test.each([
    ["task", "softirq", "T0", "S1"],
    ["task", "irq", "T0", "I1"],
    ["softirq", "irq", "S0", "I1"],
    ["irq", "nmi", "I0", "N1"],
  ])("a %s resumes only after the %s that interrupted it has ended", (_lower, _higher, first, second) => {
    const [lower, higher] = bed.prepare(adders([first, 0], [second, 0]));
    bed.machine.step(lower!, 2);
    bed.machine.step(higher!, 2);
    expect(bed.machine.step(lower!, "end")).toEqual({ state: "illegal", obstacle: "interrupted" });
    bed.machine.step(higher!, "end");
    expect(bed.machine.step(lower!, "end")).toEqual({ state: "ended" });
  });

  test.each([
    ["I0", "S1", "interrupted"],
    ["N0", "I1", "interrupted"],
    ["I0", "I1", "same-level"],
    ["N0", "N1", "same-level"],
  ] as const)("%s, once begun, is not interrupted by %s", (first, second, obstacle) => {
    const [running, late] = bed.prepare(adders([first, 0], [second, 0]));
    bed.machine.step(running!, 2);
    expect(bed.machine.step(late!, "end")).toEqual({ state: "illegal", obstacle });
  });

  test("an interrupt holds back its own CPU only", () => {
    const [irq, here, elsewhere] = bed.prepare(adders(["I0", 0], ["T1", 0], ["T2", 1]));
    bed.machine.step(irq!, 2);
    expect(bed.machine.step(here!, "end")).toEqual({ state: "illegal", obstacle: "interrupted" });
    expect(bed.machine.step(elsewhere!, "end")).toEqual({ state: "ended" });
  });

  test("contexts of different CPUs switch freely, and so do two tasks of one CPU", () => {
    for (const cpu of [0, 1]) {
      const [one, two] = bed.prepare(adders(["T0", 0], ["T1", cpu]));
      for (const context of [one!, two!]) expect(bed.machine.step(context, 2)).toEqual({ state: "stopped" });
      for (const context of [one!, two!]) expect(bed.machine.step(context, "end")).toEqual({ state: "ended" });
      expect(counter()).toBe(1);
    }
  });

  // Event 1 is the stop before the section, where all may come; event 2 is the load in it.
  test.each([
    ["irq-off", "S1", { state: "illegal", obstacle: "irq-off" }],
    ["irq-off", "I1", { state: "illegal", obstacle: "irq-off" }],
    ["irq-off", "T1", { state: "illegal", obstacle: "preempt-off" }],
    ["irq-off", "N1", { state: "ended" }],
    ["preempt-off", "S1", { state: "ended" }],
    ["preempt-off", "I1", { state: "ended" }],
    ["preempt-off", "T1", { state: "illegal", obstacle: "preempt-off" }],
    ["preempt-off", "N1", { state: "ended" }],
  ] as const)("in an %s section %s gets the answer %j on that CPU, and runs on another", (section, name, answer) => {
    for (const [cpu, event] of [[0, 1], [0, 2], [1, 2]] as const) {
      const [task, other] = bed.prepare([{ name: "T0", run: section === "irq-off" ? "add_with_interrupts_off" : "add_with_preemption_off" }, { name, cpu, run: "add" }]);
      bed.machine.step(task!, event);
      expect(bed.machine.step(other!, "end"), `CPU ${cpu}, event ${event}`).toEqual(cpu === 0 && event === 2 ? answer : { state: "ended" });
    }
  });
});

describe("migration", () => {
  const migrating = (run: string): Part => ({ name: "T0", run, migrates: true });

  test("a migrating task goes on on the other CPU and sees it, before it has begun and in the middle", () => {
    const [fresh] = bed.prepare([migrating("cpu_twice")]);
    expect(bed.machine.migrate(fresh!, 1)).toBeUndefined();
    bed.machine.step(fresh!, "end");
    expect(fresh).toMatchObject({ cpu: 1, result: 0x0101 });

    const [task] = bed.prepare([migrating("cpu_twice")]);
    bed.machine.step(task!, 2);
    expect(bed.machine.migrate(task!, 1)).toBeUndefined();
    bed.machine.step(task!, "end");
    expect(task).toMatchObject({ cpu: 1, result: 0x0001 });
  });

  test("a task that does not migrate, an interrupt, and a CPU that is none are pinned", () => {
    const [task, irq] = bed.prepare([{ name: "T0", run: "add" }, { name: "I1", run: "add", migrates: true }]);
    for (const context of [task!, irq!]) expect(bed.machine.migrate(context, 1)).toBe("pinned");
    const [moving] = bed.prepare([migrating("add")]);
    for (const cpu of [-1, LIMITS.CPUS_MAX.value]) expect(bed.machine.migrate(moving!, cpu)).toBe("pinned");
    expect(bed.machine.migrate(moving!, LIMITS.CPUS_MAX.value - 1)).toBeUndefined();
  });

  test.each(["add_with_interrupts_off", "add_with_preemption_off"])("inside %s it is pinned; before and after it is not", (run) => {
    const [task] = bed.prepare([migrating(run)]);
    bed.machine.step(task!, 1);
    expect(bed.machine.migrate(task!, 1)).toBeUndefined();
    bed.machine.step(task!, 2);
    expect(bed.machine.migrate(task!, 0)).toBe("pinned");
    expect(bed.machine.migrate(task!, 1), "staying where it is").toBeUndefined();
    bed.machine.step(task!, "end");
    expect(bed.machine.migrate(task!, 0)).toBe("ended");
  });

  test("while an interrupt runs in it, it is not moved", () => {
    const [task, irq] = bed.prepare([migrating("add"), { name: "I1", run: "add" }]);
    bed.machine.step(task!, 2);
    bed.machine.step(irq!, 1);
    expect(bed.machine.migrate(task!, 1)).toBe("interrupted");
    bed.machine.step(irq!, "end");
    expect(bed.machine.migrate(task!, 1)).toBeUndefined();
  });

  test("a task that waits for its CPU may be pulled away from another's preempt-off section", () => {
    const [waiting, current] = bed.prepare([migrating("add"), { name: "T1", run: "add_with_preemption_off" }]);
    bed.machine.step(waiting!, 2);
    bed.machine.step(current!, 2);
    expect(bed.machine.step(waiting!, "end")).toEqual({ state: "illegal", obstacle: "preempt-off" });
    expect(bed.machine.migrate(waiting!, 1)).toBeUndefined();
    expect(bed.machine.step(waiting!, "end")).toEqual({ state: "ended" });
  });

  test("a task moved to a CPU where an interrupt runs waits for it", () => {
    const [task, irq] = bed.prepare([migrating("add"), { name: "I1", cpu: 1, run: "add" }]);
    bed.machine.step(irq!, 1);
    bed.machine.migrate(task!, 1);
    expect(bed.machine.step(task!, "end")).toEqual({ state: "illegal", obstacle: "interrupted" });
  });
});

describe("time", () => {
  test("an event takes a nanosecond, whoever makes it and however it is stopped", () => {
    for (const stops of [[], [3, 7], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]) {
      const [task] = bed.prepare([{ name: "T0", run: "time_passed" }]);
      for (const event of stops) bed.machine.step(task!, event);
      bed.machine.step(task!, "end");
      expect(task!.result).toBe(10);
      expect(bed.machine.elapsed_ns).toBe(10);
    }
  });

  test("a timer is not due before its time, and is waited for when nothing else runs", () => {
    const timer: Part = { name: "I1", run: "time_now", due_ns: 5 };
    const [task, irq] = bed.prepare([{ name: "T0", run: "time_passed" }, timer]);
    expect(bed.machine.step(irq!, "end")).toEqual({ state: "illegal", obstacle: "not-due" });
    bed.machine.step(task!, 5); // four events are made
    bed.machine.step(task!, 6);
    expect(bed.machine.step(irq!, "end")).toEqual({ state: "ended" });
    expect(irq!.result).toBeGreaterThanOrEqual(5);

    const outcome = runOf("", timer);
    expect(outcome).toMatchObject({ verdict: "completed", contexts: [{ result: 5 }] });
  });

  test("a reset begins time anew, a snapshot keeps it", () => {
    const [task] = bed.prepare([{ name: "T0", run: "time_passed" }]);
    bed.machine.step(task!, 4);
    const snapshot = takeSnapshot(bed.machine);
    const then = bed.machine.elapsed_ns;
    bed.machine.step(task!, "end");
    restoreSnapshot(bed.machine, snapshot);
    expect(bed.machine.elapsed_ns).toBe(then);
    bed.machine.reset();
    expect(bed.machine.elapsed_ns).toBe(0);
  });

  test("timers of the same time come in either order", async () => {
    const two = await caseOf(`
      static u32 order;
      static void first(uintptr_t n) { STP_WRITE(order, STP_READ(order) * 10 + n); }
      static void never_21(void) { stp_assert(order != 21); }
      STP_CASE(both) { stp_timer(0, 7, first, 1); stp_timer(1, 7, first, 2); stp_finally(never_21); }`);
    expect(replay(two, "I1:* I0:*")?.detail).toMatch("order != 21 does not hold");
    expect(search(two, { preemptions: 0 })).toMatchObject({ failed: 1 });
  });
});

describe("what a context can do wrong", () => {
  const cases: [string, Part, Partial<Outcome>][] = [
    ["a loop without cpu_relax", { name: "T0", run: "read_for_ever" }, { verdict: "hang", detail: expect.stringMatching(/^T0 has not ended after (999999|1000000) events: a loop in it does not end$/) as string }],
    ["a bad address", { name: "T0", run: "read_bad_address" }, { verdict: "trap", detail: "T0 trapped: memory access out of bounds" }],
    ["too deep a stack", { name: "T0", run: "deep", args: [CONTEXT_STACK_BYTES / 256] }, { verdict: "trap", detail: `T0 trapped: it overran its stack of ${CONTEXT_STACK_BYTES} bytes` }],
    ["waiting for what never comes", { name: "T0", run: "wait_for_ever" }, { verdict: "deadlock" }],
    ["interrupts left off", { name: "T0", run: "leave_interrupts_off" }, { verdict: "broken", detail: "T0 ended and left interrupts off on CPU 0" }],
    ["preemption left off", { name: "T0", run: "leave_preemption_off" }, { verdict: "broken", detail: "T0 ended and left preemption off on CPU 0" }],
    ["preemption on once more than off", { name: "T0", run: "turn_preemption_on_twice" }, { verdict: "broken", detail: "T0 turns preemption on more often than off" }],
    ["a CPU's number while preemption is on", { name: "T0", run: "use_stable_cpu" }, { verdict: "broken", detail: expect.stringContaining("T0 asks for its CPU's number while preemption is on") as string }],
    ["sleeping in an interrupt", { name: "I0", run: "sleep" }, { verdict: "broken", detail: "I0 stp_sleep() may sleep, which is forbidden here: this is no task" }],
  ];

  test.each(cases)("%s ends the run with a verdict", (_name, part, expected) => {
    expect(runOf(part.name, part)).toMatchObject(expected);
    // and the machine is none the worse for it:
    expect(runOf("T0:2 T0", ...adders(["T0", 0]))).toMatchObject({ verdict: "completed" });
    expect(counter()).toBe(1);
  });

  test.each(cases.filter(([, , { verdict }]) => verdict === "broken"))("%s is a finding of kind context, at a place", (_name, part) => {
    const { finding } = runOf("", part);
    expect(finding?.kind).toBe("context");
    expect(finding?.sides).toMatchObject([{ context: part.name, cpu: 0 }]);
  });

  test("the same is right elsewhere: sleeping in a task, a CPU's number with preemption off or in an interrupt", () => {
    for (const part of [{ name: "T0", run: "sleep" }, { name: "T0", run: "use_stable_cpu_rightly" }, { name: "I0", run: "use_stable_cpu" }]) {
      expect(runOf("", part).verdict, part.run).toBe("completed");
    }
  });

  test("an interrupt that comes in an irq-off section leaves it as it found it: no finding", () => {
    const outcome = runOf("T0:2 N1:* T0", { name: "T0", run: "add_with_interrupts_off" }, { name: "N1", run: "add_with_interrupts_off" });
    expect(outcome.verdict).toBe("completed");
  });

  test("a context that has trapped or was stopped for good never runs again", () => {
    for (const run of ["read_bad_address", "turn_preemption_on_twice"]) {
      const [task] = bed.prepare([{ name: "T0", run }]);
      bed.machine.step(task!, "end");
      expect(bed.machine.step(task!, "end")).toEqual({ state: "illegal", obstacle: "ended" });
    }
  });

  test("one that is stopped for good in the middle of an 8-byte write leaves it to nobody else to finish", () => {
    const [broken, next] = bed.prepare([{ name: "T0", run: "write_wide_and_fail" }, { name: "T1", cpu: 1, run: "add" }]);
    expect(bed.machine.step(broken!, 2).state).toBe("broken"); // on the way to the stop between the halves
    const before = bed.call("wide_of");
    expect(bed.machine.step(next!, 1)).toEqual({ state: "stopped" });
    expect(next!.access).toMatchObject({ kind: ACCESS_KINDS.READ | ACCESS_KINDS.VOLATILE });
    expect(bed.machine.step(next!, "end")).toEqual({ state: "ended" });
    expect([bed.call("wide_of"), counter(), next!.accesses]).toEqual([before, 1, 2]);
  });

  test("a deep call chain within the stack runs, stopped or not", () => {
    const [task] = bed.prepare([{ name: "T0", run: "deep", args: [20] }]);
    for (let access = 1; bed.machine.step(task!, access).state === "stopped"; access++);
    expect(task).toMatchObject({ state: "ended", result: (21 * 22) / 2 });
    expect(task!.accesses).toBe(21 * 64);
  });

  test("a bounded spinner that nobody helps gives up by itself: no deadlock", () => {
    expect(runOf("T0", { name: "T0", run: "wait_bounded", args: [60] })).toMatchObject({ verdict: "completed", contexts: [{ result: -1 }] });
  });

  test("one that would never give up in as many rounds is a deadlock", () => {
    expect(runOf("T0", { name: "T0", run: "wait_bounded", args: [1000] }).verdict).toBe("deadlock");
  });
});

describe("budgets", () => {
  // Each round is marked once in the fixture, and maybe more often by sites.ts: the numbers leave room for that.
  test("a context may make as many actions as it is told, and is stopped at the next one", () => {
    const outcome = runOf("", { name: "T0", run: "act", args: [100], actions_max: 50 });
    expect(outcome).toMatchObject({ verdict: "broken", detail: "T0 uses up its budget of actions: calls, and rounds of loops" });
    expect(outcome.finding).toMatchObject({ kind: "budget", sides: [{ context: "T0" }] });
    expect(counter()).toBeLessThanOrEqual(51);
    expect(runOf("", { name: "T0", run: "act", args: [100], actions_max: 100_000 }).verdict).toBe("completed");
    expect(runOf("", { name: "T0", run: "act", args: [100] }).verdict, "no limit").toBe("completed");
  });

  test("each context has its own, through stops and snapshots", () => {
    const parts: Part[] = ["T0", "T1"].map((name, cpu) => ({ name, cpu, run: "act", args: [20], actions_max: 1000 }));
    const [zero] = bed.prepare([parts[0]!]);
    bed.machine.step(zero!, "end");
    const used = 1000 - zero!.actions_left;
    expect(used).toBeGreaterThanOrEqual(20);

    const contexts = bed.prepare(parts);
    const run = (): number[] => {
      for (let event = 3; contexts.some(({ state }) => state !== "ended"); event++) for (const context of contexts) if (context.state !== "ended") bed.machine.step(context, event);
      return contexts.map(({ actions_left }) => actions_left);
    };
    bed.machine.step(contexts[0]!, 2);
    const snapshot = takeSnapshot(bed.machine);
    expect(run()).toEqual([1000 - used, 1000 - used]);
    restoreSnapshot(bed.machine, snapshot);
    expect(run()).toEqual([1000 - used, 1000 - used]);
  });

  test("an exact budget is enough, one less is not", () => {
    const [task] = bed.prepare([{ name: "T0", run: "act", args: [20], actions_max: 1000 }]);
    bed.machine.step(task!, "end");
    const used = 1000 - task!.actions_left;
    expect(runOf("", { name: "T0", run: "act", args: [20], actions_max: used }).verdict).toBe("completed");
    expect(runOf("", { name: "T0", run: "act", args: [20], actions_max: used - 1 }).verdict).toBe("broken");
  });

  test("a loop without any access to memory is stopped, and said to be where it is", () => {
    const outcome = runOf("", { name: "T0", run: "loop_for_ever" });
    expect(outcome).toMatchObject({ verdict: "hang", detail: "T0 has not ended after 0 events: a loop in it does not end", side: { context: "T0" } });
    expect(readSite(bed.machine.instance, outcome.side!.site)).toMatchObject({ function: "loop_for_ever" });
    const [task] = bed.prepare([{ name: "T0", run: "loop_for_ever" }]);
    for (const _ of [1, 2]) expect(bed.machine.step(task!, "end").state, `${STEP_LOOPS_MAX} rounds are not the end of it`).toBe("exhausted");
  });
});

/** An observer that is told events, and may answer. */
const observing = (note: Observer["note"]): Observer => ({ begin: () => {}, begun: () => {}, note, migrated: () => {}, ended: () => undefined, save: () => undefined, restore: () => {} });

test("the line that called is kept for each context while others run", () => {
  const callers: (number | undefined)[][] = [[], []];
  const contexts = bed.prepare([{ name: "T0", run: "read_from_here" }, { name: "T1", cpu: 1, run: "read_from_there" }]);
  bed.machine.watch(observing((context, words, at): undefined => void callers[context.cpu]!.push(readSite(bed.machine.instance, words[at + NOTE_WORDS.caller]!)?.line)));
  for (const event of [1, 2, "end"] as const) for (const context of contexts) bed.machine.step(context, event);
  bed.machine.watch(undefined);
  const [here, there] = [lineOf(FIXTURE, "/* here */"), lineOf(FIXTURE, "/* there */")];
  expect(callers).toEqual([[here, here], [there, there]]);
});

test("an observer's first finding ends the context, and later events are not told", () => {
  const finding: Finding = { kind: "race", detail: "made up", sides: [] };
  let seen = 0;
  const observer = observing(() => (++seen === 2 ? finding : undefined));
  const [task] = bed.prepare([{ name: "T0", run: "write_wide" }]);
  bed.machine.watch(observer);
  expect(bed.machine.step(task!, "end")).toEqual({ state: "broken", finding });
  expect(seen).toBe(2);
  bed.machine.watch(undefined);
});

test("more events than notes have room are all told, in order, and stop nothing", () => {
  const counts: number[] = [];
  const observer = observing((context): undefined => void counts.push(context.accesses));
  const [task] = bed.prepare([{ name: "T0", run: "deep", args: [20] }]);
  bed.machine.watch(observer);
  expect(bed.machine.step(task!, "end")).toEqual({ state: "ended" });
  bed.machine.watch(undefined);
  expect(counts).toHaveLength(21 * 64);
  expect(task).toMatchObject({ result: (21 * 22) / 2, accesses: 21 * 64 });
  expect(task!.stack_bytes).toBeGreaterThan(21 * 256);
  expect(task!.stack_bytes).toBeLessThan(CONTEXT_STACK_BYTES / 2);
});

test("hundreds of contexts can be begun, stopped and forgotten, and memory does not grow", () => {
  const before = bed.machine.instance.memory.buffer.byteLength;
  for (let round = 0; round < 500; round++) {
    const [one] = bed.prepare(adders(["T0", 0], ["T1", 1]));
    bed.machine.step(one!, 2);
  }
  bed.prepare([]);
  for (let round = 0; round < 500; round++) bed.machine.step(bed.spawn({ name: `T${round}`, cpu: 1, run: "add" }), "end");
  expect(counter()).toBe(500);
  expect(bed.machine.instance.memory.buffer.byteLength).toBe(before);
});

test("a context on each of 64 CPUs, all stopped in the middle at once", () => {
  const parts = Array.from({ length: LIMITS.CPUS_MAX.value }, (_, cpu): Part => ({ name: `T${cpu}`, cpu, run: "cpu_twice" }));
  const contexts = bed.prepare(parts);
  for (const context of contexts) expect(bed.machine.step(context, 3)).toEqual({ state: "stopped" });
  for (const context of contexts) expect(bed.machine.step(context, "end")).toEqual({ state: "ended" });
  expect(contexts.map(({ result }) => result)).toEqual(parts.map((_, cpu) => (cpu << 8) | cpu));
  expect(() => bed.spawn({ name: "T64", cpu: LIMITS.CPUS_MAX.value, run: "add" })).toThrow("T64 is on CPU 64, which does not exist");
});

test("64 contexts of one case on 64 CPUs run watched, by a schedule and to the end", async () => {
  const many = await caseOf(`
    static u32 counter;
    static void add(uintptr_t unused) { __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED); }
    static void all(void) { stp_assert(counter == 64); }
    STP_CASE(many) { for (u32 cpu = 0; cpu < 64; cpu++) stp_task(cpu, add, 0); stp_finally(all); }`);
  expect(many.contexts).toHaveLength(64);
  expect(many.course.prepare()).toHaveLength(64);
  expect(replay(many, "T63:1 T0:*")).toBeUndefined();
});

describe("snapshots", () => {
  test("a restored machine continues as the original did, contexts suspended in the middle included", () => {
    const [one, two] = bed.prepare(adders(["T0", 0], ["T1", 1]));
    bed.machine.step(one!, 2);
    const snapshot = takeSnapshot(bed.machine);
    const results = [1, 2].map(() => {
      restoreSnapshot(bed.machine, snapshot);
      expect(one).toMatchObject({ state: "suspended", accesses: 2 });
      expect(two).toMatchObject({ state: "ready", accesses: 0 });
      bed.machine.step(two!, "end");
      bed.machine.step(one!, "end");
      return [counter(), Buffer.from(bed.machine.instance.bytes).toString("base64")];
    });
    expect(results[0]).toEqual(results[1]);
    expect(results[0]![0]).toBe(1);
  });

  test("what was begun after the snapshot is forgotten", () => {
    const [task] = bed.prepare(adders(["T0", 0]));
    const snapshot = takeSnapshot(bed.machine);
    const nmi = bed.spawn({ name: "N1", run: "add" });
    bed.machine.step(nmi, 1);
    restoreSnapshot(bed.machine, snapshot);
    expect(bed.machine.step(task!, "end")).toEqual({ state: "ended" });
  });

  test("another branch from the same snapshot has another end", () => {
    const [one, two] = bed.prepare(adders(["T0", 0], ["T1", 1]));
    const snapshot = takeSnapshot(bed.machine);
    bed.machine.step(one!, 2);
    bed.machine.step(two!, "end");
    bed.machine.step(one!, "end");
    expect(counter()).toBe(1);
    restoreSnapshot(bed.machine, snapshot);
    bed.machine.step(one!, "end");
    bed.machine.step(two!, "end");
    expect(counter()).toBe(2);
  });

  test("memory that wasm grew by is zeroed", () => {
    const { machine } = bed;
    const snapshot = takeSnapshot(machine);
    const at = machine.instance.bytes.length;
    machine.instance.memory.grow(1);
    machine.instance.bytes[at + 5] = 7;
    restoreSnapshot(machine, snapshot);
    expect(machine.instance.bytes[at + 5]).toBe(0);
  });

  test("a migrated task is back on its CPU, an ended one runs again", () => {
    const [task, other] = bed.prepare([{ name: "T0", run: "add", migrates: true }, { name: "T1", run: "add" }]);
    const snapshot = takeSnapshot(bed.machine);
    bed.machine.migrate(task!, 3);
    for (const context of [task!, other!]) bed.machine.step(context, "end");
    restoreSnapshot(bed.machine, snapshot);
    expect(task).toMatchObject({ cpu: 0, state: "ready" });
    for (const context of [task!, other!]) expect(bed.machine.step(context, "end")).toEqual({ state: "ended" });
    expect(counter()).toBe(2);
  });

  test("what a context leaves on its stack is not seen by the next, nor by the same after a restore", async () => {
    const one = await caseOf(`
      static u32 seen[2];
      static __attribute__((noinline)) u32 peek(volatile u32 *at) { return *at; }
      static void soil(uintptr_t n) { volatile u32 frame[200]; for (int i = 0; i < 200; i++) frame[i] = 7 + n; STP_WRITE(seen[n], frame[3]); STP_WRITE(seen[n], frame[4]); }
      static void look(uintptr_t n) { volatile u32 frame[200]; u32 all = 0; STP_WRITE(seen[n], 0); for (int i = 0; i < 200; i++) all |= peek(&frame[i]); STP_WRITE(seen[n], all); stp_assert(all == 0); }
      STP_CASE(soiled) { stp_task(0, soil, 0); stp_task(1, look, 1); }`);
    for (const schedule of ["T0:* T1:*", "T1:* T0:*", "T0:2 T1:* T0", "T1:2 T0:* T1"]) expect(replay(one, schedule), schedule).toBeUndefined();
    expect(search(one, { preemptions: 1 })).toMatchObject({ failed: 0 });
  });
});

describe("memory that a run takes", () => {
  const ALLOCATING = (bytes: number): string => `
    static void take(uintptr_t unused)
    {
      u8 *p = stp_alloc_atomic(${bytes});
      stp_assert(p);
      STP_WRITE(p[${bytes - 1}], 1);
      stp_free(p);
    }
    STP_CASE(takes) { stp_task(0, take, 0); stp_task(1, take, 0); }`;

  test.each([100, 100_000, 300_000])("%i bytes: every run may have them again, and memory does not grow from run to run", async (bytes) => {
    const one = await caseOf(ALLOCATING(bytes));
    const { memory } = one.course.machine.instance;
    expect(search(one, { preemptions: 1 })).toMatchObject({ failures: [] });
    const after = memory.buffer.byteLength;
    for (let round = 0; round < 50; round++) expect(replay(one, "T0:1 T1:*")).toBeUndefined();
    expect(memory.buffer.byteLength).toBe(after);
  });
});

test("a case with one context only, none at all, or on a CPU that is none is refused in one sentence", async () => {
  const nothing = "static void nothing(uintptr_t unused) { }\n";
  await expect(caseOf(`${nothing} STP_CASE(alone) { stp_task(0, nothing, 0); }`)).rejects.toThrow("Cannot explore case alone of test.c: it has 1 context; add some by stp_task(), stp_irq(), …");
  await expect(caseOf(`${nothing} STP_CASE(far) { stp_task(0, nothing, 0); stp_task(64, nothing, 0); }`)).rejects.toThrow("CPU 64 does not exist; they are 0 to 63");
  await expect(caseOf("static u32 __attribute__((unused)) x;")).rejects.toThrow("Cannot explore test.c: it has no case; define one by STP_CASE(name) of <stp_explore.h>");
});

test("access.ts and hooks.h agree on the access kinds", () => {
  const header = readFileSync(new URL("../runtime-c/port/wasm32/hooks.h", import.meta.url), "utf8");
  const kinds = [...header.matchAll(/^\tSTP_SIM_(\w+) = (\d+),/gm)].map((match) => [match[1]!, Number(match[2])]);
  expect(Object.fromEntries(kinds)).toEqual(ACCESS_KINDS);
});

test.each([
  ["stp_sim_state", STATE_WORDS],
  ["stp_sim_note", NOTE_WORDS],
])("access.ts and hooks.h agree on the words of struct %s", (name, words) => {
  const header = readFileSync(new URL("../runtime-c/port/wasm32/hooks.h", import.meta.url), "utf8");
  const body = new RegExp(`^struct ${name} \\{\\n([^]*?)^\\};`, "m").exec(header)![1]!;
  const fields = [...body.matchAll(/^\tunsigned int ([\w, ]+);/gm)].flatMap((match) => match[1]!.split(", "));
  const inCamelCase = fields.map((field) => field.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase()));
  expect(Object.fromEntries(inCamelCase.map((field, index) => [field, index]))).toEqual(words);
});

test("cpu.h and the protocol agree on the number of CPUs", () => {
  const header = readFileSync(new URL("../runtime-c/port/wasm32/cpu.h", import.meta.url), "utf8");
  expect(Number(/^#define STP_SIM_CPUS_MAX (\d+)/m.exec(header)?.[1])).toBe(LIMITS.CPUS_MAX.value);
});

test("a mutation of a source that no longer has the piece is refused", () => {
  expect(() => mutated(FIXTURE, "not there", "")).toThrow("sim/fixtures/machine.c no longer has not there");
});
