/** Speed of the machine on litmus 1. Run it: npx tsx sim/bench.ts. It asserts nothing. */
import { cpus } from "node:os";
import { onePreemption } from "./explore.ts";
import { LitmusRig, type LitmusCase } from "./litmus/rig.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

const ROUNDS = 5;
const TIME_MS = 1000;

const lostUpdate: LitmusCase = {
  name: "lost_update",
  parts: [
    { name: "T0", cpu: 0, run: "buggy" },
    { name: "T1", cpu: 1, run: "buggy" },
  ],
  check: () => undefined,
};

/** Operations per second, a run for each round. `work` returns how many it did. */
function measure(name: string, work: () => number): void {
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    let done = 0;
    while (performance.now() - start < TIME_MS) done += work();
    return (done / (performance.now() - start)) * 1000;
  }).sort((a, b) => a - b);
  const [slowest, median, fastest] = [rates[0]!, rates[ROUNDS >> 1]!, rates[ROUNDS - 1]!].map((rate) => Math.round(rate).toLocaleString("en"));
  console.log(`${name.padEnd(40)} ${median}/s (${slowest} to ${fastest})`);
}

const rig = await LitmusRig.create();
const { machine } = rig;
console.log(`${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}, one thread; median of ${ROUNDS} rounds of ${TIME_MS} ms`);

measure("context switches (stop and resume)", () => {
  const [forever] = rig.prepare({ name: "spin", parts: [{ name: "T0", run: "forever" }], check: () => undefined });
  for (let access = 1; access <= 10_000; access++) machine.step(forever!, access);
  return 10_000;
});
measure("accesses without a stop", () => {
  const [forever] = rig.prepare({ name: "spin", parts: [{ name: "T0", run: "forever" }], check: () => undefined });
  machine.step(forever!, 1_000_000);
  return 1_000_000;
});
measure("one-preemption runs", () => {
  let runs = 0;
  for (let round = 0; round < 1000; round++) runs += rig.explore(lostUpdate, onePreemption("T0", "T1")).schedules;
  return runs;
});
const memory_kib = machine.instance.bytes.length / 1024;
const snapshot = takeSnapshot(machine);
measure(`snapshots of ${memory_kib} KiB restored`, () => {
  for (let round = 0; round < 100; round++) restoreSnapshot(machine, snapshot);
  return 100;
});
