/** Random schedules: they find what there is to find, and each is reproduced by the seed, and by its string. */
import { describe, expect, test } from "vitest";
import { casesOf, caseOf, inline, replay, sourceOf } from "../testing.ts";
import { runSchedule, type Outcome } from "../run.ts";
import { formatSchedule } from "../schedule.ts";
import type { ExploredCase } from "../explored.ts";
import { explore, type ExploreResult } from "./explore.ts";
import { createDraw, pct, uniform, type RandomOptions } from "./random.ts";

const POLICIES = { pct, uniform } as const;
type PolicyName = keyof typeof POLICIES;
const NAMES = Object.keys(POLICIES) as PolicyName[];

/** Every bug of the corpus is found in that many runs with that seed. */
const RUNS = 500;
const SEED = 1;
const CHANGES = 3;

const FILES = ["lost_update", "irq_counter", "nested_buffer", "irq_lock", "lock_order", "migration", "freelist_aba", "torn_value", "publication", "seqlock", "missed_wakeup", "teardown"];

function randomly({ course, check }: ExploredCase, policy: PolicyName, options: Partial<RandomOptions> = {}): ExploreResult {
  return explore({ course, check, explorer: POLICIES[policy]({ runs: RUNS, seed: SEED, changes: CHANGES, ...options }) });
}

function schedulesOf({ course }: ExploredCase, policy: PolicyName, options: Partial<RandomOptions> = {}): string[] {
  const schedules: string[] = [];
  POLICIES[policy]({ runs: 100, seed: SEED, changes: CHANGES, ...options })(course, ({ steps }) => (schedules.push(formatSchedule(steps)), true));
  return schedules;
}

describe.each(NAMES)("%s", (policy) => {
  test.each(FILES)(`finds the bug of %s in ${RUNS} runs with seed ${SEED}, and nothing in the repair`, async (file) => {
    const [cases, fresh] = [await casesOf(sourceOf(`litmus/${file}.c`), { races: false }), await casesOf(sourceOf(`litmus/${file}.c`), { races: false })];
    cases.forEach((one, index) => {
      const { failures, failed, schedules } = randomly(one, policy);
      expect(schedules).toBe(RUNS);
      if (!one.name.startsWith("buggy")) return expect(failures).toEqual([]);
      expect(failed, one.name).toBeGreaterThan(0);
      for (const failure of failures) expect(replay(fresh[index]!, failure.schedule), failure.schedule).toMatchObject({ verdict: failure.verdict, detail: failure.detail });
      return undefined;
    });
  });

  test("makes the same runs with the same seed, and others with another", async () => {
    const one = await caseOf(sourceOf("litmus/seqlock.c"), "repaired");
    const first = schedulesOf(one, policy);
    expect(schedulesOf(one, policy)).toEqual(first);
    expect(schedulesOf(one, policy, { seed: 2 })).not.toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(10);
  });

  test("each run is what its schedule makes, holds and moves included", async () => {
    for (const [file, token] of [["seqlock", "d#"], ["migration", "@"]] as const) {
      const [ones, twins] = [await casesOf(sourceOf(`litmus/${file}.c`)), await casesOf(sourceOf(`litmus/${file}.c`))];
      const seen: string[] = [];
      for (const [index, one] of ones.entries()) {
        const twin = twins[index]!;
        const state = ({ verdict, detail, contexts, steps }: Outcome, hash: number): unknown => ({ verdict, detail, hash, events: contexts.map(({ accesses }) => accesses), schedule: formatSchedule(steps) });
        POLICIES[policy]({ runs: 200, seed: 5, changes: CHANGES })(one.course, (outcome) => {
          const schedule = formatSchedule(outcome.steps);
          seen.push(schedule);
          const again = runSchedule(twin.course, schedule);
          expect(state(again, twin.course.watch!.hash)).toEqual(state(outcome, one.course.watch!.hash));
          return true;
        });
      }
      expect(seen.some((schedule) => schedule.includes(token)), token).toBe(true);
    }
  });

  test("stops when it is told that it is enough", async () => {
    const { course } = await caseOf(sourceOf("litmus/seqlock.c"), "repaired");
    let runs = 0;
    expect(POLICIES[policy]({ runs: 50, seed: 1, changes: 1 })(course, () => ++runs < 5)).toBe(false);
    expect(runs).toBe(5);
  });

  test("without changes, contexts run whole, in more than one order", async () => {
    const one = await caseOf(inline(`
      u32 a;
      static void add(uintptr_t unused) { a = a + 1; }
      STP_CASE(three) { stp_task(0, add, 0); stp_task(0, add, 0); stp_task(0, add, 0); }`));
    const schedules = new Set(schedulesOf(one, policy, { changes: 0 }));
    expect(schedules.size).toBe(6);
    for (const schedule of schedules) expect(schedule).toMatch(/^T\d:\* T\d:\* T\d:\*$/);
  });

  test("a deadlock of three is one, whatever is drawn", async () => {
    const one = await caseOf(inline(`
      u32 never;
      static void wait(uintptr_t unused) { while (!STP_READ(never)) stp_relax(); }
      STP_CASE(stuck) { stp_task(0, wait, 0); stp_task(1, wait, 0); stp_migrating_task(1, wait, 0); }`));
    expect(randomly(one, policy, { runs: 20 })).toMatchObject({ failed: 20, failures: [{ verdict: "deadlock" }] });
  });
});

test("a draw is below its limit, reaches all of it, and is the seed's", () => {
  const [one, two] = [createDraw(3), createDraw(3)];
  const drawn = Array.from({ length: 1000 }, () => one(7));
  expect(drawn).toEqual(Array.from({ length: 1000 }, () => two(7)));
  expect(new Set(drawn)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
});
