/**
 * One thread of the fuzzer: goes over its share of the corpus, then fuzzes until it is told to stop.
 *
 * Siblings: fuzz.ts is the other side; properties/thread.mjs starts this.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Bench, fits } from "../concurrent/bench.ts";
import { wrongWith } from "../concurrent/check.ts";
import { formatConcurrent, parseConcurrent } from "../concurrent/program.ts";
import { loadModel } from "../model.ts";
import { StpError } from "../../spec/errors.ts";
import { Corpus } from "./corpus.ts";
import { Features } from "./features.ts";
import { Fuzzer, type Executed, type Input } from "./fuzzer.ts";
import { STOP, type FromThread, type ThreadData } from "./protocol.ts";

/** Executions between two looks at messages. */
const EXECUTIONS_BEFORE_LOOK = 200;

const data = workerData as ThreadData; // fuzz.ts gives it
const port = parentPort!;
const corpus = new Corpus(data.corpus);
const counters = new Int32Array(data.counters);
const bench = await Bench.create(data.module);
const fuzzer = new Fuzzer(bench, await loadModel(), new Features(bench.coverage.edges, data.features), data.seed);

port.on("message", (text: string) => {
  const input = readInput(text, "an input of another thread");
  if (input) fuzzer.take(input);
});
if (replayCorpus()) tell({ kind: "replayed" });
while (!isStopped()) {
  for (let i = 0; i < EXECUTIONS_BEFORE_LOOK && !isStopped(); i++) took(fuzzer.next());
  await new Promise((resolve) => setImmediate(resolve));
}
port.close();

/** Inputs that reach nothing new are dropped; one that went otherwise than it says is written anew. False if it was stopped before the end. */
function replayCorpus(): boolean {
  for (const path of data.inputs) {
    if (isStopped()) return false;
    const input = readInput(corpus.read(path), path);
    const executed = input && fuzzer.replay(input);
    if (!executed?.isNew || corpus.pathOf(textOf(executed.input)) !== path) corpus.remove(path);
    if (executed) took(executed);
  }
  return true;
}

function took({ input, isNew, found }: Executed): void {
  Atomics.add(counters, data.index + 1, 1);
  if (isNew) {
    corpus.add(textOf(input));
    tell({ kind: "input", text: textOf(input) });
  }
  if (!found) return;
  Atomics.store(counters, STOP, 1);
  tell({ kind: "failure", text: textOf(found), trouble: found.trouble });
}

function textOf({ program, schedule }: Input): string {
  return formatConcurrent({ program, schedule, comments: [] });
}

/** undefined: it is none, or may not be run; an older version has left it. */
function readInput(text: string, path: string): Input | undefined {
  try {
    const { program, schedule } = parseConcurrent(text, path);
    return schedule && wrongWith(program) === undefined && fits(program) ? { program, schedule } : undefined;
  } catch (error) {
    if (error instanceof StpError) return undefined;
    throw error;
  }
}

function isStopped(): boolean {
  return Atomics.load(counters, STOP) !== 0;
}

function tell(message: FromThread): void {
  port.postMessage(message);
}
