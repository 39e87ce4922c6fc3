/** Locks: their order, who gives them back, and that all are given back. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import type { ExploreFailure } from "../explore/explore.ts";
import { readSite } from "../sites.ts";
import { casesOf, inline, lineOf, replay, search } from "../testing.ts";

const SOURCE = inline(`
static struct stp_spinlock locks[5];
static u32 counter;

static void nest(u32 outer, u32 inner)
{
	stp_spin_lock(&locks[outer]);
	stp_spin_lock(&locks[inner]);
	__atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
	stp_spin_unlock(&locks[inner]);
	stp_spin_unlock(&locks[outer]);
}

static void nested(uintptr_t pair) { nest(pair / 10, pair % 10); }

static void nested_three(uintptr_t unused)
{
	stp_spin_lock(&locks[0]);
	nest(1, 2);
	stp_spin_unlock(&locks[0]);
}

static void try_inner(uintptr_t pair)
{
	stp_spin_lock(&locks[pair / 10]);
	if (stp_spin_trylock(&locks[pair % 10]))
		stp_spin_unlock(&locks[pair % 10]);
	stp_spin_unlock(&locks[pair / 10]);
}

static void one_after_the_other(uintptr_t pair)
{
	stp_spin_lock(&locks[pair / 10]);
	stp_spin_unlock(&locks[pair / 10]);
	stp_spin_lock(&locks[pair % 10]);
	stp_spin_unlock(&locks[pair % 10]);
}

static void unlock_crosswise(uintptr_t pair)
{
	stp_spin_lock(&locks[pair / 10]);
	stp_spin_lock(&locks[pair % 10]);
	stp_spin_unlock(&locks[pair / 10]);
	stp_spin_unlock(&locks[pair % 10]);
}

static void take(uintptr_t lock) { stp_spin_lock(&locks[lock]); }
static void take_and_look(uintptr_t lock) { stp_spin_lock(&locks[lock]); STP_READ(counter); stp_spin_unlock(&locks[lock]); }
static void take_if_free(uintptr_t lock) { stp_spin_trylock(&locks[lock]); }
static void give(uintptr_t lock) { STP_READ(counter); stp_spin_unlock(&locks[lock]); }
static void nothing(uintptr_t unused) { }

static void take_what_is_held(uintptr_t lock)
{
	stp_spin_lock(&locks[lock]);
	STP_WRITE(locks[lock].taken, 0); /* as if it were free */
	stp_spin_lock(&locks[lock]);
	stp_spin_unlock(&locks[lock]);
	stp_spin_unlock(&locks[lock]);
}

STP_CASE(ab_ba) { stp_task(0, nested, 01); stp_task(1, nested, 10); }
STP_CASE(ab_ab) { stp_task(0, nested, 01); stp_task(1, nested, 01); }
STP_CASE(ab_bc_ca) { stp_task(0, nested, 01); stp_task(1, nested, 12); stp_task(2, nested, 20); }
STP_CASE(ab_bc_ac) { stp_task(0, nested, 01); stp_task(1, nested, 12); stp_task(2, nested, 02); }
STP_CASE(abc_ca) { stp_task(0, nested_three, 0); stp_task(1, nested, 20); }
STP_CASE(four) { stp_task(0, nested, 01); stp_task(1, nested, 12); stp_task(2, nested, 23); stp_task(3, nested, 30); }
STP_CASE(branches) { stp_task(0, nested, 01); stp_task(1, nested, 02); stp_task(2, nested, 13); stp_task(3, nested, 23); stp_task(4, nested, 34); }
STP_CASE(try_ba) { stp_task(0, nested, 01); stp_task(1, try_inner, 10); }
STP_CASE(try_both) { stp_task(0, try_inner, 01); stp_task(1, try_inner, 10); }
STP_CASE(not_nested) { stp_task(0, one_after_the_other, 01); stp_task(1, one_after_the_other, 10); }
STP_CASE(crosswise) { stp_task(0, unlock_crosswise, 01); stp_task(1, unlock_crosswise, 01); }
STP_CASE(by_another) { stp_task(0, take_and_look, 0); stp_task(1, give, 0); }
STP_CASE(by_nobody) { stp_task(0, nothing, 0); stp_task(1, give, 0); }
STP_CASE(kept) { stp_task(0, take, 3); stp_task(1, nothing, 0); }
STP_CASE(kept_tried) { stp_task(0, take_if_free, 3); stp_task(1, nothing, 0); }
STP_CASE(twice) { stp_task(0, take_what_is_held, 0); stp_task(1, nothing, 0); }
`.replace(/\b(nested|try_inner|one_after_the_other|unlock_crosswise), 0(\d)\b/g, "$1, $2")); // 01 is no octal here: it is 0 * 10 + 1

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE)) cases.set(one.name, one);
});

const failureOf = (name: string, schedule = ""): ExploreFailure | undefined => replay(cases.get(name)!, schedule);
const callersOf = (name: string, failure: ExploreFailure | undefined): unknown[] => failure!.finding!.sides.map(({ context, caller, site }) => `${context} ${readSite(cases.get(name)!.course.machine.instance, caller || site)?.function}`);

describe("order", () => {
  test("two locks in both orders are found though nobody waits for anybody", () => {
    for (const schedule of ["T0:* T1:*", "T1:* T0:*"]) {
      const failure = failureOf("ab_ba", schedule);
      const [first, second] = schedule.startsWith("T0") ? ["T0", "T1"] : ["T1", "T0"];
      expect(failure).toMatchObject({ verdict: "broken", detail: `${second} takes two locks in one order, and ${first} in the other`, finding: { kind: "locking" } });
      expect(failure!.finding!.sides.map(({ context }) => context)).toEqual([first, second]);
    }
  });

  test("a circle of three is found, whoever closes it", () => {
    for (const order of ["T0 T1 T2", "T2 T1 T0", "T1 T0 T2"]) {
      const failure = failureOf("ab_bc_ca", order);
      const [first, second, last] = order.split(" ");
      expect(failure, order).toMatchObject({ verdict: "broken", finding: { kind: "locking" } });
      expect(failure!.detail).toMatch(new RegExp(`^${last} closes a circle of 3 locks that (${first} and ${second}|${second} and ${first}) began: each is taken while the one before it is held$`));
      expect(failure!.finding!.sides.map(({ context }) => context).sort()).toEqual(["T0", "T1", "T2"]);
      expect(failure!.finding!.sides.at(-1)).toMatchObject({ context: last, what: "takes the lock" });
    }
  });

  test("a circle of four, and one through the middle of a longer nesting", () => {
    expect(failureOf("four")?.detail).toMatch("T3 closes a circle of 4 locks that T0 and T1 and T2 began");
    expect(failureOf("abc_ca")?.detail).toBe("T1 takes two locks in one order, and T0 in the other"); // a, c directly
  });

  test.each(["ab_ab", "ab_bc_ac", "try_ba", "try_both", "not_nested", "crosswise"])("%s is in order in every schedule", (name) => {
    expect(search(cases.get(name)!, { preemptions: 1, delays: 0 })).toMatchObject({ failed: 0 });
  });

  test("ways that part and meet again are no circle", () => {
    for (const schedule of ["", "T4:* T3:* T2:* T1:* T0:*", "T3:* T0:* T4:* T1:* T2:*"]) expect(failureOf("branches", schedule), schedule).toBeUndefined();
  });

  test("what one run has seen is forgotten in the next", () => {
    for (const schedule of ["T0:*", "T1:*", "T0:*"]) expect(failureOf("ab_ba", schedule)?.detail).toMatch("in the other");
    expect(failureOf("ab_ab")).toBeUndefined();
  });

  test("every schedule of the reversed order fails, by the order or by the deadlock", () => {
    const { schedules, failed, failures } = search(cases.get("ab_ba")!, { preemptions: 1, delays: 0 });
    expect(failed).toBe(schedules);
    expect(new Set(failures.map(({ verdict }) => verdict))).toEqual(new Set(["broken", "deadlock"]));
  });
});

describe("giving back", () => {
  test("by another than its owner", () => {
    expect(failureOf("by_another", "T0:2 T1:*")).toMatchObject({ detail: "T1 gives back a lock that T0 holds", finding: { kind: "locking", sides: [{ context: "T0", what: "takes the lock" }, { context: "T1", what: "gives the lock back" }] } });
  });

  test("what nobody holds", () => {
    expect(failureOf("by_nobody")).toMatchObject({ detail: "T1 gives back a lock that nobody holds", finding: { kind: "locking", sides: [{ context: "T1", what: "gives the lock back" }] } });
  });

  test.each(["kept", "kept_tried"])("not at all: %s", (name) => {
    const failure = failureOf(name);
    expect(failure).toMatchObject({ detail: "T0 ended and still holds a lock", finding: { kind: "locking", sides: [{ context: "T0", what: "takes the lock" }] } });
    expect(callersOf(name, failure)).toHaveLength(1);
  });

  test("a lock that is held is not taken again, by whomever the word says that it is free", () => {
    expect(failureOf("twice")).toMatchObject({ detail: "T0 takes a lock that T0 holds" });
  });
});

test("the places are those of the taking, in the author's file", () => {
  const one = cases.get("kept")!;
  const { finding } = failureOf("kept")!;
  const { site, caller } = finding!.sides[0]!;
  const places = [site, caller].map((address) => readSite(one.course.machine.instance, address));
  expect(places.some((place) => place?.path === "test.c" && place.line === lineOf(SOURCE, "static void take(uintptr_t lock)"))).toBe(true);
});
