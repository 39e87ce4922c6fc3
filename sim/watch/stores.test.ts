/** Delayed stores: what each barrier forbids, and what may be seen without it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import { explore } from "../explore/explore.ts";
import { depthFirst } from "../explore/depth-first.ts";
import { casesOf, inline, replay, search } from "../testing.ts";
import { WINDOW_STORES_MAX } from "./stores.ts";

/** What may stand between two stores: its name, and C. */
const BETWEEN_STORES = {
  nothing: "STP_WRITE(a, 1); STP_WRITE(b, 1);",
  plain: "a = 1; b = 1;",
  compiler_barrier: "STP_WRITE(a, 1); stp_barrier(); STP_WRITE(b, 1);",
  acquire_fence: "STP_WRITE(a, 1); stp_rmb(); STP_WRITE(b, 1);",
  relaxed_rmw: "STP_WRITE(a, 1); __atomic_fetch_add(&c, 1, __ATOMIC_RELAXED); STP_WRITE(b, 1);",
  acquire_rmw: "STP_WRITE(a, 1); __atomic_fetch_add(&c, 1, __ATOMIC_ACQUIRE); STP_WRITE(b, 1);",
  relaxed_store: "STP_WRITE(a, 1); __atomic_store_n(&b, 1, __ATOMIC_RELAXED);",
  wmb: "STP_WRITE(a, 1); stp_wmb(); STP_WRITE(b, 1);",
  mb: "STP_WRITE(a, 1); stp_mb(); STP_WRITE(b, 1);",
  acq_rel_fence: "STP_WRITE(a, 1); __atomic_thread_fence(__ATOMIC_ACQ_REL); STP_WRITE(b, 1);",
  release_store: "STP_WRITE(a, 1); stp_store_release(&b, 1);",
  seq_cst_store: "STP_WRITE(a, 1); __atomic_store_n(&b, 1, __ATOMIC_SEQ_CST);",
  release_rmw: "STP_WRITE(a, 1); __atomic_fetch_add(&c, 1, __ATOMIC_RELEASE); STP_WRITE(b, 1);",
  seq_cst_rmw: "STP_WRITE(a, 1); __atomic_fetch_add(&c, 1, __ATOMIC_SEQ_CST); STP_WRITE(b, 1);",
  failed_cmpxchg: "STP_WRITE(a, 1); stp_cmpxchg(&c, 7, 8); STP_WRITE(b, 1);",
} as const;

/** The same between a store and a load. */
const BEFORE_LOAD = {
  nothing: "STP_WRITE(x, 1);",
  wmb: "STP_WRITE(x, 1); stp_wmb();",
  rmb: "STP_WRITE(x, 1); stp_rmb();",
  release_store: "stp_store_release(&x, 1);",
  relaxed_rmw_elsewhere: "STP_WRITE(x, 1); __atomic_fetch_add(&z, 1, __ATOMIC_RELAXED);",
  mb: "STP_WRITE(x, 1); stp_mb();",
  seq_cst_store_relaxed_load: "__atomic_store_n(&x, 1, __ATOMIC_SEQ_CST);",
  seq_cst_store: "__atomic_store_n(&x, 1, __ATOMIC_SEQ_CST);", // and a seq_cst load behind it
  relaxed_rmw: "__atomic_exchange_n(&x, 1, __ATOMIC_RELAXED);",
  seq_cst_rmw: "__atomic_exchange_n(&x, 1, __ATOMIC_SEQ_CST);",
} as const;

const SOURCE = inline(`
#define CONTEXT(name) static void name(uintptr_t arg)

u32 a, b, c, x, y, z, flag, ack, seen[4], many[12];
u64 wide;
union { u8 b[4]; u32 w; } mixed;

CONTEXT(see_in_order) { if (stp_load_acquire(&b)) stp_assert(STP_READ(a) == 1); }
${Object.entries(BETWEEN_STORES).map(([name, code]) => `CONTEXT(stores_${name}) { ${code} }\nSTP_CASE(stores_${name}) { stp_task(0, stores_${name}, 0); stp_task(1, see_in_order, 0); }`).join("\n")}

static void neither(void) { stp_assert(seen[0] || seen[1]); }
${Object.entries(BEFORE_LOAD)
  .map(([name, code]) => {
    const load = name === "seq_cst_store" ? "__atomic_load_n(&y, __ATOMIC_SEQ_CST)" : "STP_READ(y)";
    const text = `${code} STP_WRITE(seen[0], ${load});`;
    const mirrored = text.replaceAll("x", "%").replaceAll(/\by\b/g, "x").replaceAll("%", "y").replaceAll("seen[0]", "seen[1]").replaceAll("eychange", "exchange");
    return `CONTEXT(load_${name}) { ${text} }\nCONTEXT(load_${name}_too) { ${mirrored} }\nSTP_CASE(load_${name}) { stp_task(0, load_${name}, 0); stp_task(1, load_${name}_too, 0); stp_finally(neither); }`;
  })
  .join("\n")}

/* Coherence: nobody sees one variable go back. */
CONTEXT(write_twice) { STP_WRITE(a, 1); STP_WRITE(a, 2); }
CONTEXT(read_thrice) { u32 one = STP_READ(a), two = STP_READ(a), three = STP_READ(a); stp_assert(one <= two && two <= three); }
CONTEXT(write_then_other) { STP_WRITE(a, 1); STP_WRITE(b, 1); STP_WRITE(a, 2); STP_WRITE(b, 2); }
STP_CASE(coherent) { stp_task(0, write_twice, 0); stp_task(1, read_thrice, 0); stp_task(2, read_thrice, 0); }
STP_CASE(coherent_longer) { stp_task(0, write_then_other, 0); stp_task(1, read_thrice, 0); }

/* Who has read it passes it on. */
CONTEXT(write_a) { STP_WRITE(a, 1); }
CONTEXT(pass_on) { if (STP_READ(a)) stp_store_release(&b, 1); }
STP_CASE(passed_on) { stp_task(0, write_a, 0); stp_task(1, pass_on, 0); stp_task(2, see_in_order, 0); }

/* Its own CPU sees its own stores. */
CONTEXT(write_and_look) { STP_WRITE(a, 1); stp_assert(STP_READ(a) == 1); STP_WRITE(b, 1); stp_assert(STP_READ(a) == 1 && STP_READ(b) == 1); }
CONTEXT(read_a) { (void)STP_READ(a); (void)STP_READ(b); }
CONTEXT(see_any_order) { if (STP_READ(b)) stp_assert(STP_READ(a) == 1); }
STP_CASE(own_view) { stp_task(0, write_and_look, 0); stp_task(1, read_a, 0); }
STP_CASE(irq_view) { stp_task(0, stores_nothing, 0); stp_irq(0, see_any_order, 0); stp_task(1, read_a, 0); }
STP_CASE(moved_view) { stp_migrating_task(0, write_and_look, 0); stp_task(1, read_a, 0); }
STP_CASE(moved_view_irq) { stp_migrating_task(0, write_and_look, 0); stp_irq(1, read_a, 0); }

/* What the compiler may do, as an interrupt of the same CPU sees it. */
static __attribute__((noinline)) void call(void) { __asm__ volatile("" ::: "memory"); STP_READ(c); }
CONTEXT(two_plain) { a = 1; b = 1; STP_READ(c); }
CONTEXT(two_plain_barrier) { a = 1; stp_barrier(); b = 1; STP_READ(c); }
CONTEXT(two_volatile) { STP_WRITE(a, 1); STP_WRITE(b, 1); STP_READ(c); }
CONTEXT(plain_then_volatile) { a = 1; STP_WRITE(b, 1); STP_READ(c); }
CONTEXT(two_plain_atomic) { a = 1; __atomic_fetch_add(&c, 1, __ATOMIC_RELAXED); b = 1; STP_READ(c); }
CONTEXT(two_plain_call) { a = 1; call(); b = 1; STP_READ(c); }
CONTEXT(plain_then_release) { a = 1; stp_store_release(&b, 1); STP_READ(c); }
CONTEXT(plain_irq_off) { unsigned long flags; a = 1; flags = stp_irq_save(); b = 1; stp_irq_restore(flags); STP_READ(c); }
#define COMPILER_CASE(name) STP_CASE(c_##name) { stp_task(0, name, 0); stp_irq(0, see_any_order, 0); } STP_CASE(c_##name##_task) { stp_task(0, name, 0); stp_task(0, see_any_order, 0); }
COMPILER_CASE(two_plain) COMPILER_CASE(two_plain_barrier) COMPILER_CASE(two_volatile) COMPILER_CASE(plain_then_volatile)
COMPILER_CASE(two_plain_atomic) COMPILER_CASE(two_plain_call) COMPILER_CASE(plain_then_release) COMPILER_CASE(plain_irq_off)
/* Seen by the interrupt's CPU and by another one: what the compiler has not placed yet is nowhere. */
STP_CASE(c_elsewhere) { stp_task(0, two_plain, 0); stp_irq(0, read_a, 0); stp_task(1, see_any_order, 0); }

/* At last all is seen. */
CONTEXT(set_flag) { STP_WRITE(flag, 1); }
CONTEXT(wait_flag) { while (!STP_READ(flag)) stp_relax(); STP_WRITE(ack, 1); }
CONTEXT(set_flag_wait_ack) { STP_WRITE(flag, 1); while (!STP_READ(ack)) stp_relax(); }
CONTEXT(wait_without_relax) { for (int i = 0; i < 3 && !STP_READ(flag); i++); }
STP_CASE(seen_at_last) { stp_task(0, set_flag, 0); stp_task(1, wait_flag, 0); stp_task(2, wait_flag, 0); }
STP_CASE(handshake) { stp_task(0, set_flag_wait_ack, 0); stp_task(1, wait_flag, 0); }
CONTEXT(lock_and_set) { static struct stp_spinlock lock; stp_spin_lock(&lock); STP_WRITE(flag, STP_READ(flag) + 1); stp_spin_unlock(&lock); }
static void flag_is_two(void) { stp_assert(flag == 2); }
STP_CASE(locked) { stp_task(0, lock_and_set, 0); stp_task(1, lock_and_set, 0); stp_finally(flag_is_two); }

/* One after the other: only the last few can be late. */
CONTEXT(write_many) { for (int i = 0; i < 12; i++) STP_WRITE(many[i], 1); STP_READ(c); }
CONTEXT(look_at_many) { for (int i = 0; i < 12; i++) STP_READ(many[i]); }
STP_CASE(window) { stp_task(0, write_many, 0); stp_task(1, look_at_many, 0); }

CONTEXT(write_wide) { __atomic_store_n(&wide, 0x1111111122222222ull, __ATOMIC_RELAXED); STP_WRITE(flag, 1); }
CONTEXT(read_wide) { u64 w = __atomic_load_n(&wide, __ATOMIC_RELAXED); stp_assert(w == 0 || w == 0x1111111122222222ull); }
STP_CASE(wide_atomic) { stp_task(0, write_wide, 0); stp_task(1, read_wide, 0); }

/* A store that another one overlaps in part. */
CONTEXT(write_byte_then_word) { STP_WRITE(mixed.b[0], 1); STP_WRITE(mixed.w, 0x02020202); STP_READ(c); }
CONTEXT(read_word) { u32 w = STP_READ(mixed.w); stp_assert(w == 0 || w == 1 || w == 0x02020202); }
STP_CASE(overlapping) { stp_task(0, write_byte_then_word, 0); stp_task(1, read_word, 0); }

CONTEXT(write_then_relaxed_rmw) { STP_WRITE(a, 1); STP_WRITE(b, 1); __atomic_fetch_add(&a, 1, __ATOMIC_RELAXED); STP_READ(c); }
STP_CASE(rmw_of_the_same) { stp_task(0, write_then_relaxed_rmw, 0); stp_task(1, read_a, 0); }
CONTEXT(write_and_go_on) { STP_WRITE(a, 1); STP_READ(c); STP_READ(c); STP_READ(c); }
STP_CASE(there_and_back) { stp_migrating_task(0, write_and_go_on, 0); stp_task(1, read_a, 0); }

CONTEXT(write_over) { STP_WRITE(a, 7); }
static void a_is_one_or_seven(void) { stp_assert(a == 1 || a == 7); }
STP_CASE(overwritten) { stp_task(0, stores_nothing, 0); stp_task(1, write_over, 0); stp_finally(a_is_one_or_seven); }
`);

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE, { races: false })) cases.set(one.name, one);
});

const failures = (name: string, { preemptions = 2, delays = 1 } = {}): number => search(cases.get(name)!, { preemptions, delays }).failed;

describe("two stores", () => {
  test.each(["nothing", "plain", "compiler_barrier", "acquire_fence", "relaxed_rmw", "acquire_rmw", "relaxed_store"])("with %s between them may be seen in the other order, but only if one is late", (name) => {
    expect(failures(`stores_${name}`)).toBeGreaterThan(0);
    expect(failures(`stores_${name}`, { preemptions: 3, delays: 0 })).toBe(0);
    expect(replay(cases.get(`stores_${name}`)!, "T0:* d#0 T1:*")).toMatchObject({ finding: { kind: "assertion" } });
  });

  test.each(["wmb", "mb", "acq_rel_fence", "release_store", "seq_cst_store", "release_rmw", "seq_cst_rmw", "failed_cmpxchg"])("with %s between them are seen in order", (name) => {
    expect(failures(`stores_${name}`)).toBe(0);
    expect(failures(`stores_${name}`, { preemptions: 1, delays: 3 })).toBe(0);
  });

  test("behind a write barrier a late store takes along those that must not be seen before it", () => {
    // T1 sees neither, though only the first is named.
    expect(replay(cases.get("stores_wmb")!, "T0:* d#0 T1:*")).toBeUndefined();
  });

  test.each(["mb", "seq_cst_rmw"])("before %s nothing is late any more", (name) => {
    expect(replay(cases.get(`stores_${name}`)!, "T0:* d#0 T1:*")).toMatchObject({ verdict: "illegal", detail: "Store 0 of T0 cannot be held back there" });
  });
});

describe("a store and a load", () => {
  test.each(["nothing", "wmb", "rmb", "release_store", "relaxed_rmw_elsewhere", "seq_cst_store_relaxed_load"])("with %s between them: both CPUs may miss the other's store", (name) => {
    expect(failures(`load_${name}`)).toBeGreaterThan(0);
    expect(failures(`load_${name}`, { preemptions: 3, delays: 0 })).toBe(0);
  });

  test.each(["mb", "seq_cst_store", "relaxed_rmw", "seq_cst_rmw"])("with %s one of them sees the other's", (name) => {
    expect(failures(`load_${name}`, { preemptions: 2, delays: 2 })).toBe(0);
  });
});

describe("one view", () => {
  test.each(["coherent", "coherent_longer", "passed_on", "own_view", "irq_view", "moved_view", "moved_view_irq", "wide_atomic", "overwritten", "overlapping"])("%s in every schedule", (name) => {
    expect(failures(name)).toBe(0);
    expect(failures(name, { preemptions: 1, delays: 2 })).toBe(0);
  });

  test("a store that another CPU has read cannot be late any more", () => {
    expect(replay(cases.get("coherent")!, "T0:2 T1:2 T0:2 d#0")).toMatchObject({ verdict: "illegal" });
    expect(replay(cases.get("coherent")!, "T0:2 d#0 T1:2 T0")).toBeUndefined();
  });

  test("a read-modify-write of the same bytes takes what was stored there before along, and nothing else", () => {
    expect(replay(cases.get("rmw_of_the_same")!, "T0:4 d#0 T1")).toMatchObject({ verdict: "illegal" });
    expect(replay(cases.get("rmw_of_the_same")!, "T0:4 d#1 T1")).toBeUndefined();
  });

  test("a store is seen when its task is moved, and cannot be late when it is back", () => {
    expect(replay(cases.get("there_and_back")!, "T0:3 d#0 T1:* T0")).toBeUndefined();
    expect(replay(cases.get("there_and_back")!, "T0:2 T0@1:3 T0@0:4 d#0 T1:* T0")).toMatchObject({ verdict: "illegal" });
  });

  test("a task that is moved while its store is late takes it along", () => {
    expect(replay(cases.get("moved_view")!, "T0:2 d#0 T1:1 T0@1")).toBeUndefined();
    expect(replay(cases.get("moved_view")!, "T0:2 d#0 T0@1")).toBeUndefined();
  });
});

describe("the compiler", () => {
  test.each(["two_plain", "plain_then_volatile"])("may place the first of %s late, as an interrupt and another task of the same CPU see it", (name) => {
    for (const one of [`c_${name}`, `c_${name}_task`]) {
      const { failures: found } = search(cases.get(one)!, { preemptions: 1 });
      expect(found.map(({ schedule }) => /\b[dc]#\d/.exec(schedule)?.[0]), one).toEqual(["c#0"]);
      expect(failures(one, { preemptions: 2, delays: 0 }), one).toBe(0);
      expect(replay(cases.get(one)!, found[0]!.schedule), one).toMatchObject({ finding: { kind: "assertion" } });
    }
  });

  test.each(["two_plain_barrier", "two_volatile", "two_plain_atomic", "two_plain_call", "plain_then_release", "plain_irq_off"])("keeps the order of %s", (name) => {
    for (const one of [`c_${name}`, `c_${name}_task`]) expect(failures(one, { preemptions: 2, delays: 2 }), one).toBe(0);
  });

  test("across a barrier a c# is refused", () => {
    for (const [name, context] of [["c_two_plain_barrier", "I1"], ["c_two_volatile", "I1"]] as const) {
      expect(replay(cases.get(name)!, `T0:3 c#0 ${context}`), name).toMatchObject({ verdict: "illegal", detail: "Store 0 of T0 cannot be held back there" });
    }
    expect(replay(cases.get("c_two_plain")!, "T0:3 c#0 I1")).toMatchObject({ finding: { kind: "assertion" } });
  });

  test("what it has not placed yet no CPU sees, until its context goes on", () => {
    expect(replay(cases.get("c_elsewhere")!, "T0:3 c#0 I1:* T2:*")).toMatchObject({ finding: { kind: "assertion", sides: [{ context: "T2" }] } });
    expect(replay(cases.get("c_elsewhere")!, "T0:3 c#0 I1:* T0 T2:*")).toBeUndefined();
  });

  test("a CPU's delay ends when an interrupt comes to it, the compiler's does not", () => {
    expect(replay(cases.get("c_two_plain")!, "T0:3 d#0 I1")).toBeUndefined();
    expect(replay(cases.get("c_elsewhere")!, "T0:3 d#0 I1:1 T2:*")).toBeUndefined();
  });
});

describe("at last", () => {
  test.each(["seen_at_last", "handshake", "locked"])("%s: what is late is seen when all wait, so that there is no deadlock", (name) => {
    for (const bounds of [{ preemptions: 2, delays: 1 }, { preemptions: 1, delays: 2 }]) expect(failures(name, bounds)).toBe(0);
  });

  test("who waited for a late store goes on as soon as it is seen", () => {
    expect(replay(cases.get("seen_at_last")!, "T0:* d#0 T1:~ T2:~")).toBeUndefined();
    expect(replay(cases.get("handshake")!, "T0:2 d#0 T1:~ T0:~ T1:*")).toBeUndefined();
  });

  test("a late store over another CPU's is the later one", () => {
    expect(replay(cases.get("overwritten")!, "T0:* d#0 T1:*")).toBeUndefined();
  });
});

test(`only the last ${WINDOW_STORES_MAX} stores of a CPU can be late`, () => {
  const one = cases.get("window")!;
  for (let store = 0; store < 12; store++) {
    const failure = replay(one, `T0:13 d#${store} T1`);
    if (store < 12 - WINDOW_STORES_MAX) expect(failure, `store ${store}`).toMatchObject({ verdict: "illegal" });
    else expect(failure, `store ${store}`).toBeUndefined();
  }
});

test("at most so many stores are late in one run as the explorer was told, and each schedule says which", () => {
  const { course, check } = cases.get("load_nothing")!;
  for (const delays of [0, 1, 2]) {
    const most = { holds: 0 };
    explore({
      course,
      explorer: depthFirst({ preemptions: 1, delays }),
      check: (outcome) => {
        most.holds = Math.max(most.holds, outcome.steps.filter(({ hold }) => hold).length);
        return check(outcome);
      },
    });
    expect(most.holds).toBe(delays);
  }
});

test("no store is late if nobody wants that", async () => {
  const one = (await casesOf(SOURCE, { races: false, delays: false })).find(({ name }) => name === "stores_nothing")!;
  expect(search(one, { preemptions: 2, delays: 1 })).toMatchObject({ failed: 0 });
  expect(replay(one, "T0:* d#0 T1:*")).toMatchObject({ verdict: "illegal" });
});
