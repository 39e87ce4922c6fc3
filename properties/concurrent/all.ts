/**
 * Every pair of operations, explored by all CPUs: `npm run concurrent -- [--map NAME] [--sample N] [--jobs N]`.
 *
 * It takes long. The tests take a sample; a failure is shrunk and printed as a file that `./stp replay` takes.
 * Siblings: all-thread.ts is what one thread does, pairs.ts has the pairs.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { parseArgs } from "node:util";
import { REPLAY_MAPS } from "../../spec/protocol.ts";
import { loadModel } from "../model.ts";
import { sample } from "../mutate.ts";
import { compileConcurrent } from "./bench.ts";
import { allPairs, type Pair } from "./pairs.ts";

/** Failures after which it stops. */
const FAILURES_MAX = 8;

export interface AllThreadData {
  /** For properties/thread.mjs. */
  readonly entry: string;
  readonly module: WebAssembly.Module;
  readonly pairs: readonly Pair[];
}

/** What became of one pair. */
export interface PairDone {
  readonly name: string;
  readonly schedules: number;
  readonly exhaustive: boolean;
  /** The file of the shrunk failure. */
  readonly failure: string | undefined;
}

const { values } = parseArgs({ options: { map: { type: "string", default: REPLAY_MAPS[0].name }, sample: { type: "string" }, seed: { type: "string", default: "1" }, jobs: { type: "string", default: String(availableParallelism()) } } });
const map = REPLAY_MAPS.findIndex(({ name }) => name === values.map);
if (map < 0) throw new Error(`There is no map ${values.map}; they are ${REPLAY_MAPS.map(({ name }) => name).join(", ")}`);
const pairs = values.sample === undefined ? allPairs(map) : sample(allPairs(map), Number(values.sample), Number(values.seed));
const module = await compileConcurrent({ report: console.error });
await loadModel(); // so that the threads find it in the cache

const begun_ms = performance.now();
const totals = { pairs: 0, schedules: 0, cut: 0, failures: 0 };
const workers: Worker[] = [];
const jobs = Number(values.jobs);
await Promise.all(Array.from({ length: jobs }, (_, index) => explored(pairs.filter((_pair, i) => i % jobs === index))));
const seconds = (performance.now() - begun_ms) / 1000;
console.log(`${totals.pairs} of ${pairs.length} pairs, ${totals.schedules} schedules in ${seconds.toFixed(0)} s (${Math.round(totals.schedules / seconds)} a second), ${totals.cut} pairs cut short, ${totals.failures} failures`);
if (totals.failures > 0) process.exitCode = 1;

function explored(share: readonly Pair[]): Promise<void> {
  const workerData: AllThreadData = { entry: new URL("./all-thread.ts", import.meta.url).href, module, pairs: share };
  const worker = new Worker(new URL("../thread.mjs", import.meta.url), { workerData });
  workers.push(worker);
  worker.on("message", done);
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}

function done({ name, schedules, exhaustive, failure }: PairDone): void {
  totals.pairs++;
  totals.schedules += schedules;
  if (!exhaustive && failure === undefined) totals.cut++;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${totals.pairs} of ${pairs.length}: ${name}`);
  if (failure === undefined) return;
  totals.failures++;
  console.log(`\n${name}\n${failure}`);
  if (totals.failures >= FAILURES_MAX) for (const worker of workers) void worker.terminate();
}
