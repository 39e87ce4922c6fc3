/** Data races: what is one, what orders, and where both sides stand. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import { readSite } from "../sites.ts";
import { casesOf, inline, lineOf, replay, search } from "../testing.ts";

/** Each function is a context; markers in comments are for lineOf. */
const SOURCE = inline(`
/* Not static: clang leaves out what nobody seems to read. */
u32 data, other, flag, stopped;
u64 wide;
struct { u8 b[4]; } bytes;
union { u8 b[8]; u16 h[4]; u32 w[2]; } mixed;
static struct stp_spinlock lock, second_lock;

#define CONTEXT(name) static void name(uintptr_t arg)

CONTEXT(plain_write) { data = 1; /* plain write */ }
CONTEXT(plain_add) { data = data + 1; }
CONTEXT(plain_read) { if (data == 7) /* plain read */ other = 1; }
CONTEXT(marked_write) { STP_WRITE(data, 2); /* marked write */ }
CONTEXT(marked_read) { (void)STP_READ(data); /* marked read */ }
CONTEXT(atomic_add) { __atomic_fetch_add(&data, 1, __ATOMIC_RELAXED); /* atomic */ }

STP_CASE(plain_plain) { stp_task(0, plain_write, 0); stp_task(1, plain_write, 0); }
STP_CASE(plain_write_plain_read) { stp_task(0, plain_write, 0); stp_task(1, plain_read, 0); }
STP_CASE(plain_read_plain_read) { stp_task(0, plain_read, 0); stp_task(1, plain_read, 0); }
STP_CASE(plain_write_marked_read) { stp_task(0, plain_write, 0); stp_task(1, marked_read, 0); }
STP_CASE(marked_write_plain_read) { stp_task(0, marked_write, 0); stp_task(1, plain_read, 0); }
STP_CASE(marked_write_plain_write) { stp_task(0, marked_write, 0); stp_task(1, plain_write, 0); }
STP_CASE(marked_write_marked_read) { stp_task(0, marked_write, 0); stp_task(1, marked_read, 0); }
STP_CASE(marked_write_marked_write) { stp_task(0, marked_write, 0); stp_task(1, marked_write, 0); }
STP_CASE(atomic_atomic) { stp_task(0, atomic_add, 0); stp_task(1, atomic_add, 0); }
STP_CASE(atomic_marked_read) { stp_task(0, atomic_add, 0); stp_task(1, marked_read, 0); }
STP_CASE(atomic_plain_write) { stp_task(0, atomic_add, 0); stp_task(1, plain_write, 0); }
STP_CASE(atomic_plain_read) { stp_task(0, atomic_add, 0); stp_task(1, plain_read, 0); }
STP_CASE(irq_of_another_cpu) { stp_task(0, plain_write, 0); stp_irq(1, plain_write, 0); }
STP_CASE(irq_of_its_cpu) { stp_task(0, plain_add, 0); stp_irq(0, plain_add, 0); stp_nmi(0, plain_add, 0); }
STP_CASE(tasks_of_one_cpu) { stp_task(0, plain_add, 0); stp_task(0, plain_add, 0); }
STP_CASE(migrated) { stp_migrating_task(0, plain_add, 0); stp_task(1, marked_read_of_nothing, 0); }

CONTEXT(wide_volatile_write) { STP_WRITE(wide, 1); }
CONTEXT(wide_volatile_read) { (void)STP_READ(wide); }
CONTEXT(wide_atomic_add) { __atomic_fetch_add(&wide, 1, __ATOMIC_RELAXED); }
STP_CASE(wide_volatile) { stp_task(0, wide_volatile_write, 0); stp_task(1, wide_volatile_read, 0); }
STP_CASE(wide_atomic) { stp_task(0, wide_atomic_add, 0); stp_task(1, wide_atomic_add, 0); }

CONTEXT(publish) { data = 1; stp_store_release(&flag, 1); }
CONTEXT(publish_relaxed) { data = 1; STP_WRITE(flag, 1); }
CONTEXT(publish_by_fence) { data = 1; stp_wmb(); STP_WRITE(flag, 1); }
CONTEXT(publish_by_acquire_fence) { data = 1; stp_rmb(); STP_WRITE(flag, 1); }
CONTEXT(publish_too_early) { stp_store_release(&flag, 1); data = 1; }
CONTEXT(use) { if (stp_load_acquire(&flag)) data = data + 1; }
CONTEXT(use_relaxed) { if (STP_READ(flag)) data = data + 1; }
CONTEXT(use_by_fence) { if (STP_READ(flag)) { stp_rmb(); data = data + 1; } }
CONTEXT(use_by_early_fence) { stp_rmb(); if (STP_READ(flag)) data = data + 1; }
CONTEXT(use_after_two) { if (stp_load_acquire(&flag) == 2) data = data + 1; }
CONTEXT(pass_on_rmw) { u32 one = 1; __atomic_compare_exchange_n(&flag, &one, 2, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); }
CONTEXT(pass_on_store) { if (STP_READ(flag) == 1) STP_WRITE(flag, 2); }
CONTEXT(pass_on_acq_rel) { if (stp_load_acquire(&flag) == 1) stp_store_release(&flag, 2); }
STP_CASE(release_acquire) { stp_task(0, publish, 0); stp_task(1, use, 0); }
STP_CASE(relaxed_acquire) { stp_task(0, publish_relaxed, 0); stp_task(1, use, 0); }
STP_CASE(release_relaxed) { stp_task(0, publish, 0); stp_task(1, use_relaxed, 0); }
STP_CASE(release_too_early) { stp_task(0, publish_too_early, 0); stp_task(1, use, 0); }
STP_CASE(fences) { stp_task(0, publish_by_fence, 0); stp_task(1, use_by_fence, 0); }
STP_CASE(release_fence_acquire) { stp_task(0, publish_by_fence, 0); stp_task(1, use, 0); }
STP_CASE(release_acquire_fence) { stp_task(0, publish, 0); stp_task(1, use_by_fence, 0); }
STP_CASE(no_release_fence) { stp_task(0, publish_relaxed, 0); stp_task(1, use_by_fence, 0); }
STP_CASE(acquire_fence_for_release) { stp_task(0, publish_by_acquire_fence, 0); stp_task(1, use, 0); }
STP_CASE(no_acquire_fence) { stp_task(0, publish_by_fence, 0); stp_task(1, use_relaxed, 0); }
STP_CASE(acquire_fence_too_early) { stp_task(0, publish_by_fence, 0); stp_task(1, use_by_early_fence, 0); }
STP_CASE(release_sequence) { stp_task(0, publish, 0); stp_task(1, pass_on_rmw, 0); stp_task(2, use_after_two, 0); }
STP_CASE(release_sequence_broken) { stp_task(0, publish, 0); stp_task(1, pass_on_store, 0); stp_task(2, use_after_two, 0); }
STP_CASE(transitive) { stp_task(0, publish, 0); stp_task(1, pass_on_acq_rel, 0); stp_task(2, use_after_two, 0); }

CONTEXT(add_locked) { stp_spin_lock(&lock); data = data + 1; stp_spin_unlock(&lock); }
CONTEXT(add_locked_otherwise) { stp_spin_lock(&second_lock); data = data + 1; stp_spin_unlock(&second_lock); }
CONTEXT(add_if_free) { if (stp_spin_trylock(&lock)) { data = data + 1; stp_spin_unlock(&lock); } }
STP_CASE(locked) { stp_task(0, add_locked, 0); stp_task(1, add_locked, 0); stp_task(2, add_if_free, 0); }
STP_CASE(locked_otherwise) { stp_task(0, add_locked, 0); stp_task(1, add_locked_otherwise, 0); }

CONTEXT(hit) { stp_preempt_disable(); stp_sim_busy_begin(); if (!STP_READ(stopped)) data = data + 1; stp_sim_busy_end(); stp_preempt_enable(); }
CONTEXT(tear_down) { STP_WRITE(stopped, 1); stp_sim_synchronize(); data = 0; }
CONTEXT(tear_down_at_once) { STP_WRITE(stopped, 1); data = 0; }
STP_CASE(grace_period) { stp_task(0, hit, 0); stp_task(1, tear_down, 0); }
STP_CASE(no_grace_period) { stp_task(0, hit, 0); stp_task(1, tear_down_at_once, 0); }

CONTEXT(write_byte) { bytes.b[arg] = 1; }
CONTEXT(write_two_bytes) { bytes.b[0] = 1; /* byte 0 */ bytes.b[1] = 1;
	STP_WRITE(flag, 1); }
CONTEXT(read_byte_late) { if (STP_READ(flag)) other = bytes.b[arg]; /* late read */ }
CONTEXT(write_half) { mixed.h[arg] = 1; }
CONTEXT(write_mixed_byte) { mixed.b[arg] = 1; }
CONTEXT(write_mixed_word) { mixed.w[arg] = 1; }
CONTEXT(copy_into) { __builtin_memcpy(&mixed, &bytes, arg); }
STP_CASE(different_bytes) { stp_task(0, write_byte, 0); stp_task(1, write_byte, 1); stp_task(2, write_byte, 3); }
STP_CASE(same_byte) { stp_task(0, write_byte, 2); stp_task(1, write_byte, 2); }
STP_CASE(byte_before_another) { stp_task(0, write_two_bytes, 0); stp_task(1, read_byte_late, 0); }
STP_CASE(byte_never_written) { stp_task(0, write_two_bytes, 0); stp_task(1, read_byte_late, 2); }
STP_CASE(byte_in_half) { stp_task(0, write_half, 1); stp_task(1, write_mixed_byte, 3); }
STP_CASE(byte_behind_half) { stp_task(0, write_half, 1); stp_task(1, write_mixed_byte, 4); }
STP_CASE(byte_in_word) { stp_task(0, write_mixed_word, 1); stp_task(1, write_mixed_byte, 7); }
STP_CASE(word_over_byte) { stp_task(0, write_mixed_byte, 4); stp_task(1, write_mixed_word, 1); }
STP_CASE(word_beside_byte) { stp_task(0, write_mixed_byte, 3); stp_task(1, write_mixed_word, 1); }
STP_CASE(copied_over) { stp_task(0, copy_into, 4); stp_task(1, write_mixed_byte, 2); }
`.replace("STP_CASE(migrated)", "CONTEXT(marked_read_of_nothing) { (void)STP_READ(stopped); }\nSTP_CASE(migrated)"));

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE)) cases.set(one.name, one);
});

/** Races of all schedules within bound 1, or 2 if it takes two. */
function races(name: string, preemptions = 1): number {
  const { failed, failures } = search(cases.get(name)!, { preemptions, delays: 0 });
  expect(failures.map(({ finding }) => finding?.kind)).toEqual(failures.map(() => "race"));
  return failed;
}

describe("no race", () => {
  test.each([
    "plain_read_plain_read",
    "marked_write_marked_read",
    "marked_write_marked_write",
    "atomic_atomic",
    "atomic_marked_read",
    "irq_of_its_cpu",
    "tasks_of_one_cpu",
    "migrated",
    "wide_atomic",
    "release_acquire",
    "fences",
    "release_fence_acquire",
    "release_acquire_fence",
    "release_sequence",
    "transitive",
    "locked",
    "grace_period",
    "different_bytes",
    "byte_never_written",
    "byte_behind_half",
    "word_beside_byte",
  ])("%s, in any schedule with two preemptions", (name) => {
    expect(races(name, 2)).toBe(0);
  });
});

describe("a race", () => {
  test.each([
    "plain_plain",
    "plain_write_plain_read",
    "plain_write_marked_read",
    "marked_write_plain_read",
    "marked_write_plain_write",
    "atomic_plain_write",
    "atomic_plain_read",
    "irq_of_another_cpu",
    "wide_volatile",
    "same_byte",
    "byte_in_half",
    "byte_in_word",
    "word_over_byte",
    "copied_over",
    "locked_otherwise",
  ])("%s, in every schedule, as it needs no luck", (name) => {
    const one = cases.get(name)!;
    const { schedules, failed } = search(one, { preemptions: 1, delays: 0 });
    expect(schedules).toBeGreaterThan(1);
    expect(races(name)).toBe(schedules);
    expect(failed).toBe(schedules);
  });

  test.each([
    ["relaxed_acquire", "T0:* T1:*"],
    ["release_relaxed", "T0:* T1:*"],
    ["release_too_early", "T0:* T1:*"],
    ["no_release_fence", "T0:* T1:*"],
    ["no_acquire_fence", "T0:* T1:*"],
    ["acquire_fence_for_release", "T0:* T1:*"],
    ["acquire_fence_too_early", "T0:* T1:*"],
    ["release_sequence_broken", "T0:* T1:* T2:*"],
    ["no_grace_period", "T0:* T1:*"],
    ["byte_before_another", "T0:* T1:*"],
  ])("%s, where one meets the other", (name, schedule) => {
    expect(replay(cases.get(name)!, schedule)).toMatchObject({ verdict: "broken", finding: { kind: "race" } });
    expect(races(name)).toBeGreaterThan(0);
  });
});

test("a release sequence ends at a store of another, which is no read-modify-write", () => {
  // The same schedule: only how T1 passes the flag on differs.
  expect(replay(cases.get("release_sequence")!, "T0:* T1:* T2:*")).toBeUndefined();
  expect(replay(cases.get("release_sequence_broken")!, "T0:* T1:* T2:*")?.finding?.sides.map(({ context }) => context)).toEqual(["T0", "T2"]);
});

test("what a migrating task did on its old CPU comes before what it does on the new one, and is no secret to a race there", () => {
  const one = cases.get("migrated")!;
  for (const schedule of ["T0:2 T0@1", "T0@1:2 T0@0", "T0:2 T0@1:2 T1:* T0"]) expect(replay(one, schedule), schedule).toBeUndefined();
});

describe("both sides", () => {
  const sidesOf = (name: string, schedule: string): string[] => {
    const one = cases.get(name)!;
    const { finding } = replay(one, schedule)!;
    return finding!.sides.map((side) => {
      const at = readSite(one.course.machine.instance, side.site)!;
      return `${side.context}@${side.cpu} ${at.path}:${at.line} ${at.function} ${side.what}`;
    });
  };
  const at = (marker: string): number => lineOf(SOURCE, `/* ${marker} */`);

  test.each([
    ["plain_plain", "", `T0@0 test.c:${at("plain write")} plain_write writes`, `T1@1 test.c:${at("plain write")} plain_write writes`],
    ["plain_write_plain_read", "", `T0@0 test.c:${at("plain write")} plain_write writes`, `T1@1 test.c:${at("plain read")} plain_read reads`],
    ["plain_write_plain_read", "T1", `T1@1 test.c:${at("plain read")} plain_read reads`, `T0@0 test.c:${at("plain write")} plain_write writes`],
    ["plain_write_marked_read", "T1", `T1@1 test.c:${at("marked read")} marked_read reads`, `T0@0 test.c:${at("plain write")} plain_write writes`],
    ["marked_write_plain_read", "", `T0@0 test.c:${at("marked write")} marked_write writes`, `T1@1 test.c:${at("plain read")} plain_read reads`],
    ["atomic_plain_read", "", `T0@0 test.c:${at("atomic")} atomic_add writes`, `T1@1 test.c:${at("plain read")} plain_read reads`],
    ["byte_before_another", "", `T0@0 test.c:${at("byte 0")} write_two_bytes writes`, `T1@1 test.c:${at("late read")} read_byte_late reads`],
  ])("%s by %j are where they stand", (name, schedule, first, second) => {
    expect(sidesOf(name, schedule)).toEqual([first, second]);
  });

  test("the sentence names both, and their CPUs", () => {
    expect(replay(cases.get("plain_write_plain_read")!, "")?.detail).toBe("T0 on CPU 0 writes and T1 on CPU 1 reads the same memory, and nothing orders them");
  });

  test("names stay right when another course is run in the middle of a search", () => {
    const one = cases.get("release_sequence_broken")!;
    const { course, check } = one;
    const other = cases.get("release_sequence_broken")!.course;
    const seen = new Set<string>();
    search({ ...one, course, check: (outcome) => { other.prepare(); return check(outcome); } }, { preemptions: 1, delays: 0 }).failures.forEach(({ finding }) => seen.add(finding!.sides.map(({ context }) => context).join()));
    expect(seen).toEqual(new Set(["T0,T2"]));
  });
});

test("races are not looked for if nobody wants them", async () => {
  const [one] = await casesOf(SOURCE, { races: false });
  expect(search(one!, { preemptions: 1, delays: 0 })).toMatchObject({ failed: 0 });
});
