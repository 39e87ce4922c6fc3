/**
 * Every pair of calls on every kind of map, explored by all CPUs: `npm run concurrent -- [--map NAME] [--adds] [--sample N] [--jobs N]`.
 *
 * It takes long. The tests take a sample; `--adds` leaves those in which a call meets one that adds. A failure is shrunk and
 * printed as a file that `./stp replay` takes.
 * Siblings: all-thread.ts is what one thread does, pairs.ts has the pairs.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { parseArgs } from "node:util";
import { REPLAY_MAPS } from "../../spec/protocol.ts";
import { loadModel } from "../model.ts";
import { sample } from "../mutate.ts";
import { compileConcurrent } from "./bench.ts";
import { allPairs, everyPair, pairsWithAdds, type Pair } from "./pairs.ts";

/** Failures after which it stops. */
const FAILURES_MAX = 8;
/** Pairs between two lines that say how far it is. */
const PROGRESS_PAIRS = 5000;

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

const { values } = parseArgs({ options: { map: { type: "string" }, adds: { type: "boolean", default: false }, sample: { type: "string" }, seed: { type: "string", default: "1" }, jobs: { type: "string", default: String(availableParallelism()) } } });
const chosen = values.adds ? pairsWithAdds() : values.map === undefined ? everyPair() : allPairs(mapOf(values.map));
const pairs = values.sample === undefined ? chosen : sample(chosen, Number(values.sample), Number(values.seed));
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

function mapOf(name: string): number {
  const map = REPLAY_MAPS.findIndex((one) => one.name === name);
  if (map < 0) throw new Error(`There is no map ${name}; they are ${REPLAY_MAPS.map((one) => one.name).join(", ")}`);
  return map;
}

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
  if (totals.pairs % PROGRESS_PAIRS === 0) console.log(`${totals.pairs} of ${pairs.length} pairs, ${totals.schedules} schedules, ${((performance.now() - begun_ms) / 1000).toFixed(0)} s`);
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${totals.pairs} of ${pairs.length}: ${name}`);
  if (failure === undefined) return;
  totals.failures++;
  console.log(`\n${name}\n${failure}`);
  if (totals.failures >= FAILURES_MAX) for (const worker of workers) void worker.terminate();
}
