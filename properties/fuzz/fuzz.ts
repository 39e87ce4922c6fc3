/**
 * Coverage-guided fuzzing of the runtime under concurrency: programs, schedules and faults, each run judged by the model.
 *
 * Threads share what was reached; the corpus is on disk, so that a session that was killed goes on where it was.
 * Siblings: fuzzer.ts is what one thread does; properties/concurrent/ has programs, runs and judgement.
 */
import { Worker } from "node:worker_threads";
import { Bench, compileConcurrent } from "../concurrent/bench.ts";
import { LEGAL_CELLS } from "../concurrent/cells.ts";
import { Judge } from "../concurrent/judge.ts";
import { formatConcurrent, parseConcurrent } from "../concurrent/program.ts";
import { fileOf } from "../concurrent/replay.ts";
import { shrinkConcurrent } from "../concurrent/shrink.ts";
import type { Found } from "../concurrent/survey.ts";
import type { Trouble } from "../concurrent/trouble.ts";
import { loadModel } from "../model.ts";
import type { RuntimeSources } from "../../spec/runtime.ts";
import { Corpus } from "./corpus.ts";
import { Features } from "./features.ts";
import { STOP, type FromThread, type ThreadData } from "./protocol.ts";

/** How often the caller is told how it goes. */
const PROGRESS_MS = 200;
/** Allocations of a session's init that are made to fail; there are far fewer. */
const ALLOCATIONS_MAX = 1000;

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly corpus: string;
  readonly jobs: number;
  /** A changed copy of the C, for tests. */
  readonly runtime?: RuntimeSources;
  readonly report?: (line: string) => void;
  readonly progress?: (state: FuzzState) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

export interface FuzzState {
  readonly executions: number;
  readonly executions_per_s: number;
  readonly edges: number;
  readonly edges_total: number;
  readonly cells: number;
  readonly cells_legal: number;
  readonly inputs: number;
}

export interface FuzzFailure extends Trouble {
  /** The shrunk program and schedule. */
  readonly path: string;
  readonly text: string;
}

export interface FuzzResult extends FuzzState {
  readonly seconds: number;
  readonly cells_missing: readonly string[];
  /** Allocations of a session's init that were made to fail, each in turn. */
  readonly allocations: number;
  readonly failure: FuzzFailure | undefined;
}

/** Fuzzes until the time is over, the signal comes, or the first failure, which it shrinks. Throws StpError for a bad corpus directory. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const corpus = new Corpus(options.corpus);
  const { runtime, report } = options;
  const module = await compileConcurrent({ ...(runtime ? { runtime } : {}), ...(report ? { report } : {}) });
  const model = await loadModel(); // so that the threads find it in the cache
  const bench = await Bench.create(module);
  const features = new Features(bench.coverage.edges);
  const { allocations, trouble } = failAllocations(await Bench.create(module), features);
  const session = new Session(options, module, corpus, features);
  if (trouble) return { ...session.state(), seconds: 0, cells_missing: [], allocations, failure: keep(corpus, trouble, allocationFile(trouble, allocations)) };
  const raw = await session.run();
  const found = raw && shrunk(raw, bench, new Judge(bench, model), report);
  const failure = found && keep(corpus, found.trouble, fileOf(found));
  return { ...session.state(), seconds: session.seconds, cells_missing: session.features.cellsMissing, allocations, failure };
}

/** Each allocation of init fails once: it says so, and leaves nothing behind. */
export function failAllocations(bench: Bench, features = new Features(bench.coverage.edges)): { readonly allocations: number; readonly trouble: Trouble | undefined } {
  const counters = new Uint8Array(bench.coverage.edges);
  for (let n = 1; n < ALLOCATIONS_MAX; n++) {
    const wrong = bench.failAllocation(n);
    bench.coverage.read(counters);
    features.add(counters, []);
    if (wrong === "none") return { allocations: n - 1, trouble: undefined };
    if (wrong !== undefined) return { allocations: n, trouble: { rule: "memory", detail: wrong } };
  }
  throw new Error(`A session's init makes more than ${ALLOCATIONS_MAX} allocations`);
}

function shrunk(raw: RawFailure, bench: Bench, judge: Judge, report?: (line: string) => void): Found {
  const { program, schedule } = parseConcurrent(raw.text, "a failure");
  report?.("shrinking the failure");
  return shrinkConcurrent({ program, schedule: schedule ?? [], trouble: raw.trouble }, bench, judge);
}

function allocationFile({ rule, detail }: Trouble, allocation: number): string {
  return formatConcurrent({ program: { setup: [], contexts: [], clock: [] }, schedule: undefined, comments: [`${rule}: ${detail}`], allocation });
}

function keep(corpus: Corpus, trouble: Trouble, text: string): FuzzFailure {
  return { ...trouble, text, path: corpus.addFailure(trouble.rule, text) };
}

interface RawFailure {
  readonly text: string;
  readonly trouble: Trouble;
}

/** The threads, from their start until the last has ended. */
class Session {
  readonly features: Features;
  readonly #options: FuzzOptions;
  readonly #module: WebAssembly.Module;
  readonly #corpus: Corpus;
  readonly #counters: Int32Array;
  readonly #workers: Worker[] = [];
  #begun_ms = performance.now();
  #ended_ms: number | undefined;
  #inputs = 0;
  #failure: RawFailure | undefined;

  constructor(options: FuzzOptions, module: WebAssembly.Module, corpus: Corpus, features: Features) {
    this.#options = options;
    this.#module = module;
    this.#corpus = corpus;
    this.features = features;
    this.#counters = new Int32Array(new SharedArrayBuffer(4 * (1 + options.jobs)));
  }

  get seconds(): number {
    return ((this.#ended_ms ?? performance.now()) - this.#begun_ms) / 1000;
  }

  state(): FuzzState {
    const executions = this.#counters.subarray(1).reduce((sum, count) => sum + count, 0);
    return {
      executions,
      executions_per_s: Math.round(executions / Math.max(this.seconds, 0.001)),
      edges: this.features.edgesReached,
      edges_total: this.features.edges,
      cells: LEGAL_CELLS.length - this.features.cellsMissing.length,
      cells_legal: LEGAL_CELLS.length,
      inputs: this.#inputs,
    };
  }

  async run(): Promise<RawFailure | undefined> {
    const { jobs, seconds, signal, progress } = this.#options;
    const stop = (): void => void Atomics.store(this.#counters, STOP, 1);
    const paths = this.#corpus.paths();
    const timer = setTimeout(stop, seconds * 1000);
    const ticker = setInterval(() => progress?.(this.state()), PROGRESS_MS);
    signal?.addEventListener("abort", stop, { once: true });
    this.#begun_ms = performance.now();
    try {
      await Promise.all(Array.from({ length: jobs }, (_, index) => this.#thread(index, paths.filter((_path, i) => i % jobs === index))));
    } finally {
      stop();
      clearTimeout(timer);
      clearInterval(ticker);
      signal?.removeEventListener("abort", stop);
      this.#ended_ms = performance.now();
    }
    return this.#failure;
  }

  #thread(index: number, inputs: readonly string[]): Promise<void> {
    const workerData: ThreadData = {
      entry: new URL("./thread.ts", import.meta.url).href,
      module: this.#module,
      features: this.features.shared,
      counters: this.#counters.buffer as SharedArrayBuffer, // it was made as one
      corpus: this.#corpus.directory,
      seed: (Math.imul(this.#options.seed, 0x9e3779b1) + index) | 0,
      index,
      inputs,
    };
    const worker = new Worker(new URL("../thread.mjs", import.meta.url), { workerData });
    this.#workers.push(worker);
    worker.on("message", (message: FromThread) => this.#hear(worker, message));
    return new Promise((resolve, reject) => {
      worker.once("error", (error) => {
        Atomics.store(this.#counters, STOP, 1);
        reject(error);
      });
      worker.once("exit", () => resolve());
    });
  }

  #hear(from: Worker, message: FromThread): void {
    if (message.kind === "failure") this.#failure ??= message;
    if (message.kind !== "input") return;
    this.#inputs++;
    for (const worker of this.#workers) if (worker !== from) worker.postMessage(message.text);
  }
}
