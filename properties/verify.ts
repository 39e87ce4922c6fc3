/**
 * Verification: the same operations on the model and on an implementation, every result and digest (O3, O4) compared.
 *
 * Operations come in episodes, each on a fresh session, so that what fails in one can be shrunk by itself.
 */
import { sizeOf } from "../spec/layout.ts";
import { firstDifference } from "./dump.ts";
import { createGenerator } from "./generate.ts";
import { decodeBatch, encodeBatch, formatOperation, type Operation } from "./operations.ts";
import { shrink } from "./shrink.ts";
import type { ReplayTarget, TargetFactory } from "./target.ts";

/** Operations of one episode. */
export const EPISODE_OPERATIONS = 2000;
/** Every so many operations the full dump joins the digest. */
export const FULL_EVERY = 64;

export interface VerifyOptions {
  readonly operations: number;
  readonly seed: number;
  readonly model: ReplayTarget;
  readonly target: TargetFactory;
  /** Told the operations made so far. */
  readonly progress?: (made: number) => void;
}

export interface Divergence {
  readonly seed: number;
  /** The shrunk trace, one operation a line; `./stp replay` takes a file of these lines. */
  readonly trace: readonly string[];
  /** What differs after its last operation: results, or lines of the full dump. */
  readonly model: string;
  readonly target: string;
}

export interface VerifyResult {
  readonly operations: number;
  readonly seconds: number;
  readonly divergence: Divergence | undefined;
}

/** Runs until the operations are made, or the first divergence, which it shrinks. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const { model, seed } = options;
  const generator = createGenerator(seed);
  let target = await options.target();
  const begun_ms = performance.now();
  for (let made = 0; made < options.operations; ) {
    const count = Math.min(EPISODE_OPERATIONS, options.operations - made);
    const batch = generator.batch(count, FULL_EVERY);
    if (!sameRun(model, target, batch)) {
      const divergence = await explain(options, decodeBatch(batch).operations);
      return { operations: made + count, seconds: (performance.now() - begun_ms) / 1000, divergence };
    }
    made += count;
    options.progress?.(made);
  }
  return { operations: options.operations, seconds: (performance.now() - begun_ms) / 1000, divergence: undefined };
}

export interface VerifyBatchOptions extends Omit<VerifyOptions, "target"> {
  /** Runs a batch on a fresh session somewhere; costly to begin, so it is given all operations at once. */
  readonly run: (batch: Uint8Array) => Promise<{ readonly results: Uint8Array; readonly dump: Uint8Array }>;
}

/** As verify, for a target that is reached once. A divergence is not shrunk: its trace is all up to it, cut to the last. */
export async function verifyBatch({ operations, seed, model, run }: VerifyBatchOptions): Promise<VerifyResult> {
  const batch = createGenerator(seed).batch(operations, FULL_EVERY).slice();
  const begun_ms = performance.now();
  const actual = await run(batch);
  const seconds = (performance.now() - begun_ms) / 1000;
  model.init();
  const expected = model.run(batch);
  const size = sizeOf("op_result");
  const at = Array.from({ length: operations }).findIndex((_, i) => Buffer.compare(expected.subarray(i * size, (i + 1) * size), actual.results.subarray(i * size, (i + 1) * size)) !== 0);
  if (at < 0 && Buffer.compare(model.dump(), actual.dump) === 0) return { operations, seconds, divergence: undefined };
  if (at < 0) {
    const difference = firstDifference(model.dump(), actual.dump)!;
    return { operations, seconds, divergence: { seed, trace: [], model: difference.expected, target: difference.actual } };
  }
  const trace = decodeBatch(batch).operations.slice(0, at + 1).slice(-TRACE_SHOWN_MAX);
  const results = [expected, actual.results].map((all) => `result ${lastResult(all.subarray(0, (at + 1) * size))} of operation ${at + 1}`);
  return { operations, seconds, divergence: { seed, trace: trace.map(formatOperation), model: results[0]!, target: results[1]! } };
}

/** Operations of an unshrunk trace that are shown. */
const TRACE_SHOWN_MAX = 20;

/** Compares two fresh sessions over one batch. A target that throws (a wasm trap) differs. */
function sameRun(model: ReplayTarget, target: ReplayTarget, batch: Uint8Array): boolean {
  model.init();
  const expected = model.run(batch);
  try {
    target.init();
    return Buffer.compare(expected, target.run(batch)) === 0 && Buffer.compare(model.dump(), target.dump()) === 0;
  } catch {
    return false;
  }
}

async function explain(options: VerifyOptions, operations: readonly Operation[]): Promise<Divergence> {
  const { model, seed } = options;
  // A fresh target for each try: what one try damages must not make the next one fail, or pass.
  const fails = async (candidate: readonly Operation[]): Promise<boolean> => !sameRun(model, await options.target(), encodeBatch(candidate, { fullEvery: 1 }));
  const trace = await shrink(operations, fails);
  const difference = await compareTrace(model, await options.target(), trace);
  return { seed, trace: trace.map(formatOperation), ...(difference ?? { model: "(differs)", target: "(only with what came before)" }) };
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
  return results.length === 0 ? 0n : view.getBigInt64(results.length - sizeOf("op_result"), true);
}
