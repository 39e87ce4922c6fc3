/** The observers together: the hash of a run, what begins anew, what a fork keeps. */
import { beforeAll, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import { Run, runSchedule } from "../run.ts";
import { casesOf, replay } from "../testing.ts";

const SOURCE = `
u32 a, b;
static void add(uintptr_t n) { STP_WRITE(a, STP_READ(a) + n); }
static void add_to_b(uintptr_t n) { STP_WRITE(b, STP_READ(b) + n); }
static void none(uintptr_t n) { }
static void race_and_overrun(uintptr_t n) { u8 *p = stp_alloc_atomic(4); if (n) a = a + 1; else STP_WRITE(p[4], 1); }
STP_CASE(adders) { stp_task(0, add, 1); stp_task(1, add, 1); }
STP_CASE(other_address) { stp_task(0, add_to_b, 1); stp_task(1, add_to_b, 1); }
STP_CASE(other_value) { a = 5; stp_task(0, add, 1); stp_task(1, add, 1); }
STP_CASE(other_cpu) { stp_task(0, add, 1); stp_task(2, add, 1); }
STP_CASE(nothing) { stp_task(0, none, 1); stp_task(1, none, 1); }
STP_CASE(two_wrongs) { stp_task(0, race_and_overrun, 1); stp_task(1, race_and_overrun, 0); }
`;

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE)) cases.set(one.name, one);
});

function hashOf(name: string, schedule: string): number {
  const { course } = cases.get(name)!;
  runSchedule(course, schedule);
  return course.watch!.hash;
}

test("the hash is the same for the same run, and another for another order, address, value or CPU", () => {
  const first = hashOf("adders", "T0:2 T1:*");
  expect(hashOf("adders", "T0:2 T1:*")).toBe(first);
  const all = [first, hashOf("adders", ""), hashOf("adders", "T1"), hashOf("adders", "T1:2 T0:*"), hashOf("other_address", "T0:2 T1:*"), hashOf("other_value", "T0:2 T1:*"), hashOf("other_cpu", "T0:2 T1:*"), hashOf("nothing", "")];
  expect(new Set(all).size).toBe(all.length);
});

test("a store that is held back is another run", () => {
  expect(hashOf("adders", "T0:* d#0 T1:*")).not.toBe(hashOf("adders", "T0:* T1:*"));
});

test("a run that has gone back to a fork has the hash that it had there", () => {
  const { course } = cases.get("adders")!;
  const run = new Run(course);
  run.advance(run.contexts[0]!, 2);
  const fork = run.fork();
  const before = course.watch!.hash;
  run.advance(run.contexts[1]!, "end");
  expect(course.watch!.hash).not.toBe(before);
  run.back(fork);
  expect(course.watch!.hash).toBe(before);
});

test("a finding in one run is none in the next", () => {
  for (const _ of [1, 2]) expect(replay(cases.get("two_wrongs")!, "T1:*")).toMatchObject({ finding: { kind: "memory" } });
  expect(hashOf("nothing", "")).toBe(hashOf("nothing", ""));
});
