/**
 * Bounded-exhaustive: every sequence of a few operations on a map of two entries, on the model and on an implementation.
 *
 * Every result and digest is compared, so sequences of one length hold all that are shorter. Each begins by giving the
 * map back and clearing it: a fresh session for each would take longer than all the rest.
 * Sibling: verify.ts, which samples what is here all.
 */
import { sizeOf } from "../spec/layout.ts";
import { REPLAY_MAPS, SORTS, type OperationName } from "../spec/protocol.ts";
import { bytes, encodeBatch, encodeBatchHeader, operation, walkValue, type Argument, type Operation } from "./operations.ts";
import { explainDifference, sameRun, type Difference } from "./verify.ts";
import type { ReplayTarget, TargetFactory } from "./target.ts";

/** Operations of the longest sequences. */
export const SEQUENCE_MAX = 6;
/** Sequences of one batch, on a fresh session. */
const BATCH_SEQUENCES = 2000;

/** Operations of which sequences are made, all on one map. */
export interface Alphabet {
  readonly map: string;
  readonly letters: readonly Operation[];
}

const alphabet = (map: (typeof REPLAY_MAPS)[number]["name"], letters: readonly (readonly [OperationName, key?: Argument | undefined, value?: bigint])[]): Alphabet => {
  const target = REPLAY_MAPS.findIndex(({ name }) => name === map);
  return { map, letters: letters.map(([name, key, value = 0n]) => operation(name, { target, args: key === undefined ? [] : [key], value })) };
};

const [A, B, C] = [bytes("a"), bytes("b"), bytes("c")];

/** Two entries, and calls on two keys; the third one finds the map full. One map refuses it (M4), one makes room (M12). */
export const ALPHABETS: readonly Alphabet[] = [
  alphabet("strings", [
    ["map_add", A, 1n],
    ["map_add", B, 1n],
    ["map_add", C, 1n],
    ["map_set", A, 5n],
    ["map_del", A],
    ["map_del", B],
    ["map_clear"],
    ["map_contains", A, 1n],
    ["map_walk", undefined, walkValue(SORTS.value_desc)],
    ["map_hold"],
    ["map_release"],
  ]),
  alphabet("recent", [
    ["map_add", 1n, 1n],
    ["map_add", 2n, 1n],
    ["map_add", 3n, 1n],
    ["map_set", 1n, 5n],
    ["map_del", 1n],
    ["map_del", 2n],
    ["map_del_slice", 0n, 1n],
    ["map_walk", undefined, walkValue(SORTS.insertion_desc, 1, true)],
    ["map_get", 2n],
    ["map_clear"],
    ["map_push", undefined, 7n],
  ]),
];

export interface ExhaustOptions {
  readonly alphabet: Alphabet;
  /** Operations of a sequence, at most `SEQUENCE_MAX`. */
  readonly length: number;
  readonly model: ReplayTarget;
  readonly target: TargetFactory;
}

export interface ExhaustResult {
  readonly sequences: number;
  readonly difference: Difference | undefined;
}

/** Runs all sequences of that length, up to the first that differs, which it shrinks. */
export async function exhaust({ alphabet: { letters }, length, model, target }: ExhaustOptions): Promise<ExhaustResult> {
  const begin = [operation("map_release", { target: letters[0]!.target }), operation("map_clear", { target: letters[0]!.target })];
  const blobs = [begin, ...letters.map((letter) => [letter])].map(encodedAlone) as [Int32Array, ...Int32Array[]];
  const all = letters.length ** length;
  const runtime = await target();
  const batch = new Int32Array(HEADER_WORDS + BATCH_SEQUENCES * (1 + length) * Math.max(...blobs.map((blob) => blob.length)));
  for (let first = 0; first < all; first += BATCH_SEQUENCES) {
    const count = Math.min(BATCH_SEQUENCES, all - first);
    let at = HEADER_WORDS;
    const put = (blob: Int32Array): void => {
      batch.set(blob, at);
      at += blob.length;
    };
    for (let sequence = first; sequence < first + count; sequence++) {
      put(blobs[0]);
      for (const letter of lettersOf(sequence, letters.length, length)) put(blobs[1 + letter]!);
    }
    encodeBatchHeader(new DataView(batch.buffer), count * (begin.length + length), 0);
    if (sameRun(model, runtime, new Uint8Array(batch.buffer, 0, at * 4))) continue;
    const operations = Array.from({ length: count }, (_, i) => [...begin, ...lettersOf(first + i, letters.length, length).map((letter) => letters[letter]!)]).flat();
    return { sequences: first + count, difference: await explainDifference(model, target, operations) };
  }
  return { sequences: all, difference: undefined };
}

const HEADER_WORDS = sizeOf("batch_header") / 4;

/** Operations as they stand in a batch, without its head. */
function encodedAlone(operations: readonly Operation[]): Int32Array {
  return new Int32Array(encodeBatch(operations).slice(sizeOf("batch_header")).buffer);
}

/** The letters of a sequence by its number: its digits. */
function lettersOf(sequence: number, letters: number, length: number): number[] {
  const digits = Array<number>(length).fill(0);
  for (let at = length - 1, rest = sequence; at >= 0; at--, rest = Math.floor(rest / letters)) digits[at] = rest % letters;
  return digits;
}
