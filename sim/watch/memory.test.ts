/** Memory: whose it is, where it ends, and since when it is gone. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ExploredCase } from "../explored.ts";
import type { ExploreFailure } from "../explore/explore.ts";
import { Run, runSchedule } from "../run.ts";
import { formatSchedule } from "../schedule.ts";
import { readSite } from "../sites.ts";
import { casesOf, inline, lineOf, replay, search } from "../testing.ts";
import { MemoryDetector } from "./memory.ts";

const SOURCE = inline(`
#define CONTEXT(name) static void name(uintptr_t arg)

u8 *block, *shared;
u32 mine[2], plain[4], *published, step;

CONTEXT(nothing) { }
CONTEXT(read_at) { (void)STP_READ(block[arg]); }
CONTEXT(write_at) { STP_WRITE(block[arg], 1); }
CONTEXT(read_word_at) { (void)STP_READ(*(u32 *)&block[arg]); /* word */ }
CONTEXT(read_address) { (void)STP_READ(*(u32 *)arg); }
CONTEXT(write_wide_address) { STP_WRITE(*(u64 *)arg, 1); }
CONTEXT(add_to_address) { __atomic_fetch_add((u32 *)arg, 1, __ATOMIC_RELAXED); }
CONTEXT(set_block) { __builtin_memset(block, 1, arg); }

#define BLOCK_CASE(name, size, context, arg) STP_CASE(name) { block = stp_sim_calloc(size); stp_task(0, context, arg); stp_task(0, nothing, 0); }
BLOCK_CASE(first_of_5, 5, read_at, 0)
BLOCK_CASE(last_of_5, 5, read_at, 4)
BLOCK_CASE(behind_5, 5, read_at, 5)
BLOCK_CASE(write_behind_5, 5, write_at, 5)
BLOCK_CASE(far_behind_5, 5, read_at, 12)
BLOCK_CASE(before_5, 5, read_at, -1)
BLOCK_CASE(word_in_5, 5, read_word_at, 0)
BLOCK_CASE(word_into_6th_of_5, 5, read_word_at, 2)
BLOCK_CASE(word_at_5th_of_5, 5, read_word_at, 4)
BLOCK_CASE(last_of_8, 8, read_at, 7)
BLOCK_CASE(word_at_5th_of_8, 8, read_word_at, 4)
BLOCK_CASE(behind_8, 8, read_at, 8)
BLOCK_CASE(before_8, 8, read_word_at, -4)
BLOCK_CASE(set_7_of_7, 7, set_block, 7)
BLOCK_CASE(set_8_of_7, 7, set_block, 8)
BLOCK_CASE(any_of_0, 0, read_at, 0)

#define ADDRESS_CASE(name, context, address) STP_CASE(name) { stp_task(0, context, (uintptr_t)(address)); stp_task(0, nothing, 0); }
ADDRESS_CASE(null, read_address, 0)
ADDRESS_CASE(null_field, read_address, 4092)
ADDRESS_CASE(null_atomic, add_to_address, 16)
ADDRESS_CASE(user_space, read_address, 0x7f00dea0)
ADDRESS_CASE(no_memory_wide, write_wide_address, 0xfffffff0u)
ADDRESS_CASE(global, read_address, &plain[1])
ADDRESS_CASE(machine_stack, read_address, 8192)

CONTEXT(use_block) { u8 *p = (u8 *)arg; if (STP_READ(step) == 0) STP_WRITE(p[1], STP_READ(p[1]) + 1); }
CONTEXT(free_block) { STP_WRITE(step, 1); stp_free((void *)arg); }
CONTEXT(use_freed) { stp_free(block); (void)STP_READ(block[3]); /* use after free */ }
CONTEXT(free_twice) { stp_free(block); stp_free(block); }
CONTEXT(free_null) { stp_free(NULL); }
CONTEXT(free_inside) { stp_free(block + 4); }
CONTEXT(free_global) { stp_free(plain); }
STP_CASE(free_while_used) { uintptr_t p = (uintptr_t)stp_sim_calloc(6); stp_task(0, use_block, p); stp_task(1, free_block, p); }
BLOCK_CASE(use_after_free, 6, use_freed, 0)
BLOCK_CASE(free_after_free, 6, free_twice, 0)
BLOCK_CASE(free_of_null, 6, free_null, 0)
BLOCK_CASE(free_of_inside, 6, free_inside, 0)
BLOCK_CASE(free_of_global, 6, free_global, 0)

CONTEXT(allocate_and_use)
{
	u8 *p = stp_alloc_atomic(arg);
	u32 i;

	stp_assert(p);
	for (i = 0; i < arg; i++) {
		stp_assert(STP_READ(p[i]) == 0);
		STP_WRITE(p[i], 0xff);
	}
	stp_free(p);
}
CONTEXT(allocate_and_overrun) { u8 *p = stp_alloc_atomic(arg); STP_WRITE(p[arg], 1); }
CONTEXT(allocate_and_publish)
{
	u8 *p = stp_alloc_atomic(6);

	STP_WRITE(p[5], 1);
	stp_store_release((uintptr_t *)&shared, (uintptr_t)p);
}
CONTEXT(use_published) { u8 *p = (u8 *)stp_load_acquire((uintptr_t *)&shared); if (p) stp_assert(STP_READ(p[5]) == 1); }
CONTEXT(overrun_published) { u8 *p = (u8 *)stp_load_acquire((uintptr_t *)&shared); if (p) STP_READ(p[6]); }
CONTEXT(allocate_twice_and_free_one) { u8 *p = stp_alloc_atomic(8), *q = stp_alloc_atomic(8); stp_free(p); STP_WRITE(q[7], 1); STP_READ(step); STP_WRITE(q[0], 1); stp_free(q); }
STP_CASE(allocated_in_run) { stp_task(0, allocate_and_use, 7); stp_task(1, allocate_and_use, 5); }
STP_CASE(overrun_in_run) { stp_task(0, allocate_and_overrun, 7); stp_task(1, nothing, 0); }
STP_CASE(published_in_run) { stp_task(0, allocate_and_publish, 0); stp_task(1, use_published, 0); }
STP_CASE(overrun_published_in_run) { stp_task(0, allocate_and_publish, 0); stp_task(1, overrun_published, 0); }
STP_CASE(two_and_one_in_run) { stp_task(0, allocate_twice_and_free_one, 0); stp_task(1, allocate_twice_and_free_one, 0); stp_task(1, nothing, 0); }

CONTEXT(use_own) { u32 cpu; stp_preempt_disable(); cpu = stp_cpu(); mine[cpu] = mine[cpu] + 1; stp_preempt_enable(); }
CONTEXT(use_of) { mine[arg] = mine[arg] + 1; /* of another */ }
CONTEXT(use_of_after_grace) { stp_sim_synchronize(); mine[arg] = mine[arg] + 1; }
#define OWNED stp_owned_by(&mine[0], 4, 0); stp_owned_by(&mine[1], 4, 1)
STP_CASE(own) { OWNED; stp_task(0, use_own, 0); stp_task(1, use_own, 0); stp_irq(1, use_of, 1); }
STP_CASE(foreign) { OWNED; stp_task(0, use_own, 0); stp_task(1, use_of, 0); }
STP_CASE(foreign_after_grace) { OWNED; stp_task(0, use_of_after_grace, 1); stp_task(0, nothing, 0); }

CONTEXT(publish_local) { volatile u32 local = 1; STP_WRITE(published, (u32 *)&local); while (local == 1 && STP_READ(step) < 3) STP_WRITE(step, STP_READ(step) + 1); }
CONTEXT(use_published_local) { u32 *p = STP_READ(published); if (p) STP_WRITE(*p, 2); }
STP_CASE(stack_of_another) { stp_task(0, publish_local, 0); stp_task(1, use_published_local, 0); }

CONTEXT(own_stack) { volatile u32 frame[4]; for (int i = 0; i < 4; i++) __atomic_fetch_add((u32 *)&frame[i], 1, __ATOMIC_RELAXED); }
STP_CASE(own_stack_atomically) { stp_task(0, own_stack, 0); stp_task(1, own_stack, 0); }
`);

const cases = new Map<string, ExploredCase>();
beforeAll(async () => {
  for (const one of await casesOf(SOURCE)) cases.set(one.name, one);
});

const failureOf = (name: string, schedule = ""): ExploreFailure | undefined => replay(cases.get(name)!, schedule);

test.each(["first_of_5", "last_of_5", "word_in_5", "last_of_8", "word_at_5th_of_8", "set_7_of_7", "global", "free_of_null", "own", "foreign_after_grace", "own_stack_atomically"])("%s is right", (name) => {
  expect(failureOf(name)).toBeUndefined();
});

const NO_MEMORY = "which is no memory that it may use: out of bounds, another context's stack, or an address of user space";

test.each([
  ["behind_5", "reads 1 bytes", NO_MEMORY],
  ["write_behind_5", "writes 1 bytes", NO_MEMORY],
  ["far_behind_5", "reads 1 bytes", NO_MEMORY],
  ["before_5", "reads 1 bytes", NO_MEMORY],
  ["word_into_6th_of_5", "reads 4 bytes", NO_MEMORY],
  ["word_at_5th_of_5", "reads 4 bytes", NO_MEMORY],
  ["behind_8", "reads 1 bytes", NO_MEMORY],
  ["before_8", "reads 4 bytes", NO_MEMORY],
  ["set_8_of_7", "writes 4 bytes", NO_MEMORY],
  ["any_of_0", "reads 1 bytes", NO_MEMORY],
  ["null", "reads 4 bytes at 0x0,", "which is a null pointer's page"],
  ["null_field", "reads 4 bytes at 0xffc,", "which is a null pointer's page"],
  ["null_atomic", "writes 4 bytes at 0x10,", "which is a null pointer's page"],
  ["user_space", "reads 4 bytes at 0x7f00dea0,", NO_MEMORY],
  ["no_memory_wide", "writes 8 bytes at 0xfffffff0,", NO_MEMORY],
  ["machine_stack", "reads 4 bytes at 0x2000,", NO_MEMORY],
  ["use_after_free", "reads 1 bytes", "which has been freed"],
  ["overrun_in_run", "writes 1 bytes", NO_MEMORY],
])("%s is found: it %s", (name, what, why) => {
  const failure = failureOf(name);
  expect(failure).toMatchObject({ verdict: "broken", finding: { kind: "memory", sides: [{ context: "T0", cpu: 0, what: what.split(" ")[0] }] } });
  expect(failure!.detail).toMatch(`T0 on CPU 0 ${what}`);
  expect(failure!.detail.endsWith(why)).toBe(true);
});

test.each([
  ["free_after_free", "T0 frees memory that is free already"],
  ["free_of_inside", "T0 frees what was never allocated"],
  ["free_of_global", "T0 frees what was never allocated"],
])("%s is found", (name, detail) => {
  expect(failureOf(name)).toMatchObject({ verdict: "broken", detail, finding: { kind: "memory" } });
});

test("the place is the author's line", () => {
  const place = (name: string): unknown => readSite(cases.get(name)!.course.machine.instance, failureOf(name)!.finding!.sides[0]!.site);
  expect(place("use_after_free")).toEqual({ path: "test.c", line: lineOf(SOURCE, "/* use after free */"), function: "use_freed" });
  expect(place("word_at_5th_of_5")).toEqual({ path: "test.c", line: lineOf(SOURCE, "/* word */"), function: "read_word_at" });
});

describe("memory of one CPU", () => {
  test("is not for contexts of another", () => {
    expect(failureOf("foreign", "T1")).toMatchObject({ finding: { kind: "memory", sides: [{ context: "T1", cpu: 1 }] } });
    expect(failureOf("foreign", "T1")!.detail).toMatch(/^T1 on CPU 1 reads 4 bytes at 0x[0-9a-f]+, which belongs to CPU 0$/);
  });

  test("is for all of its own in every schedule", () => {
    expect(search(cases.get("own")!, { preemptions: 2 })).toMatchObject({ failed: 0 });
  });
});

test("another context's stack is found wherever its owner is, and only if it is used", () => {
  const { failures } = search(cases.get("stack_of_another")!, { preemptions: 1, delays: 0 });
  expect(new Set(failures.map(({ detail }) => detail.replace(/0x\w+/, "")))).toEqual(new Set([`T1 on CPU 1 writes 4 bytes at , ${NO_MEMORY}`]));
  expect(failureOf("stack_of_another", "T1:* T0:*")).toBeUndefined();
});

describe("what is allocated in a run", () => {
  test.each(["allocated_in_run", "published_in_run", "two_and_one_in_run"])("%s: it may be used, is zeroed, and is anew in each run", (name) => {
    expect(search(cases.get(name)!, { preemptions: 2, delays: 0 })).toMatchObject({ failed: 0 });
  });

  test("its end is known to whoever finds it", () => {
    const { failures, failed } = search(cases.get("overrun_published_in_run")!, { preemptions: 1, delays: 0 });
    expect(failed).toBe(1); // T0:* T1:*; else T1 finds no pointer
    expect(failures).toMatchObject([{ finding: { kind: "memory", sides: [{ context: "T1" }] } }]);
    expect(failureOf("overrun_published_in_run", "T0:* T1:*")?.detail).toBe(failures[0]!.detail);
  });

  test("a block that was freed is used in exactly the schedules in which the free comes first", () => {
    const one = cases.get("free_while_used")!;
    /*
     * T0: reads step, reads the block, writes the block; T1: writes step and frees, which is no event. So T1 runs whole:
     * before T0 (which then uses nothing), before its event 2 or 3, or after it.
     */
    const ends = new Map<string, boolean>();
    const found = search({ ...one, check: (outcome) => (ends.set(formatSchedule(outcome.steps), true), one.check(outcome)) }, { preemptions: 2, delays: 0 });
    expect(found).toMatchObject({ schedules: 4, failed: 2 });
    expect([...ends.keys()].sort()).toEqual(["T0:* T1:*", "T1:* T0:*"]);
    for (const event of [2, 3]) expect(failureOf("free_while_used", `T0:${event} T1:* T0`)?.detail).toMatch(/which has been freed$/);
    expect(found.failures.every(({ detail }) => detail.endsWith("which has been freed"))).toBe(true);
  });

  test("a fork knows the blocks that were there, whatever was allocated and freed since", () => {
    const { course } = cases.get("two_and_one_in_run")!;
    const run = new Run(course);
    expect(run.advance(run.contexts[0]!, 2)).toBe("stopped"); // two allocated, one of them freed, the other written
    const fork = run.fork();
    for (const other of ["T1:* T0:1", "T0:*"]) {
      runSchedule(course, other);
      run.back(fork);
      expect(run.finish()).toMatchObject({ verdict: "completed" });
    }
    runSchedule(cases.get("two_and_one_in_run")!.course, "T1:1");
    run.back(fork);
    expect(run.advance(run.contexts[0]!, "end")).toBe("ended");
  });

  test("the search gives the same whatever else is run on the same machine in between", () => {
    const one = cases.get("two_and_one_in_run")!;
    const alone = search(one, { preemptions: 1 });
    const disturbed = search({ ...one, check: (outcome) => { runSchedule(one.course, "T1:3 T0:*"); return one.check(outcome); } }, { preemptions: 1 });
    expect({ ...disturbed, failures: [] }).toEqual({ ...alone, failures: [] });
    expect(disturbed.failed).toBe(0);
  });
});

test("allocated bytes are counted as they come and go", () => {
  const { course } = cases.get("free_while_used")!;
  const { instance } = course.machine;
  course.prepare();
  expect(MemoryDetector.allocated(instance)).toBe(6);
  runSchedule(course, "");
  expect(MemoryDetector.allocated(instance)).toBe(0);
});

test("memory that wasm grew by in the run may be used", async () => {
  const [one] = await casesOf(inline(`
    static void take(uintptr_t size) { u8 *p = stp_alloc_atomic(size); if (p) { STP_WRITE(p[0], 1); STP_WRITE(p[size - 1], 1); } }
    static void overrun(uintptr_t size) { u8 *p = stp_alloc_atomic(size); if (p) STP_WRITE(p[size], 1); }
    STP_CASE(large) { stp_task(0, take, 1 << 20); stp_task(1, take, 1 << 21); }
    STP_CASE(overrun) { stp_task(0, overrun, 1 << 20); stp_task(1, take, 1 << 21); }`));
  expect(search(one!, { preemptions: 2, delays: 0 })).toMatchObject({ failed: 0, exhaustive: true });
});
