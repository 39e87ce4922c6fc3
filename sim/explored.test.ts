/** An explored C file: how it is compiled, what its cases are, and how its mistakes are told. */
import { describe, expect, test } from "vitest";
import { runtimeSources } from "../spec/runtime.ts";
import { compileExplored, exploredCases } from "./explored.ts";
import { runSchedule } from "./run.ts";
import { readSite } from "./sites.ts";
import { caseOf, casesOf, inline, lineOf, replay, search } from "./testing.ts";

const RUNTIME = runtimeSources("wasm32");

describe("compiling", () => {
  test.each(["broken.c", "../elsewhere/broken.c", "/tmp/a b/broken.c"])("clang's message names %s as it was given, and its line", async (path) => {
    const text = "#include <stp_explore.h>\nstatic void f(void)\n{\n\treturn 1 +;\n}\n";
    await expect(compileExplored({ path, text }, { runtime: RUNTIME })).rejects.toThrow(`${path}:4:12: error: expected expression`);
  });

  test("a symbol that is nowhere is named", async () => {
    const text = "#include <stp_explore.h>\nextern void nowhere(uintptr_t);\nSTP_CASE(one) { stp_task(0, nowhere, 0); stp_task(1, nowhere, 0); }\n";
    await expect(compileExplored({ path: "one.c", text }, { runtime: RUNTIME })).rejects.toThrow("nowhere");
  });

  test("at each level the same case has the same events of its volatile accesses", async () => {
    const source = inline("u32 a; static void f(uintptr_t n) { STP_WRITE(a, STP_READ(a) + n); } STP_CASE(one) { stp_task(0, f, 1); stp_task(0, f, 2); }");
    for (const level of ["-O0", "-O1", "-O2"] as const) {
      const one = await caseOf(source, "one", {}, level);
      expect(runSchedule(one.course, "").contexts.map(({ accesses }) => accesses), level).toEqual([2, 2]);
    }
  });

  test("a site names the file as it was given where that is possible", async () => {
    const source = { ...inline("u32 a; static void f(uintptr_t n) { stp_assert(STP_READ(a)); }\nSTP_CASE(one) { stp_task(0, f, 1); stp_task(1, f, 2); }"), path: "some/dir/file.c" };
    const one = await caseOf(source);
    const { finding } = replay(one, "")!;
    expect(readSite(one.course.machine.instance, finding!.sides[0]!.site)).toMatchObject({ path: "some/dir/file.c", line: lineOf(source, "stp_assert(STP_READ(a))"), function: "f" });
  });
});

describe("cases", () => {
  const SOURCE = inline(`
    static u32 set_up_times, value;
    static void count(uintptr_t n) { STP_WRITE(value, STP_READ(value) + n); }
    static void value_is_ten(void) { stp_assert(value == 10); }
    static void trap(void) { __builtin_trap(); }
    static void never(void) { while (1) STP_READ(value); }
    static void wait(void) { while (1) stp_relax(); }
    static void overrun(void) { STP_WRITE(*(u32 *)16, 1); }
    STP_CASE(of_all_levels) { set_up_times++; stp_task(2, count, 1); stp_softirq(0, count, 2); stp_irq(1, count, 3); stp_nmi(1, count, 4); stp_finally(value_is_ten); }
    STP_CASE(moving_and_timed) { set_up_times++; stp_migrating_task(0, count, 0); stp_timer(1, 500, count, 0); stp_assert(set_up_times == 1); }
    STP_CASE(wrong_at_the_end) { stp_task(0, count, 1); stp_task(0, count, 2); stp_finally(value_is_ten); }
    STP_CASE(traps_at_the_end) { stp_task(0, count, 1); stp_task(0, count, 2); stp_finally(trap); }
    STP_CASE(hangs_at_the_end) { stp_task(0, count, 1); stp_task(0, count, 2); stp_finally(never); }
    STP_CASE(waits_at_the_end) { stp_task(0, count, 1); stp_task(0, count, 2); stp_finally(wait); }
    STP_CASE(looks_anywhere_at_the_end) { stp_task(0, count, 1); stp_task(0, count, 2); stp_finally(overrun); }
  `);

  test("they stand in their order, each with its contexts, and on a machine of its own", async () => {
    const cases = await casesOf(SOURCE);
    expect(cases.map(({ name }) => name)).toEqual(["of_all_levels", "moving_and_timed", "wrong_at_the_end", "traps_at_the_end", "hangs_at_the_end", "waits_at_the_end", "looks_anywhere_at_the_end"]);
    expect(cases[0]!.contexts).toMatchObject([
      { name: "T0", level: "task", cpu: 2, migrates: false, due_ns: 0 },
      { name: "S1", level: "softirq", cpu: 0 },
      { name: "I2", level: "irq", cpu: 1 },
      { name: "N3", level: "nmi", cpu: 1 },
    ]);
    expect(cases[1]!.contexts).toMatchObject([{ name: "T0", level: "task", migrates: true }, { name: "I1", level: "irq", cpu: 1, due_ns: 500 }]);
    expect(new Set(cases.map(({ course }) => course.machine)).size).toBe(cases.length);
  });

  test("every run begins from what the set-up left, whatever the runs before did", async () => {
    const one = await caseOf(SOURCE, "of_all_levels", { races: false });
    for (const schedule of ["", "N3 I2 S1 T0", "S1:* T0:1 N3:*", ""]) expect(replay(one, schedule), schedule).toBeUndefined();
    expect(replay(one, "T0:2 I2:*")?.detail).toMatch("value == 10");
    expect(search(one, { preemptions: 0, delays: 0 })).toMatchObject({ failed: 0, schedules: 24 });
  });

  test.each([
    ["wrong_at_the_end", "completed", "at the end, the check finds that value == 10 does not hold", "assertion"],
    ["traps_at_the_end", "completed", "at the end, the check trapped: unreachable", undefined],
    ["hangs_at_the_end", "completed", "at the end, the check has not ended after", undefined],
    ["waits_at_the_end", "completed", "nothing that they wait for can change", undefined],
  ])("%s: the run was %s, but %s", async (name, verdict, detail, kind) => {
    const failure = replay(await caseOf(SOURCE, name, { races: false }), "");
    expect(failure).toMatchObject({ verdict });
    expect(failure!.detail).toMatch(detail);
    expect(failure!.finding?.kind).toBe(kind);
  });

  test("the last check is nobody's access, and no part of the run", async () => {
    const one = await caseOf(SOURCE, "looks_anywhere_at_the_end", { races: false });
    const outcome = runSchedule(one.course, "");
    const hash = one.course.watch!.hash;
    expect(one.check(outcome)).toBeUndefined();
    expect(one.course.watch!.hash).toBe(hash);
    expect(replay(one, "T0:2 T1:*")).toBeUndefined();
  });

  test("of a file with the same cases compiled twice, the runs are the same", async () => {
    const [one, two] = [await caseOf(SOURCE, "of_all_levels"), await caseOf(SOURCE, "of_all_levels")];
    for (const schedule of ["T0:2 S1:* I2:1 N3:* T0", ""]) {
      expect(runSchedule(one.course, schedule).verdict).toBe(runSchedule(two.course, schedule).verdict);
      expect(one.course.watch!.hash).toBe(two.course.watch!.hash);
    }
  });

  test("a set-up that asserts what does not hold is a broken set-up, not a finding", async () => {
    const wasm = await compileExplored(inline("static void f(uintptr_t n) { }\nSTP_CASE(bad) { stp_assert(0); stp_task(0, f, 0); stp_task(0, f, 0); }"), { runtime: RUNTIME });
    await expect(exploredCases("test.c", wasm)).rejects.toThrow();
  });
});
