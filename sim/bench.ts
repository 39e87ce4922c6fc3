/**
 * How fast the machine is: `npm run bench`. It reads the clock and asserts nothing.
 *
 * Prints median and spread of several rounds, after one that warms up.
 */
import { cpus, loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { readFileSync } from "node:fs";
import { runtimeSources } from "../spec/runtime.ts";
import { compileExplored, exploredCases, type ExploredCase } from "./explored.ts";
import { depthFirst } from "./explore/depth-first.ts";
import { explore } from "./explore/explore.ts";
import type { SimContext } from "./machine.ts";
import { Run } from "./run.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

const ROUNDS = 7;
const TIME_MS = 400;

/** Things per second that `work` does, or microseconds for each; it answers how many it did. */
function measure(name: string, work: () => number, unit: "/s" | " µs" = "/s"): void {
  const rates = Array.from({ length: ROUNDS + 1 }, () => {
    const begun = performance.now();
    let done = 0;
    while (performance.now() - begun < TIME_MS) done += work();
    return done / ((performance.now() - begun) / 1000);
  }).slice(1);
  rates.sort((a, b) => a - b);
  const [slowest, median, fastest] = [rates[0]!, rates[ROUNDS >> 1]!, rates.at(-1)!].map((rate) => (unit === "/s" ? Math.round(rate).toLocaleString("en") : (1e6 / rate).toFixed(1)));
  console.log(`${name.padEnd(58)} ${median}${unit} (${slowest} to ${fastest})`);
}

async function caseOf(text: string): Promise<ExploredCase> {
  const source = { path: "sim/bench.c", text: `#include <stp_explore.h>\n${text}` };
  return (await exploredCases(source.path, await compileExplored(source, { runtime: runtimeSources("wasm32") })))[0]!;
}

/** A case's contexts without anyone who watches. */
function unwatched({ course, contexts }: ExploredCase): () => SimContext[] {
  return () => {
    course.machine.watch(undefined);
    course.machine.reset();
    return contexts.map((spec) => course.machine.spawn(spec));
  };
}

/** Each of two contexts left before each of its events for the whole other: complete runs, each checked. */
function onePreemptionRuns(prepare: () => readonly SimContext[], one: ExploredCase, isRight: () => boolean): number {
  const { machine } = one.course;
  let runs = 0;
  for (const [first, second] of [[0, 1], [1, 0]] as const) {
    for (let access = 2; ; access++) {
      const contexts = prepare();
      const ended = machine.step(contexts[first]!, access).state === "ended";
      machine.step(contexts[second]!, "end");
      if (!ended) machine.step(contexts[first]!, "end");
      if (!isRight()) throw new Error("The atomic count is wrong");
      runs++;
      if (ended) break;
    }
  }
  return runs;
}

console.log(`${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}, clang -O2, one thread; median of ${ROUNDS} rounds of ${TIME_MS} ms (slowest to fastest); load ${loadavg()[0]!.toFixed(1)} of ${cpus().length} CPUs`);

const forever = await caseOf(`static u32 stop;
static void run(uintptr_t unused) { while (!STP_READ(stop)) ; }
STP_CASE(forever) { stp_task(0, run, 0); stp_task(1, run, 0); }`);
const beginForever = unwatched(forever);
measure("context switches (stop one, resume the other)", () => {
  const [one, two] = beginForever();
  for (let access = 1; access <= 10_000; access++) {
    forever.course.machine.step(one!, access);
    forever.course.machine.step(two!, access);
  }
  return 20_000;
});
measure("events without a stop", () => {
  const [one] = beginForever();
  forever.course.machine.step(one!, 500_000);
  return 500_000;
});

const counting = await caseOf(`static u32 count;
static void add(uintptr_t unused) { __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED); STP_READ(count); }
static void check(void) { stp_assert(count % 2 == 0); }
STP_CASE(counting) { stp_task(0, add, 0); stp_task(1, add, 0); stp_finally(check); }`);
const beginCounting = unwatched(counting);
const finallyCheck = counting.course.machine.instance.func("stp_sim_finally");
measure("one-preemption runs, nobody watching", () => {
  let runs = 0;
  // An assertion that fails outside of a context traps: each run is checked.
  for (let i = 0; i < 200; i++) runs += onePreemptionRuns(beginCounting, counting, () => (finallyCheck(), true));
  return runs;
});
const bound1 = depthFirst({ preemptions: 1, delays: 0 });
/** Enough searches that their beginnings do not count. */
const searched = (one: Pick<ExploredCase, "course" | "check">, explorer = bound1): number => {
  let runs = 0;
  for (let i = 0; i < 20; i++) runs += explore({ ...one, explorer }).schedules;
  return runs;
};
measure("the same by depth-first search, nobody watching", () => searched({ course: { machine: counting.course.machine, prepare: beginCounting }, check: counting.check }));
measure("the same, all observers watching", () => searched(counting));

const seqlock = { path: "sim/litmus/seqlock.c", text: readFileSync(new URL("litmus/seqlock.c", import.meta.url), "utf8") };
const [, repaired] = await exploredCases(seqlock.path, await compileExplored(seqlock, { runtime: runtimeSources("wasm32") }));
measure("schedules of litmus case 10 at bound 2, all watching", () => searched(repaired!, depthFirst({ preemptions: 2 })));

const { machine } = new Run(counting.course);
const memory_kib = machine.instance.bytes.length / 1024;
const snapshot = takeSnapshot(machine);
measure(`snapshot of ${memory_kib} KiB taken, each 64 KiB of it`, () => {
  for (let round = 0; round < 100; round++) takeSnapshot(machine, snapshot);
  return (100 * memory_kib) / 64;
}, " µs");
measure("and restored", () => {
  for (let round = 0; round < 100; round++) restoreSnapshot(machine, snapshot);
  return (100 * memory_kib) / 64;
}, " µs");
