/** One thread of all.ts: explores its pairs and tells what became of each. */
import { parentPort, workerData } from "node:worker_threads";
import { loadModel } from "../model.ts";
import type { AllThreadData, PairDone } from "./all.ts";
import { Bench } from "./bench.ts";
import { Judge } from "./judge.ts";
import { nameOfPair, programOf } from "./pairs.ts";
import { fileOf } from "./replay.ts";
import { shrinkConcurrent } from "./shrink.ts";
import { exploreProgram, explorerFor } from "./survey.ts";

const data = workerData as AllThreadData; // all.ts gives it
const bench = await Bench.create(data.module);
const judge = new Judge(bench, await loadModel());

for (const pair of data.pairs) {
  const program = programOf(pair);
  const { schedules, exhaustive, found } = exploreProgram({ bench, judge, program, explorer: explorerFor(bench, program) });
  const failure = found && fileOf(shrinkConcurrent(found, bench, judge));
  parentPort!.postMessage({ name: nameOfPair(pair), schedules, exhaustive, failure } satisfies PairDone);
}
