/**
 * Verification: the same operations on the model and on an implementation, every result and digest (O3, O4) compared.
 *
 * Operations come in episodes, each on a fresh session, so that what fails in one can be shrunk by itself.
 */
import { sizeOf } from "../spec/layout.ts";
import { CellCounter, type CellReport } from "./cells.ts";
import { firstDifference } from "./dump.ts";
import { createGenerator } from "./generate.ts";
import { decodeBatch, encodeBatch, formatOperation, type Operation } from "./operations.ts";
import { shrink, type Fails } from "./shrink.ts";
import type { ReplayTarget, TargetFactory } from "./target.ts";

/** Operations of one episode. */
export const EPISODE_OPERATIONS = 4000;
/** Every so many operations the full dump joins the digest. */
export const FULL_EVERY = 256;

export interface VerifyOptions {
  readonly operations: number;
  readonly seed: number;
  readonly model: ReplayTarget;
  readonly target: TargetFactory;
  /** Told the operations made so far. */
  readonly progress?: (made: number) => void;
}

/** Where the two differ. */
export interface Difference {
  /** The shrunk trace, one operation a line; `./stp replay` takes a file of these lines. */
  readonly trace: readonly string[];
  /** What differs after its last operation: results, or lines of the full dump. */
  readonly model: string;
  readonly target: string;
}

export interface Divergence extends Difference {
  readonly seed: number;
}

export interface VerifyResult {
  readonly operations: number;
  /** For the operations; of verifyBatch() what the target itself says, without what it took to begin. */
  readonly seconds: number;
  readonly divergence: Divergence | undefined;
  /** What the model returned until then, where. */
  readonly cells: CellReport;
}

/** Runs until the operations are made, or the first divergence, which it shrinks. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const { model, seed } = options;
  const generator = createGenerator(seed);
  const target = await options.target();
  const cells = new CellCounter();
  const begun_ms = performance.now();
  const result = (operations: number, divergence?: Divergence): VerifyResult => ({ operations, seconds: (performance.now() - begun_ms) / 1000, divergence, cells: cells.report() });
  for (let made = 0; made < options.operations; ) {
    const count = Math.min(EPISODE_OPERATIONS, options.operations - made);
    const batch = generator.batch(count, FULL_EVERY);
    if (!sameRun(model, target, batch, cells)) {
      const difference = await explainDifference(model, options.target, decodeBatch(batch).operations);
      return result(made + count, { seed, ...difference });
    }
    made += count;
    options.progress?.(made);
  }
  return result(options.operations);
}

export interface VerifyBatchOptions extends Omit<VerifyOptions, "target"> {
  /** Runs a batch on a fresh session somewhere; costly to begin, so it is given all operations at once. */
  readonly run: (batch: Uint8Array) => Promise<{ readonly results: Uint8Array; readonly dump: Uint8Array; readonly seconds: number }>;
}

/** As verify, for a target that is reached once. A divergence is not shrunk: its trace is all up to it, cut to the last. */
export async function verifyBatch({ operations, seed, model, run }: VerifyBatchOptions): Promise<VerifyResult> {
  const batch = createGenerator(seed).batch(operations, FULL_EVERY).slice();
  const actual = await run(batch);
  const { seconds } = actual;
  model.init();
  const expected = model.run(batch);
  const counter = new CellCounter();
  counter.count(batch, expected);
  const cells = counter.report();
  const at = firstDifferent(expected, actual.results);
  if (at < 0 && Buffer.compare(model.dump(), actual.dump) === 0) return { operations, seconds, divergence: undefined, cells };
  if (at < 0) {
    const difference = firstDifference(model.dump(), actual.dump)!;
    return { operations, seconds, divergence: { seed, trace: [], model: difference.expected, target: difference.actual }, cells };
  }
  const trace = decodeBatch(batch).operations.slice(0, at + 1).slice(-TRACE_SHOWN_MAX);
  const results = [expected, actual.results].map((all) => `result ${lastResult(all.subarray(0, (at + 1) * RESULT_SIZE))} of operation ${at + 1}`);
  return { operations, seconds, divergence: { seed, trace: trace.map(formatOperation), model: results[0]!, target: results[1]! }, cells };
}

/** Operations of an unshrunk trace that are shown. */
const TRACE_SHOWN_MAX = 20;
const RESULT_SIZE = sizeOf("op_result");

/** The first operation whose result or digest differs; -1 if there is none. */
function firstDifferent(expected: Uint8Array, actual: Uint8Array): number {
  const of = (results: Uint8Array, i: number): Uint8Array => results.subarray(i * RESULT_SIZE, (i + 1) * RESULT_SIZE);
  return Array.from({ length: expected.length / RESULT_SIZE }).findIndex((_, i) => Buffer.compare(of(expected, i), of(actual, i)) !== 0);
}

/** Compares two fresh sessions over one batch, and counts the cells that it reaches. A target that throws (a wasm trap) differs. */
export function sameRun(model: ReplayTarget, target: ReplayTarget, batch: Uint8Array, cells?: CellCounter): boolean {
  model.init();
  const expected = model.run(batch);
  cells?.begin();
  cells?.count(batch, expected);
  try {
    target.init();
    return Buffer.compare(expected, target.run(batch)) === 0 && Buffer.compare(model.dump(), target.dump()) === 0;
  } catch {
    return false;
  }
}

/** The shrunk trace of operations that are known to differ, and what differs. */
export async function explainDifference(model: ReplayTarget, target: TargetFactory, operations: readonly Operation[]): Promise<Difference> {
  // A fresh target for each try: what one try damages must not make the next one fail, or pass.
  const fails: Fails = async (candidate) => !sameRun(model, await target(), encodeBatch(candidate, { fullEvery: 1 }));
  const trace = await shrink(await cutAtDifference(model, await target(), operations, fails), fails);
  const difference = await compareTrace(model, await target(), trace);
  return { trace: trace.map(formatOperation), ...(difference ?? { model: "(differs)", target: "(only with what came before)" }) };
}

/** The operations up to the first that differs; all, if those do not. */
async function cutAtDifference(model: ReplayTarget, target: ReplayTarget, operations: readonly Operation[], fails: Fails): Promise<readonly Operation[]> {
  const batch = encodeBatch(operations, { fullEvery: 1 });
  model.init();
  const expected = model.run(batch);
  try {
    const cut = operations.slice(0, firstDifferent(expected, target.run(batch)) + 1);
    return (await fails(cut)) ? cut : operations;
  } catch {
    return operations; // the target trapped
  }
}

/** What differs when a trace is run on fresh sessions: its last results, else a line of the dump; undefined if nothing does. */
export async function compareTrace(model: ReplayTarget, target: ReplayTarget, trace: readonly Operation[]): Promise<{ model: string; target: string } | undefined> {
  const batch = encodeBatch(trace, { fullEvery: 1 });
  if (sameRun(model, target, batch)) return undefined;
  model.init();
  const expected = lastResult(model.run(batch));
  try {
    target.init();
    const actual = lastResult(target.run(batch));
    if (expected !== actual) return { model: `result ${expected}`, target: `result ${actual}` };
    const difference = firstDifference(model.dump(), target.dump());
    return difference ? { model: difference.expected, target: difference.actual } : { model: "(same state)", target: "(same state; an output differs)" };
  } catch (error) {
    return { model: `result ${expected}`, target: error instanceof Error ? error.message : String(error) };
  }
}

function lastResult(results: Uint8Array): bigint {
  const view = new DataView(results.buffer, results.byteOffset);
  return results.length === 0 ? 0n : view.getBigInt64(results.length - RESULT_SIZE, true);
}
