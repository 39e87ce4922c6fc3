/**
 * The 12 cases of sim/litmus/README.md, at each optimisation: the bug is found within its bound, the repair is clean, and a
 * repair with a piece taken out is caught again.
 */
import { describe, expect, test } from "vitest";
import type { ExploredCase } from "./explored.ts";
import { depthFirst, type DepthFirstOptions } from "./explore/depth-first.ts";
import { failureOf, type ExploreFailure } from "./explore/explore.ts";
import { caseOf, casesOf, inline, LEVELS, mutated, replay, search, sourceOf, type Level } from "./testing.ts";

/** Every failing run, not one of each kind. */
function allFailures({ course, check }: ExploredCase, options: DepthFirstOptions): ExploreFailure[] {
  const found: ExploreFailure[] = [];
  depthFirst(options)(course, (outcome) => {
    const failure = failureOf(outcome, check);
    if (failure) found.push(failure);
    return true;
  });
  return found;
}

/** What a failure is: its finding's kind, or its verdict. */
const kindOf = ({ finding, verdict }: ExploreFailure): string => finding?.kind ?? verdict;

interface Litmus {
  readonly number: number;
  readonly file: string;
  /** Schedule of ../shared/litmus.md, as this machine counts, and what it leads to; without a look for races. */
  readonly schedule: string;
  readonly leadsTo: string;
  /** Preemptions and delayed stores that the bug takes. */
  readonly preemptions: number;
  readonly delays: number;
  /** Kinds of failures within that bound, races included. */
  readonly kinds: readonly string[];
  /** The bug is found in every run by looking for races or at locks, whatever it leads to. */
  readonly always?: boolean;
}

const CASES: readonly Litmus[] = [
  { number: 1, file: "lost_update", schedule: "T0:2 T1:* T0", leadsTo: "assertion", preemptions: 1, delays: 0, kinds: ["race"], always: true },
  { number: 2, file: "irq_counter", schedule: "T0:2 I1:* T0", leadsTo: "assertion", preemptions: 1, delays: 0, kinds: ["assertion"] },
  { number: 3, file: "nested_buffer", schedule: "T0:6 I1:* T0", leadsTo: "assertion", preemptions: 1, delays: 0, kinds: ["assertion"] },
  { number: 4, file: "irq_lock", schedule: "T0:4 I1", leadsTo: "deadlock", preemptions: 1, delays: 0, kinds: ["deadlock"] },
  { number: 5, file: "lock_order", schedule: "T0:2 T1", leadsTo: "deadlock", preemptions: 1, delays: 0, kinds: ["deadlock", "locking"], always: true },
  { number: 6, file: "migration", schedule: "T0:3 T1@0:* T0@1", leadsTo: "assertion", preemptions: 1, delays: 0, kinds: ["assertion", "race"] },
  { number: 7, file: "freelist_aba", schedule: "T0:3 T1:* T0", leadsTo: "assertion", preemptions: 1, delays: 0, kinds: ["assertion"] },
  { number: 8, file: "torn_value", schedule: "T0:2 T1:* T0", leadsTo: "assertion", preemptions: 1, delays: 0, kinds: ["race"], always: true },
  { number: 9, file: "publication", schedule: "T0:* d#0 T1:*", leadsTo: "assertion", preemptions: 0, delays: 1, kinds: ["assertion"] },
  { number: 10, file: "seqlock", schedule: "T0:3 d#0 T1:* T0", leadsTo: "assertion", preemptions: 1, delays: 1, kinds: ["assertion"] },
  { number: 11, file: "missed_wakeup", schedule: "T0:2 T1:* T0", leadsTo: "deadlock", preemptions: 1, delays: 0, kinds: ["deadlock"] },
  { number: 12, file: "teardown", schedule: "T0:3 d#0 T1:* T0", leadsTo: "assertion", preemptions: 1, delays: 1, kinds: ["assertion"] },
];

const isBuggy = ({ name }: ExploredCase): boolean => name.startsWith("buggy");

describe.each(LEVELS)("at %s", (level: Level) => {
  test.each(CASES)("case $number, $file: the bug is found with $preemptions preemptions and $delays delays, and each failing schedule replays", async ({ file, preemptions, delays, kinds, always = false }) => {
    const [cases, fresh] = [await casesOf(sourceOf(`litmus/${file}.c`), {}, level), await casesOf(sourceOf(`litmus/${file}.c`), {}, level)];
    const buggy = cases.find(({ name }) => name === "buggy")!;
    const found = allFailures(buggy, { preemptions, delays });
    expect([...new Set(found.map(kindOf))].sort()).toEqual(kinds);
    const all = search(buggy, { preemptions, delays });
    expect(all).toMatchObject({ exhaustive: true, failed: found.length });
    expect(found.length === all.schedules).toBe(always);
    const again = fresh.find(({ name }) => name === "buggy")!;
    for (const failure of found) expect(replay(again, failure.schedule), failure.schedule).toMatchObject({ verdict: failure.verdict, detail: failure.detail });
  });

  test.each(CASES)("case $number, $file: $schedule leads to $leadsTo, and no schedule with less does", async ({ file, schedule, leadsTo, preemptions, delays }) => {
    const buggy = await caseOf(sourceOf(`litmus/${file}.c`), "buggy", { races: false }, level);
    const failure = replay(buggy, schedule);
    expect(failure && kindOf(failure)).toBe(leadsTo);
    if (preemptions > 0) expect(allFailures(buggy, { preemptions: preemptions - 1, delays: 0 }).map(kindOf)).not.toContain(leadsTo);
    if (delays > 0) expect(allFailures(buggy, { preemptions, delays: delays - 1 })).toEqual([]);
  });

  test.each(CASES)("case $number, $file repaired: no schedule fails with two preemptions and one delay", async ({ file }) => {
    const repaired = (await casesOf(sourceOf(`litmus/${file}.c`), {}, level)).filter((one) => !isBuggy(one));
    expect(repaired.map(({ name }) => name)).toEqual(["repaired"]);
    expect(search(repaired[0]!, { preemptions: 2, delays: 1 })).toMatchObject({ failures: [], failed: 0, exhaustive: true });
  });

  test.each(CASES.filter(({ delays }) => delays > 0))("case $number, $file: without delayed stores, three preemptions show nothing", async ({ file }) => {
    const buggy = await caseOf(sourceOf(`litmus/${file}.c`), "buggy", {}, level);
    const result = search(buggy, { preemptions: 3, delays: 0 });
    expect(result).toMatchObject({ failed: 0, exhaustive: true });
    expect(result.schedules).toBeGreaterThan(2);
  });

  test("case 6 is found as foreign memory, too, once somebody says whose the slots are", async () => {
    const owned = await caseOf(sourceOf("litmus/migration.c"), "buggy_where_slots_have_owners", {}, level);
    expect(replay(owned, "T0:2 T0@1")).toMatchObject({ finding: { kind: "memory" } });
    expect(allFailures(owned, { preemptions: 1 }).map(kindOf)).toContain("memory");
  });
});

describe("a repair with a piece taken out is caught again", () => {
  const mutations: readonly [file: string, piece: string, by: string][] = [
    ["lost_update", "__atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);", "STP_WRITE(counter, STP_READ(counter) + 1);"],
    ["irq_counter", "unsigned long flags = stp_irq_save();", "unsigned long flags = 0;"],
    ["nested_buffer", "if (STP_READ(busy) == 1)", ""],
    ["irq_lock", "= stp_spin_lock_irqsave(&lock)", "= (stp_spin_lock(&lock), 0)"],
    ["lock_order", "stp_task(1, add, 0);", "stp_task(1, add, 1);"],
    ["migration", "\tstp_preempt_disable();\n\tcount(0);\n\tstp_preempt_enable();", "\tcount(0);"],
    ["freelist_aba", "1 << TAG_SHIFT);\n", "0);\n"],
    ["torn_value", "\tstp_wmb();\n", ""],
    ["torn_value", "stp_store_release(&sequence, 2);", "STP_WRITE(sequence, 2);"],
    ["torn_value", "} while (STP_READ(sequence) != before);", "} while (0);"],
    ["torn_value", "while ((before = stp_load_acquire(&sequence)) & 1)\n\t\t\tstp_relax();", "before = stp_load_acquire(&sequence);"],
    ["publication", "stp_store_release(&ready, 1);", "STP_WRITE(ready, 1);"],
    ["seqlock", "\tif (in_order)\n\t\tstp_wmb();\n\tSTP_WRITE(a, 1);", "\tSTP_WRITE(a, 1);"],
    ["seqlock", "\tif (in_order)\n\t\tstp_wmb();\n\tSTP_WRITE(sequence, 2);", "\tSTP_WRITE(sequence, 2);"],
    ["seqlock", "} while (STP_READ(sequence) != before);", "} while (0);"],
    ["missed_wakeup", "\tstp_mb();\n", ""],
    ["missed_wakeup", "\tif (!STP_READ(data))\n", ""],
    ["teardown", "\tSTP_WRITE(inflight, 1);\n\tif (in_order)\n\t\tstp_mb();", "\tSTP_WRITE(inflight, 1);"],
    ["teardown", "\tSTP_WRITE(stopped, 1);\n\tif (in_order)\n\t\tstp_mb();", "\tSTP_WRITE(stopped, 1);"],
  ];

  test.each(mutations)("%s without %j", async (file, piece, by) => {
    const source = sourceOf(`litmus/${file}.c`);
    const repaired = await caseOf(mutated(source, piece, by), "repaired");
    const found = allFailures(repaired, { preemptions: 2, delays: 1 });
    expect(found.length).toBeGreaterThan(0);
    for (const failure of found.slice(0, 20)) expect(replay(repaired, failure.schedule)).toMatchObject({ verdict: failure.verdict, detail: failure.detail });
  });

  // Loads are never late on this machine: what only a read barrier forbids is not seen. If it is one day, this tells.
  test.each([
    ["torn_value", "\t\tstp_rmb();\n", ""],
    ["seqlock", "\t\tstp_rmb();\n", ""],
    ["publication", "stp_load_acquire(&ready)", "STP_READ(ready)"],
  ])("a known limit: %s without %j is not", async (file, piece, by) => {
    const repaired = await caseOf(mutated(sourceOf(`litmus/${file}.c`), piece, by), "repaired");
    expect(search(repaired, { preemptions: 2, delays: 1 })).toMatchObject({ failed: 0 });
  });
});

describe("all schedules are made, and each once", () => {
  /*
   * By hand. Two contexts with m and n events. Without a preemption: one after the other, 2. With one: the first of them
   * is cut in two parts that are not empty, m - 1 or n - 1 ways. With two: each is cut once, and either begins:
   * 2(m - 1)(n - 1). With three: one is cut in three, the other in two, and the one in three begins:
   * C(m - 1, 2)(n - 1) + (m - 1)C(n - 1, 2). And so on; all of them are C(m + n, m) interleavings.
   */
  test("two tasks with 2 events each: 2, 4, 6 = C(4, 2)", async () => {
    const one = await caseOf(sourceOf("litmus/lost_update.c"), "buggy", { races: false });
    // m = n = 2: 2, + 1 + 1, + 2 * 1 * 1. Lost where one is cut between load and store: both of one preemption, both of two.
    for (const [preemptions, schedules, failed] of [[0, 2, 0], [1, 4, 2], [2, 6, 4], [3, 6, 4]] as const) {
      expect(search(one, { preemptions, delays: 0 }), `bound ${preemptions}`).toMatchObject({ schedules, failed, exhaustive: true });
    }
  });

  const three = inline(`
    u32 at[2];
    static void read_thrice(uintptr_t n) { STP_READ(at[n]); STP_READ(at[n]); STP_READ(at[n]); }
    static void read_once(uintptr_t n) { STP_READ(at[n]); }
    STP_CASE(three_and_three) { stp_task(0, read_thrice, 0); stp_task(1, read_thrice, 1); }
    STP_CASE(three_and_one) { stp_task(0, read_thrice, 0); stp_task(1, read_once, 1); }
    STP_CASE(irq) { stp_task(0, read_thrice, 0); stp_irq(0, read_thrice, 1); }
    STP_CASE(irq_and_nmi) { stp_task(0, read_thrice, 0); stp_irq(0, read_once, 1); stp_nmi(0, read_once, 1); }
    STP_CASE(three_tasks) { stp_task(0, read_once, 0); stp_task(1, read_once, 1); stp_task(2, read_once, 1); }`);

  test.each([
    // m = n = 3: 2, + 2 + 2, + 2 * 2 * 2, + 1 * 2 + 2 * 1, + 2 * 1 * 1 = C(6, 3) = 20.
    ["three_and_three", [2, 6, 14, 18, 20, 20]],
    // m = 3, n = 1: 2, + 2 = C(4, 1) = 4.
    ["three_and_one", [2, 4, 4]],
    // An interrupt is cut by nobody of its CPU: before the task, behind it, or before its event 2 or 3.
    ["irq", [2, 4, 4]],
    /*
     * The interrupts have one event each and are cut by nobody. T0 whole: 3! = 6 orders. T0 cut once, in 2 places, with
     * I1 or N2 there and the other one before or behind T0, 2 * 2 * 2, or both there, in 2 orders, 2 * 2. T0 cut in both
     * places, with one of them in each: 2.
     */
    ["irq_and_nmi", [6, 18, 20]],
    ["three_tasks", [6, 6]],
  ] as const)("%s: %j", async (name, counts) => {
    const one = (await casesOf(three)).find((candidate) => candidate.name === name)!;
    counts.forEach((schedules, preemptions) => expect(search(one, { preemptions, delays: 0 }), `bound ${preemptions}`).toMatchObject({ schedules, exhaustive: true, failed: 0 }));
  });

  test("an interrupt in a task of n events: n - 1 places in it, one before and one behind", async () => {
    const counter = await caseOf(sourceOf("litmus/irq_counter.c"), "buggy");
    expect(search(counter, { preemptions: 1 })).toMatchObject({ schedules: 2 - 1 + 2, failed: 1 });
    const buffer = await caseOf(sourceOf("litmus/nested_buffer.c"), "buggy"); // 3 writes, 3 reads; bad in all places but the ends
    expect(search(buffer, { preemptions: 1 })).toMatchObject({ schedules: 6 - 1 + 2, failed: 5 });
    const lock = await caseOf(sourceOf("litmus/irq_lock.c"), "buggy"); // lock, load, store, unlock: bad where it is held
    expect(search(lock, { preemptions: 1 })).toMatchObject({ schedules: 4 - 1 + 2, failed: 3 });
    // interrupts off before the first event, on again behind the last: before the section, or behind it
    expect(search(await caseOf(sourceOf("litmus/irq_counter.c"), "repaired"), { preemptions: 2 })).toMatchObject({ schedules: 2, failed: 0 });
  });

  test("no two of them are the same, at any bound, and a bound has all of the lower ones", async () => {
    for (const file of ["seqlock", "migration", "lock_order"]) {
      const one = await caseOf(sourceOf(`litmus/${file}.c`), "repaired");
      const seen = [0, 1, 2].map((preemptions) => {
        const hashes: string[] = [];
        depthFirst({ preemptions })(one.course, ({ steps }) => {
          hashes.push(JSON.stringify(steps));
          return true;
        });
        expect(new Set(hashes).size).toBe(hashes.length);
        return new Set(hashes);
      });
      expect(seen[0]!.size).toBeLessThanOrEqual(seen[1]!.size);
      for (const [lower, upper] of [[0, 1], [1, 2]] as const) for (const hash of seen[lower]!) expect(seen[upper]!.has(hash)).toBe(true);
    }
  });
});
