/** Cases 1 to 5 and 8 of sim/litmus/README.md: each buggy variant found with its schedule, each repaired one clean at bound 1. */
import { beforeAll, describe, expect, test } from "vitest";
import { oneInterruption, onePreemption } from "./explore.ts";
import { LitmusRig, type LitmusCase, type Part } from "./litmus/rig.ts";
import type { Outcome } from "./schedule.ts";

const expectCounter =
  (getter: string, ...args: number[]) =>
  ({ contexts }: Outcome, rig: LitmusRig): string | undefined => {
    const counter = rig.call(getter, ...args);
    return counter === contexts.length ? undefined : `counter is ${counter}, not ${contexts.length}`;
  };

const twoCpus = (name: string, run: string, check: LitmusCase["check"]): LitmusCase => ({
  name,
  parts: [
    { name: "T0", cpu: 0, run },
    { name: "T1", cpu: 1, run },
  ],
  check,
});

const taskAndIrq = (name: string, run: string, check: LitmusCase["check"], args: readonly [number[], number[]] = [[], []]): LitmusCase => ({
  name,
  parts: [
    { name: "T0", run, args: args[0] },
    { name: "I1", run, args: args[1] },
  ],
  check,
});

const lostUpdate = (run: string): LitmusCase => twoCpus("lost_update", run, expectCounter("lost_update_counter"));
const irqCounter = (run: string): LitmusCase => taskAndIrq("irq_counter", run, expectCounter("irq_counter_of", 0));
const irqLock = (run: string): LitmusCase => taskAndIrq("irq_lock", run, expectCounter("irq_lock_counter"));

const nestedBuffer = (run: string): LitmusCase =>
  taskAndIrq("nested_buffer", run, ({ contexts }) => (contexts.some((context) => context.result === 0) ? "a context read what it did not write" : undefined), [[65], [66]]);

const lockOrder = (run: string): LitmusCase => {
  const part = (name: string, cpu: number): Part => ({ name, cpu, run, args: [cpu] });
  return { name: "lock_order", parts: [part("T0", 0), part("T1", 1)], check: expectCounter("lock_order_counter") };
};

const tornValue = (run: string): LitmusCase => ({
  name: "torn_value",
  parts: [
    { name: "T0", cpu: 0, run: `${run}_write` },
    { name: "T1", cpu: 1, run: `${run}_read` },
  ],
  check: ({ contexts }) => {
    const seen = contexts[1]!.result;
    return seen === 0n || seen === 0x1111_1111_2222_2222n ? undefined : `read ${String(seen)}`;
  },
});

describe.each(["-O0", "-O1", "-O2"] as const)("litmus cases at %s", (level) => {
  let rig: LitmusRig;
  beforeAll(async () => {
    rig = await LitmusRig.create(level);
  }, 120_000);

  /*
   * By hand: each of two contexts makes 2 accesses (load, store), so each can be interrupted before its 1st, before its
   * 2nd and after its end: 2 * 3 = 6 schedules. An update is lost where the interruption is between load and store:
   * once for each context, 2 of 6. Three bytes written and three read are 6 accesses, 7 places, and all but the ones
   * before the first and after the last are bad. Lock, load, store, unlock: the 3 places that hold the lock.
   * Lock, lock, load, store, unlock, unlock: 7 places for each context, bad with the first lock alone: 2 of 14.
   */
  test.each([
    { number: 1, litmus: lostUpdate("buggy"), source: onePreemption("T0", "T1"), schedule: "T0:2 T1:* T0", all: 6, bad: 2, verdict: "completed" },
    { number: 2, litmus: irqCounter("buggy"), source: oneInterruption("T0", "I1"), schedule: "T0:2 I1:* T0", all: 3, bad: 1, verdict: "completed" },
    { number: 3, litmus: nestedBuffer("buggy"), source: oneInterruption("T0", "I1"), schedule: "T0:6 I1:* T0", all: 7, bad: 5, verdict: "completed" },
    { number: 4, litmus: irqLock("buggy"), source: oneInterruption("T0", "I1"), schedule: "T0:4 I1:* T0", all: 5, bad: 3, verdict: "deadlock" },
    { number: 5, litmus: lockOrder("buggy"), source: onePreemption("T0", "T1"), schedule: "T0:2 T1:* T0", all: 14, bad: 2, verdict: "deadlock" },
    { number: 8, litmus: tornValue("buggy"), source: onePreemption("T0", "T1"), schedule: "T0:2 T1:* T0", all: 6, bad: 2, verdict: "completed" },
  ])("case $number, $litmus.name: the bug is found at $schedule, in $bad of $all schedules, and each replays", ({ litmus, source, schedule, all, bad, verdict }) => {
    const found = rig.explore(litmus, source);

    expect(found).toMatchObject({ schedules: all, exhaustive: true, illegal: 0 });
    expect(found.failures).toHaveLength(bad);
    expect(found.failures.find((failure) => failure.schedule === schedule)).toMatchObject({ verdict });
    for (const failure of found.failures) {
      const again = rig.replay(litmus, failure.schedule);
      expect(again).toBe(verdict === "completed" ? failure.detail : verdict);
    }
  });

  test.each([
    { number: 1, litmus: lostUpdate("repaired"), source: onePreemption("T0", "T1"), all: 4, illegal: 0 },
    // Within the irq-off section the interrupt is refused: 2 accesses of 2, or 4 of 4.
    { number: 2, litmus: irqCounter("repaired"), source: oneInterruption("T0", "I1"), all: 1, illegal: 2 },
    { number: 3, litmus: nestedBuffer("repaired"), source: oneInterruption("T0", "I1"), all: 12, illegal: 0 },
    { number: 4, litmus: irqLock("repaired"), source: oneInterruption("T0", "I1"), all: 1, illegal: 4 },
    { number: 5, litmus: lockOrder("repaired"), source: onePreemption("T0", "T1"), all: 14, illegal: 0 },
    { number: 8, litmus: tornValue("repaired"), source: onePreemption("T0", "T1"), all: 10, illegal: 0 },
  ])("case $number, $litmus.name repaired: none of $all schedules fails", ({ litmus, source, all, illegal }) => {
    expect(rig.explore(litmus, source)).toEqual({ schedules: all, illegal, failures: [], exhaustive: true });
  });

  test("a write stopped half-way in an irq-off section is complete before interrupts are on again", () => {
    const litmus: LitmusCase = { ...tornValue("buggy"), parts: [{ name: "T0", run: "irq_off_write" }, { name: "I1", run: "buggy_read" }] };
    expect(rig.explore(litmus, oneInterruption("T0", "I1"))).toEqual({ schedules: 2, illegal: 2, failures: [], exhaustive: true });
  });
});
