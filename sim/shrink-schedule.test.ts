/** shrinkSchedule: on made-up failures, whose least schedule is known. */
import { expect, test } from "vitest";
import { formatSchedule, parseSchedule, SCHEDULE_STEPS_MAX, type ScheduleStep } from "./schedule.ts";
import { preemptionsOf, shrinkSchedule, SHRINK_TRIES_MAX, type ScheduleFails } from "./shrink-schedule.ts";

/** Steps that nobody needs, each further on than the last of its context. */
const noise = (count: number): ScheduleStep[] => Array.from({ length: count }, (_, index) => ({ context: `S${index % 5}`, until: 10 + index }));

const shrunk = (text: string, fails: ScheduleFails): string => formatSchedule(shrinkSchedule(parseSchedule(text), fails));

/** Is true if T0 is stopped at an access for which `window` holds, and I1 runs there. */
const interruptedWhere = (window: (access: number) => boolean): ScheduleFails => (steps) =>
  steps.some(({ context, until }, index) => context === "T0" && typeof until === "number" && window(until) && steps[index + 1]?.context === "I1");

test("a failure that needs one interruption in a window leaves that, at the first access of the window", () => {
  const steps = [...noise(200), { context: "T0", until: 57 }, { context: "I1", until: "end" as const }, ...noise(300)];
  const least = shrinkSchedule(steps, interruptedWhere((access) => access >= 40 && access < 90));
  expect(formatSchedule(least)).toBe("T0:40 I1:*");
});

test.each([
  ["one of the first accesses", 7],
  ["an access a little below all the others", 50],
])("a failure at scattered accesses leaves %s", (_, least) => {
  expect(shrunk("T0:100 I1:*", interruptedWhere((access) => access === least || access >= 60))).toBe(`T0:${least} I1:*`);
});

test("two goes of one context are merged, with what ran between left out", () => {
  const fails: ScheduleFails = (steps) => ["T0:5 T1:*", "T0:2 T2:1 T3:1 T4:1 T0:5 T1:*"].includes(formatSchedule(steps));
  expect(shrunk("T0:2 T2:1 T3:1 T4:1 T0:5 T1:*", fails)).toBe("T0:5 T1:*");
});

test("two goes of one context are merged before what ran between, if that is needed", () => {
  const fails: ScheduleFails = (steps) => ["T0:5 T2:1 T1:*", "T0:2 T2:1 T0:5 T1:*"].includes(formatSchedule(steps));
  expect(shrunk("T0:2 T2:1 T0:5 T1:*", fails)).toBe("T0:5 T2:1 T1:*");
});

test("a step that only takes back another one goes together with it", () => {
  const fails: ScheduleFails = (steps) => {
    const names = steps.map(({ context }) => context);
    return names.includes("T0") && names.includes("S1") === names.includes("S2");
  };
  expect(shrunk("S1:1 T0:1 T3:1 S2:1", fails)).toBe("T0:1");
});

test("a context that may run to its end where it was left does", () => {
  const inOrder: ScheduleFails = (steps) => steps.map(({ context }) => context).join() === "T0,T1,T2";
  const least = shrinkSchedule(parseSchedule("T0:5 T1:3 T2:*"), inOrder);
  expect(preemptionsOf(least)).toBe(0);
});

test("what else a step carries is dropped unless it is needed", () => {
  const fields = (steps: readonly ScheduleStep[]): unknown[] => steps.map(({ context: _, until: __, ...rest }) => rest);
  const steps = parseSchedule("T0@1:2 d#3 T1@2:4 d#1 T0");
  const needsHold: ScheduleFails = (candidate) => candidate.length === 3 && candidate[0]!.hold !== undefined && candidate[1]!.cpu === 2;
  expect(fields(shrinkSchedule(steps, needsHold))).toEqual([{ hold: { kind: "d", store: 3 } }, { cpu: 2 }, {}]);
  expect(fields(shrinkSchedule(steps, (candidate) => candidate.length === 3))).toEqual([{}, {}, {}]);
});

test("an access is not moved behind one at which the context was left before", () => {
  const tried: string[] = [];
  const fails: ScheduleFails = (steps) => {
    tried.push(formatSchedule(steps));
    return steps.length === 4 && steps[0]!.until === 5 && steps[1]!.until === "end" && typeof steps[2]!.until === "number";
  };
  expect(shrunk("T0:5 T1:* T0:9 T2:*", fails)).toBe("T0:5 T1:* T0:6 T2:*");
  expect(tried).not.toContain("T0:5 T1:* T0:5 T2:*");
});

test("a schedule of which nothing can go is given back itself", () => {
  const steps = parseSchedule("T0:20 d#1 I1:* T0:40 T1@1:~ T0");
  expect(shrinkSchedule(steps, () => false)).toBe(steps);
  expect(shrinkSchedule(steps, (candidate) => formatSchedule(candidate) === formatSchedule(steps))).toEqual(steps);
});

test("a failure that needs no schedule leaves none", () => {
  expect(shrinkSchedule(noise(1000), () => true)).toEqual([]);
});

test("the same schedule and predicate give the same result, which was seen to fail", () => {
  const seen = new Set<string>();
  const fails: ScheduleFails = (steps) => {
    const does = steps.filter(({ context }) => context === "S1").length >= 3;
    if (does) seen.add(formatSchedule(steps));
    return does;
  };
  const [once, again] = [shrinkSchedule(noise(60), fails), shrinkSchedule(noise(60), fails)];
  expect(once).toHaveLength(3);
  expect(again).toEqual(once);
  expect(seen.has(formatSchedule(once))).toBe(true);
});

test("no more than tries_max schedules are tried, also of the longest, and then soon ended", { timeout: 20_000 }, () => {
  let tries = 0;
  const steps = noise(SCHEDULE_STEPS_MAX);
  const stubborn: ScheduleFails = (candidate) => {
    tries++;
    return candidate.length === steps.length;
  };
  expect(shrinkSchedule(steps, stubborn, 100)).toBe(steps);
  expect(tries).toBe(100);
  tries = 0;
  shrinkSchedule(noise(3000), stubborn);
  expect(tries).toBe(SHRINK_TRIES_MAX);
});

test.each([
  ["T0:2 I1:* T0", 1],
  ["T0:2 T1:3 T0:4 T1", 3],
  ["T0:2 T0:4 T1", 1],
  ["T0:~ T1:*", 0],
  ["T0:2", 0],
  ["T0:* T1:*", 0],
  ["", 0],
])("preemptionsOf %j is %i", (text, count) => {
  expect(preemptionsOf(parseSchedule(text))).toBe(count);
});
