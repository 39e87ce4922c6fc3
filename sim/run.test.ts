/** Runs: what each token of a schedule does, what is illegal and how it is said, what ends a run. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "./explored.ts";
import { Run, runSchedule, SPIN_ROUNDS_MAX, type Outcome } from "./run.ts";
import { formatSchedule } from "./schedule.ts";
import { casesOf } from "./testing.ts";

const SOURCE = `
static u32 counter, flag, never, order;

/* Two events. */
static void add(uintptr_t unused) { STP_WRITE(counter, STP_READ(counter) + 1); }

static void add_with_interrupts_off(uintptr_t unused)
{
	unsigned long flags = stp_irq_save();

	add(0);
	stp_irq_restore(flags);
}

static void add_with_preemption_off(uintptr_t unused)
{
	stp_preempt_disable();
	add(0);
	stp_preempt_enable();
}

static void wait(uintptr_t unused)
{
	while (!STP_READ(flag))
		stp_relax();
}

static void set(uintptr_t unused)
{
	add(0);
	STP_WRITE(flag, 1);
	add(0);
}

static void wait_for_ever(uintptr_t unused)
{
	while (!STP_READ(never))
		stp_relax();
}

static void fail(uintptr_t unused) { stp_assert(STP_READ(never)); }

/* In which order contexts end: a decimal digit each. */
static void say(uintptr_t digit) { STP_WRITE(order, STP_READ(order) * 10 + digit); }

STP_CASE(adders) { stp_task(0, add, 0); stp_task(1, add, 0); stp_irq(0, add, 0); }
STP_CASE(closed) { stp_task(0, add_with_interrupts_off, 0); stp_irq(0, add, 0); stp_task(0, add, 0); }
STP_CASE(pinned) { stp_task(0, add, 0); stp_migrating_task(0, add_with_preemption_off, 0); stp_irq(0, add, 0); stp_task(1, add, 0); }
STP_CASE(waiter) { stp_task(0, wait, 0); stp_task(1, set, 0); }
STP_CASE(stuck) { stp_task(0, wait_for_ever, 0); stp_task(1, wait_for_ever, 0); stp_task(2, wait_for_ever, 0); }
STP_CASE(broken) { stp_task(0, wait_for_ever, 0); stp_task(1, fail, 0); stp_task(2, add, 0); stp_task(3, add, 0); }
STP_CASE(timers) { stp_task(0, say, 1); stp_timer(0, 50, say, 2); stp_timer(0, 20, say, 3); }
STP_CASE(three) { stp_task(0, say, 1); stp_task(1, say, 2); stp_task(2, say, 3); }
`;

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE, { races: false })) cases.set(one.name, one);
});

const run = (name: string, schedule: string): Outcome => runSchedule(cases.get(name)!.course, schedule);
const accesses = ({ contexts }: Outcome): number[] => contexts.map((context) => context.accesses);

describe("what a schedule says is done", () => {
  test("an empty schedule runs the contexts to their ends, in their order", () => {
    expect(run("three", "")).toMatchObject({ verdict: "completed", detail: "" });
    expect(formatSchedule(run("three", "").steps)).toBe("T0:* T1:* T2:*");
    expect(formatSchedule(run("three", "T2").steps)).toBe("T2:* T0:* T1:*");
  });

  test("the steps of an outcome are a schedule that does the same", () => {
    for (const [name, schedule] of [["adders", "T1:2 T0:2 I2:1 T1:* I2:* T0"], ["waiter", "T0:~ T1:3 T0:2"], ["pinned", "T1:2 T0:2 T1@1:3 I2"], ["timers", "I1:1 T0:2"]] as const) {
      const { course } = cases.get(name)!;
      const first = run(name, schedule);
      const hash = course.watch!.hash;
      const again = run(name, formatSchedule(first.steps));
      expect(again, schedule).toMatchObject({ verdict: first.verdict, steps: first.steps });
      expect(course.watch!.hash, schedule).toBe(hash);
    }
  });

  test("going on with the same context is no step of its own", () => {
    expect(formatSchedule(run("adders", "T0:1 T0:2 T0 T1:1 T1").steps)).toBe("T0:* T1:* I2:*");
  });

  test(":~ runs a context until it waits; it goes on when others have helped it", () => {
    const outcome = run("waiter", "T0:~ T1:4 T0");
    expect(outcome.verdict).toBe("completed");
    expect(formatSchedule(outcome.steps)).toBe("T0:~ T1:4 T0 T1");
    expect(accesses(outcome)).toEqual([2, 5]);
  });

  test("a context that waits lets the others run until it can go on, even against the schedule", () => {
    expect(formatSchedule(run("waiter", "T0:* T1:5").steps)).toBe("T0:~ T1:* T0 T1:5");
    expect(run("waiter", "T0:* T1:5")).toMatchObject({ verdict: "illegal", obstacle: "ended" }); // it was helped to its end
    expect(run("waiter", "T0:*").verdict).toBe("completed");
    expect(run("waiter", "T0:* T1:*").verdict, "it was helped to its end before").toBe("completed");
  });

  test("@ moves a task, before it has begun, where it stands, and once more", () => {
    const cpusOf = (schedule: string): unknown => {
      const outcome = run("pinned", schedule);
      return outcome.verdict === "completed" ? [outcome.contexts[1]!.cpu, formatSchedule(outcome.steps)] : outcome.obstacle;
    };
    expect(cpusOf("T1@1")).toEqual([1, "T1@1:* T0:* I2:* T3:*"]);
    expect(cpusOf("T1:1 T1@1")).toEqual([1, "T1:1 T1@1 T0:* I2:* T3:*"]);
    expect(cpusOf("T1:1 T1@1:2 T0 T1")).toEqual([1, "T1:1 T1@1:2 T0:* T1 I2:* T3:*"]);
    expect(cpusOf("T1:1 T1@1:1 T1@0:1 T1@1:1 T1@0")).toEqual([0, "T1:1 T1@1:1 T1@0:1 T1@1:1 T1@0 T0:* I2:* T3:*"]);
    expect(cpusOf("T1@0:1 T1@1:2 T1@0")).toBe("pinned");
  });

  test("a timer that a schedule names is waited for; else it comes when its time has", () => {
    const late = run("timers", "");
    expect(formatSchedule(late.steps)).toBe("T0:* I2:* I1:*");
    expect(run("timers", "I1:* T0:2 I2:*")).toMatchObject({ verdict: "completed" });
    expect(cases.get("timers")!.course.machine.elapsed_ns).toBeGreaterThanOrEqual(50);
  });
});

describe("what is illegal", () => {
  test.each([
    ["adders", "T7:1", "unknown", "No context is called T7"],
    ["adders", "T0:3", "past-end", "T0 ended after 2 events, before its event 3"],
    ["adders", "T0:2 T1:* T0:1", "behind", "T0 cannot run: it is already past that event"],
    ["adders", "T0:* T0:1", "ended", "T0 cannot run: it has ended"],
    ["adders", "T0:2 I2:1 T0:*", "interrupted", "T0 cannot run: what interrupted it has not ended"],
    ["adders", "I2:1 T0:1", "interrupted", "T0 cannot run: what interrupted it has not ended"],
    ["closed", "T0:2 I1:*", "irq-off", "I1 cannot run: interrupts are off on its CPU"],
    ["closed", "T0:2 T2:*", "preempt-off", "T2 cannot run: another task of its CPU may not be switched away from"],
    ["pinned", "T0@1", "pinned", "T0 cannot run: it may not be moved to another CPU there"],
    ["pinned", "T1:2 T1@1", "pinned", "T1 cannot run: it may not be moved to another CPU there"],
    ["pinned", "T1@2", "pinned", "T1 cannot run: it may not be moved to another CPU there"], // nothing of the case is there
    ["pinned", "T1@64", "pinned", "T1 cannot run: it may not be moved to another CPU there"],
    ["pinned", "T1:1 I2:1 T1@1", "interrupted", "T1 cannot run: what interrupted it has not ended"],
    ["adders", "T0:2 d#0", "no-hold", "Store 0 of T0 cannot be held back there"],
    ["adders", "T0:* d#1", "no-hold", "Store 1 of T0 cannot be held back there"],
  ] as const)("%s: %s is %s", (name, schedule, obstacle, detail) => {
    expect(run(name, schedule)).toMatchObject({ verdict: "illegal", obstacle, detail });
  });

  test("a schedule that is no schedule throws the parser's sentence", () => {
    expect(() => run("adders", "T0:2 Q1")).toThrow('Bad step "Q1" at column 6');
  });

  test("nothing runs after the illegal step", () => {
    expect(accesses(run("adders", "T0:2 T7 T1"))).toEqual([2, 0, 0]);
  });

  test("an interrupt in the middle of which its schedule ends is ended first", () => {
    const outcome = run("adders", "T0:2 I2:2");
    expect(outcome.verdict).toBe("completed");
    expect(formatSchedule(outcome.steps)).toBe("T0:2 I2:2 T1:* I2 T0");
  });
});

describe("what ends a run", () => {
  test("a deadlock of three is found in so many rounds, and its schedule has each of them once", () => {
    const outcome = run("stuck", "");
    expect(outcome).toMatchObject({ verdict: "deadlock", detail: "All that may run spin (T0, T1, T2), and nothing that they wait for can change" });
    expect(formatSchedule(outcome.steps)).toBe("T0:~ T1:~ T2:~");
    expect(accesses(outcome)).toEqual([1, 1, 1].map(() => SPIN_ROUNDS_MAX + 1));
    expect(run("stuck", formatSchedule(outcome.steps))).toMatchObject({ verdict: "deadlock" });
  });

  test("a finding of one that helps a spinner ends the run, whoever could still run", () => {
    for (const schedule of ["T0:*", "T0:1", "T0:~", "T2:2 T0:*", ""]) {
      const outcome = run("broken", schedule);
      expect(outcome, schedule).toMatchObject({ verdict: "broken", finding: { kind: "assertion" }, detail: "T1 finds that STP_READ(never) does not hold" });
    }
  });

  test("after a run is over nothing is taken any more", () => {
    const run_ = new Run(cases.get("broken")!.course);
    expect(run_.advance(run_.contexts[1]!, "end")).toBe("over");
    expect(run_.isOver).toBe(true);
    expect(run_.advance(run_.contexts[2]!, "end")).toBe("over");
    expect(run_.stir()).toBeUndefined();
    expect(run_.finish()).toMatchObject({ verdict: "broken" });
    expect(run_.contexts[2]!.accesses).toBe(0);
  });
});

describe("forks", () => {
  test("a run goes back to a fork as often as it is asked, with its steps and who spins", () => {
    const run_ = new Run(cases.get("waiter")!.course);
    const [waiter, setter] = run_.contexts;
    expect(run_.advance(waiter!, "end")).toBe("spinning");
    run_.advance(setter!, 3);
    const fork = run_.fork();
    const endings = [1, 2].map(() => {
      run_.back(fork);
      expect(run_.runnable().map(({ name }) => name)).toEqual(["T0", "T1"]); // counter has changed: it may look again
      run_.advance(waiter!, "end");
      expect(run_.runnable().map(({ name }) => name)).toEqual(["T1"]);
      return formatSchedule(run_.finish().steps);
    });
    expect(endings).toEqual(["T0:~ T1:3 T0:~ T1 T0", "T0:~ T1:3 T0:~ T1 T0"]);
  });

  test("another run of the course in between does not disturb it", () => {
    const { course } = cases.get("adders")!;
    const run_ = new Run(course);
    const contexts = run_.contexts;
    run_.advance(contexts[0]!, 2);
    const fork = run_.fork();
    const first = run_.finish();
    const hash = course.watch!.hash;
    runSchedule(course, "I2:2 T1:2 I2");
    run_.back(fork);
    expect(run_.finish().steps).toEqual(first.steps);
    expect(course.watch!.hash).toBe(hash);
  });
});
