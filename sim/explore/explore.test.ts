/** The exploration: what it counts, keeps, doubles, and when it stops. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import type { Course } from "../run.ts";
import { casesOf, inline, sourceOf, caseOf } from "../testing.ts";
import type { Finding } from "../watch/finding.ts";
import { depthFirst } from "./depth-first.ts";
import { DOUBLED_EVERY, explore, FAILURES_MAX } from "./explore.ts";

const SOURCE = inline(`
u32 a, b, clock;
static void count(uintptr_t n) { for (u32 i = 0; i < n; i++) STP_WRITE(a, STP_READ(a) + 1); }
static void look_at_clock(uintptr_t n) { for (u32 i = 0; i < n; i++) { STP_WRITE(clock, stp_time_ns()); STP_READ(clock); } }
static void fail_at(uintptr_t n) { for (u32 i = 0; i < n; i++) STP_READ(b); stp_assert(n == 99); }
static void nothing(uintptr_t n) { }
STP_CASE(counting) { stp_task(0, count, 15); stp_task(1, count, 15); }
STP_CASE(clocks) { stp_task(0, look_at_clock, 15); stp_task(1, look_at_clock, 15); }
STP_CASE(failing) { stp_task(0, fail_at, 3); stp_task(1, nothing, 0); }
`);

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE)) cases.set(one.name, one);
});

const explorer = depthFirst({ preemptions: 1, delays: 0 });
const fine = (): undefined => undefined;

describe("counting", () => {
  test("all runs, failed ones, and that it was all", () => {
    const { course } = cases.get("counting")!;
    let runs = 0;
    const result = explore({ course, explorer, check: () => (++runs % 3 === 0 ? "every third" : undefined) });
    expect(result).toMatchObject({ schedules: 2 + 2 * 29, failed: 20, exhaustive: true, failures: [{ verdict: "completed", detail: "every third" }] });
  });

  test("runs_max ends it, and it was not all; unless it was", () => {
    const { course } = cases.get("counting")!;
    expect(explore({ course, explorer, check: fine, runs_max: 7 })).toMatchObject({ schedules: 7, exhaustive: false });
    expect(explore({ course, explorer, check: fine, runs_max: 61 })).toMatchObject({ schedules: 60, exhaustive: true });
  });

  test("first ends it at the first failure", () => {
    const { course } = cases.get("counting")!;
    let runs = 0;
    expect(explore({ course, explorer, check: () => (++runs === 4 ? "the fourth" : undefined), first: true })).toMatchObject({ schedules: 4, failed: 1, exhaustive: false });
  });

  test("progress is told each run", () => {
    const told: number[] = [];
    explore({ course: cases.get("counting")!.course, explorer, check: fine, progress: (runs) => told.push(runs) });
    expect(told).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  });

  test("a run that broke a law is not checked", () => {
    const { course } = cases.get("failing")!;
    const result = explore({ course, explorer: depthFirst({ preemptions: 0 }), check: () => "checked" });
    expect(result.failures).toMatchObject([{ verdict: "broken", finding: { kind: "assertion" } }]);
    expect(result.failed).toBe(result.schedules);
  });
});

describe("keeping", () => {
  const failWith = (make: (run: number) => string | { detail: string; finding: Finding }): string[] => {
    let runs = 0;
    return explore({ course: cases.get("counting")!.course, explorer, check: () => make(runs++) }).failures.map(({ detail }) => detail);
  };
  const finding = (kind: Finding["kind"], ...sites: number[]): Finding => ({ kind, detail: "", sides: sites.map((site) => ({ context: "T0", cpu: 0, site, caller: 0, what: "" })) });

  test("of those that differ in numbers only, the first", () => {
    expect(failWith((run) => `counter is ${run}`)).toEqual(["counter is 0"]);
    expect(failWith((run) => (run % 2 ? "odd" : "even"))).toEqual(["even", "odd"]);
  });

  test("of those with the same kind and places, in whichever order, the first", () => {
    expect(failWith((run) => ({ detail: `run ${run}`, finding: finding("race", ...(run % 2 ? [1, 2] : [2, 1])) }))).toEqual(["run 0"]);
    expect(failWith((run) => ({ detail: `run ${run}`, finding: finding("race", 1, run % 3) }))).toEqual(["run 0", "run 1", "run 2"]);
    expect(failWith((run) => ({ detail: `run ${run}`, finding: finding(run % 2 ? "race" : "memory", 1) }))).toEqual(["run 0", "run 1"]);
  });

  test(`at most ${FAILURES_MAX}, and all are counted`, () => {
    let runs = 0;
    const result = explore({ course: cases.get("counting")!.course, explorer, check: () => "x".repeat(++runs) });
    expect(result.failures).toHaveLength(FAILURES_MAX);
    expect(result.failed).toBe(60);
  });
});

describe("doubling", () => {
  /** The same course, but time begins elsewhere in every other run. */
  function moody(course: Course, every = 2): Course {
    let runs = 0;
    return {
      ...course,
      prepare: () => {
        const contexts = course.prepare();
        if (++runs % every === 0) course.machine.idleUntil(1000);
        return contexts;
      },
    };
  }

  test("a course that is not deterministic is reported, with a schedule", () => {
    const { course } = cases.get("clocks")!;
    const { failures, failed } = explore({ course: moody(course), explorer, check: fine });
    expect(failed).toBe(1);
    expect(failures[0]).toMatchObject({ verdict: "completed", detail: "The machine is not deterministic: the same schedule ran otherwise the second time (completed)" });
    expect(failures[0]!.schedule).toMatch(/^T\d/);
  });

  test("one that is deterministic is not", () => {
    const { course } = cases.get("clocks")!;
    expect(explore({ course, explorer, check: fine })).toMatchObject({ schedules: 60, failed: 0 });
    expect(explore({ course: moody(cases.get("counting")!.course), explorer, check: fine }), "nobody looks at the clock").toMatchObject({ failed: 0 });
  });

  test(`every ${DOUBLED_EVERY}th run is made twice, and counted once`, () => {
    const { course } = cases.get("counting")!;
    let prepared = 0;
    const counted: Course = { ...course, prepare: () => (prepared++, course.prepare()) };
    const once = explore({ course: counted, explorer, check: fine, runs_max: DOUBLED_EVERY - 1 });
    const before = prepared;
    prepared = 0;
    expect(explore({ course: counted, explorer, check: fine, runs_max: DOUBLED_EVERY })).toMatchObject({ schedules: once.schedules + 1, failed: 0 });
    expect(prepared - before).toBe(2); // the run itself, and again
  });

  test("a failing run is not doubled away", () => {
    const { course } = cases.get("counting")!;
    expect(explore({ course, explorer, check: () => "bad" })).toMatchObject({ failed: 60, failures: [{ detail: "bad" }] });
  });

  test("the litmus cases are deterministic, each run doubled by the visitor", async () => {
    const one = await caseOf(sourceOf("litmus/seqlock.c"), "repaired");
    expect(explore({ course: one.course, check: one.check, explorer: depthFirst({ preemptions: 3 }) })).toMatchObject({ failed: 0 });
  });
});
