/** The depth-first search: it makes every run once, goes back exactly, and its reduction loses nothing. */
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import { runSchedule, type Outcome } from "../run.ts";
import { formatSchedule } from "../schedule.ts";
import { casesOf, inline, replay, search, sourceOf } from "../testing.ts";
import { depthFirst, type DepthFirstOptions } from "./depth-first.ts";

const SOURCE = inline(`
#define CONTEXT(name) static void name(uintptr_t arg)
u32 a, b, never, flag, order, step;
u8 *shared;

CONTEXT(add) { STP_WRITE(a, STP_READ(a) + 1); }
CONTEXT(add_often) { for (u32 i = 0; i < arg; i++) __atomic_fetch_add(&a, 1, __ATOMIC_RELAXED); }
CONTEXT(wait_for_ever) { while (!STP_READ(never)) stp_relax(); }
CONTEXT(wait_and_say) { while (!STP_READ(flag)) stp_relax(); STP_WRITE(order, STP_READ(order) * 10 + arg); }
CONTEXT(set_flag) { STP_WRITE(flag, 1); }
CONTEXT(try_and_give_up) { for (u32 i = 0; i < arg && !STP_READ(never); i++) stp_relax(); STP_WRITE(order, STP_READ(order) + 1); }
CONTEXT(allocate) { u8 *p = stp_alloc_atomic(arg); STP_WRITE(p[arg - 1], 1); stp_store_release((uintptr_t *)&shared, (uintptr_t)p); }
CONTEXT(use) { u8 *p = (u8 *)stp_load_acquire((uintptr_t *)&shared); if (p) stp_assert(STP_READ(p[2])); }
CONTEXT(say) { STP_WRITE(order, STP_READ(order) * 10 + arg); }
CONTEXT(closed) { unsigned long flags = stp_irq_save(); add(0); stp_irq_restore(flags); add(0); }
CONTEXT(pinned) { add(0); stp_preempt_disable(); add(0); stp_preempt_enable(); add(0); }

STP_CASE(long_runs) { stp_task(0, add_often, 70); stp_task(1, add_often, 70); }
STP_CASE(three_stuck) { stp_task(0, wait_for_ever, 0); stp_task(1, wait_for_ever, 0); stp_task(2, wait_for_ever, 0); }
STP_CASE(three_waiters) { stp_task(0, wait_and_say, 1); stp_task(1, wait_and_say, 2); stp_task(2, wait_and_say, 3); stp_task(3, set_flag, 0); }
STP_CASE(three_give_up) { stp_task(0, try_and_give_up, 3); stp_task(1, try_and_give_up, 20); stp_irq(1, try_and_give_up, 30); }
STP_CASE(migrating_spinners) { stp_migrating_task(0, wait_for_ever, 0); stp_migrating_task(1, wait_for_ever, 0); }
STP_CASE(allocating) { stp_task(0, allocate, 3); stp_task(1, use, 0); stp_task(1, allocate, 7); }
STP_CASE(timers) { stp_task(0, say, 1); stp_timer(0, 3, say, 2); stp_timer(1, 3, say, 3); stp_timer(0, 40, say, 4); }
STP_CASE(levels) { stp_task(0, closed, 0); stp_softirq(0, add, 0); stp_irq(0, closed, 0); stp_nmi(0, add, 0); }
STP_CASE(moving) { stp_migrating_task(0, pinned, 0); stp_task(1, pinned, 0); stp_irq(0, add, 0); }
`);

const cases = new Map<string, ExploredCase>();
const twins = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const map of [cases, twins]) for (const one of await casesOf(SOURCE, { races: false })) map.set(one.name, one);
});

interface Seen {
  readonly schedule: string;
  readonly verdict: string;
  readonly detail: string;
  readonly events: readonly number[];
  readonly hash: number;
}

function seen({ course, check }: ExploredCase, outcome: Outcome): Seen {
  const hash = course.watch!.hash;
  const events = outcome.contexts.map(({ accesses }) => accesses);
  const wrong = outcome.verdict === "completed" ? check(outcome) : outcome.detail;
  return { schedule: formatSchedule(outcome.steps), verdict: outcome.verdict, detail: typeof wrong === "string" ? wrong : (wrong?.detail ?? ""), events, hash };
}

function all(one: ExploredCase, options: DepthFirstOptions): Seen[] {
  const runs: Seen[] = [];
  expect(depthFirst(options)(one.course, (outcome) => (runs.push(seen(one, outcome)), true))).toBe(true);
  return runs;
}

describe("each run that it makes is what its schedule makes on a machine that made no other", () => {
  const NAMES = ["long_runs", "three_stuck", "three_waiters", "three_give_up", "migrating_spinners", "allocating", "timers", "levels", "moving"];

  test.each(NAMES)("%s", (name) => {
    const runs = all(cases.get(name)!, { preemptions: name === "long_runs" || name === "levels" ? 1 : 2, delays: name === "levels" ? 0 : 1 });
    expect(new Set(runs.map(({ schedule }) => schedule)).size).toBe(runs.length);
    const twin = twins.get(name)!;
    for (const run of runs.filter((_, index) => index % Math.ceil(runs.length / 400) === 0)) expect(seen(twin, runSchedule(twin.course, run.schedule))).toEqual(run);
  });

  test.each(readdirSync(new URL("../litmus/", import.meta.url)).filter((name) => name.endsWith(".c")))("%s", async (file) => {
    const [ones, others] = [await casesOf(sourceOf(`litmus/${file}`)), await casesOf(sourceOf(`litmus/${file}`))];
    for (const [index, one] of ones.entries()) {
      for (const run of all(one, { preemptions: 2, delays: 2 })) expect(seen(others[index]!, runSchedule(others[index]!.course, run.schedule)), one.name).toEqual(run);
    }
  });

  test("whatever a visitor does with the machine in between", () => {
    for (const name of ["long_runs", "allocating", "three_waiters"]) {
      const [one, twin] = [cases.get(name)!, twins.get(name)!];
      const runs: Seen[] = [];
      depthFirst({ preemptions: 1 })(one.course, (outcome) => {
        runs.push(seen(one, outcome));
        runSchedule(one.course, "T1:* T0:1");
        return true;
      });
      expect(runs).toEqual(all(twin, { preemptions: 1 }));
    }
  });
});

describe("its extent", () => {
  test("from leaves out what has fewer preemptions: the parts are the whole, and share nothing", () => {
    for (const name of ["moving", "allocating", "timers"]) {
      const one = cases.get(name)!;
      const whole = all(one, { preemptions: 2 }).map(({ schedule }) => schedule);
      const parts = [0, 1, 2].flatMap((preemptions) => all(one, { preemptions, from: preemptions }).map(({ schedule }) => schedule));
      expect(parts.toSorted()).toEqual(whole.toSorted());
    }
  });

  test("it stops when it is told that it is enough, and says so", () => {
    const { course } = cases.get("long_runs")!;
    let runs = 0;
    expect(depthFirst({ preemptions: 1 })(course, () => ++runs < 7)).toBe(false);
    expect(runs).toBe(7);
  });

  test("70 atomics of each of two tasks: 2 + 69 + 69 schedules with one preemption", () => {
    expect(search(cases.get("long_runs")!, { preemptions: 1, delays: 0 })).toMatchObject({ schedules: 140, failed: 0, exhaustive: true });
  });

  test("three that wait for ever are few schedules, not two to the power of their tries", () => {
    const { schedules, failed, failures } = search(cases.get("three_stuck")!, { preemptions: 2 });
    expect(schedules).toBe(6); // in which order they first look
    expect(failed).toBe(6);
    expect(failures).toHaveLength(1);
    expect(search(cases.get("migrating_spinners")!, { preemptions: 0 }).schedules).toBeLessThanOrEqual(8);
  });

  test("three that wait for one store go on in every order", () => {
    const { course, check } = cases.get("three_waiters")!;
    const orders = new Set<string>();
    depthFirst({ preemptions: 0, delays: 0 })(course, (outcome) => {
      expect(check(outcome)).toBeUndefined();
      orders.add(outcome.steps.filter(({ until, context }) => until === "end" && context !== "T3").map(({ context }) => context).join(""));
      return true;
    });
    expect([...orders].sort()).toEqual(["T0T1T2", "T0T2T1", "T1T0T2", "T1T2T0", "T2T0T1", "T2T1T0"]);
  });

  test("and so they do when it was late, and all waited for it", () => {
    const late = all(cases.get("three_waiters")!, { preemptions: 0, delays: 1 }).map(({ schedule }) => schedule).filter((schedule) => schedule.startsWith("T3:* d#0 T0:~ T1:~ T2:~"));
    const orders = late.map((schedule) => [...schedule.matchAll(/(T\d)(?= |$)/g)].map(([name]) => name).join(""));
    expect(orders.sort()).toEqual(["T0T1T2", "T0T2T1", "T1T0T2", "T1T2T0", "T2T0T1", "T2T1T0"]);
  });

  test("timers that are due at once come in every order", () => {
    const orders = new Set(all(cases.get("timers")!, { preemptions: 0, delays: 0 }).map(({ schedule }) => schedule));
    for (const order of ["T0:* I1:* I2:* I3:*", "T0:* I2:* I1:* I3:*"]) expect(orders).toContain(order);
    expect([...orders].every((order) => order.endsWith("I3:*"))).toBe(true);
  });

  test("a migrating task is moved between any two of its events, but not where it is pinned", () => {
    const schedules = all(cases.get("moving")!, { preemptions: 1, delays: 0 }).map(({ schedule }) => schedule);
    const moves = schedules.flatMap((schedule) => /T0:(\d+) T0@1/.exec(schedule)?.[1] ?? []);
    // Event 3 is the place where preemption goes off; 4 and 5 are inside; 6 and 7 behind.
    expect(new Set(moves)).toEqual(new Set(["2", "3", "6", "7"]));
  });
});

describe("reduced, it finds what it finds otherwise", () => {
  const kinds = (one: ExploredCase, reduced: boolean, preemptions: number): string[] => {
    const { failures } = search(one, { preemptions, reduced });
    return failures.map(({ verdict, detail, finding }) => `${finding?.kind ?? verdict} ${finding ? "" : detail} ${finding?.sides.map(({ context, site }) => `${context}/${site}`).sort().join()}`).sort();
  };

  test.each(readdirSync(new URL("../litmus/", import.meta.url)).filter((name) => name.endsWith(".c")))("%s", async (file) => {
    for (const one of await casesOf(sourceOf(`litmus/${file}`))) {
      for (const preemptions of [1, 2]) expect(kinds(one, true, preemptions), one.name).toEqual(kinds(one, false, preemptions));
    }
  });

  test("memory that is freed while another is about to use it", async () => {
    const [one] = await casesOf(inline(`
      u32 stopped;
      static void use(uintptr_t arg) { u8 *p = (u8 *)arg; if (!STP_READ(stopped)) { STP_READ(p[0]);
        STP_READ(p[1]); } }
      static void release(uintptr_t arg) { STP_WRITE(stopped, 1); stp_free((void *)arg); }
      STP_CASE(freed) { uintptr_t p = (uintptr_t)stp_sim_calloc(2); stp_task(0, use, p); stp_task(1, release, p); }`));
    expect(kinds(one!, false, 1)).toHaveLength(2);
    expect(kinds(one!, true, 1)).toEqual(kinds(one!, false, 1));
  });

  test("a lock that is taken and a CPU that is asked for matter", async () => {
    const [moved] = await casesOf(inline(`
      u32 slots[2];
      static void use(uintptr_t arg) { u32 cpu = stp_raw_cpu(); slots[cpu] = slots[cpu] + 1; }
      STP_CASE(moved) { stp_owned_by(&slots[0], 4, 0); stp_owned_by(&slots[1], 4, 1); stp_migrating_task(0, use, 0); stp_irq(1, use, 0); }`));
    expect(kinds(moved!, false, 1).length).toBeGreaterThan(0);
    expect(kinds(moved!, true, 1)).toEqual(kinds(moved!, false, 1));
  });

  test("and makes fewer runs where contexts have memory of their own", async () => {
    const [one] = await casesOf(inline(`
      u32 own[2][16], both;
      static void work(uintptr_t n) { for (int i = 0; i < 16; i++) STP_WRITE(own[n][i], STP_READ(own[n][i]) + 1); __atomic_fetch_add(&both, 1, __ATOMIC_RELAXED); }
      STP_CASE(apart) { stp_task(0, work, 0); stp_task(1, work, 1); }`));
    const full = search(one!, { preemptions: 1, delays: 0 });
    const fewer = search(one!, { preemptions: 1, delays: 0, reduced: true });
    expect(full.schedules).toBe(2 + 2 * 32);
    expect(fewer.schedules).toBeLessThan(10);
    expect(fewer.exhaustive).toBe(true);
  });
});

test("a schedule with a hold, a move and a spinner does the same each time", () => {
  const one = cases.get("moving")!;
  for (const schedule of ["T0:2 T0@1:3 T1:* T0", "T0@1:2 d#0 I2:* T0@0"]) {
    const [first, second] = [1, 2].map(() => seen(one, runSchedule(one.course, schedule)));
    expect(first).toEqual(second);
  }
  expect(replay(cases.get("three_waiters")!, "T0:~ T3:* d#0 T1:~ T2:~ T0:*")).toBeUndefined();
});
