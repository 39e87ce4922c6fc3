/** What an operation absorbs, in words, written out again (O4–O6). */
import { expect } from "vitest";
import { bytes, encodeBatch, operation, type Argument, type Operation } from "../operations.ts";
import { WORD, model, resultsOf, times } from "./testing.ts";

/** O4, written out again. */
export function absorb(digest: bigint, words: readonly bigint[]): bigint {
  for (const word of words) {
    digest = ((digest ^ (word & WORD)) * 0x9e3779b97f4a7c15n) & WORD;
    digest ^= digest >> 29n;
  }
  return digest;
}

/** Makes one operation and expects it to absorb exactly these words. */
export function expectDigest(op: Operation, words: readonly bigint[]): void {
  const before = resultsOf(model.run(encodeBatch([operation("map_size")])))[0]?.digest ?? 0n;
  const [made] = resultsOf(model.run(encodeBatch([op])));
  expect(made).toEqual({ result: BigInt.asIntN(64, words[0] ?? 0n), digest: absorb(before, words) });
}

export function stringWords(text: string | Uint8Array): bigint[] {
  const string = typeof text === "string" ? bytes(text) : text;
  const padded = Buffer.concat([string, Buffer.alloc(7)]);
  return [BigInt(string.length), ...Array.from({ length: Math.ceil(string.length / 8) }, (_, i) => padded.readBigUInt64LE(i * 8))];
}

export function entryWords(args: readonly Argument[], value: bigint): bigint[] {
  return [0x4d02n, ...args.flatMap((arg) => (typeof arg === "bigint" ? [arg] : stringWords(arg))), value];
}

/** A map of one part that is not held. */
export function mapWords(map: bigint, size = 0n, ...entries: bigint[]): bigint[] {
  return [0x4d01n, map, 0x4d03n, 0n, 0n, size, ...entries];
}

/** Counts by their place in O6, from 0: 10 for each of hit, map, string, record, read; then cut and evicted. */
export function ledgerWords(probe: bigint, cpu: bigint, counts: Record<number, bigint>): bigint[] {
  return [0x4c01n, probe, cpu, ...Object.entries(counts).flatMap(([place, count]) => [BigInt(place) + 1n, count]), 0n];
}

interface TaskWords {
  readonly probe: bigint;
  readonly actions: bigint;
  readonly exhausted?: bigint;
  readonly strings?: bigint;
  readonly message?: string;
  readonly text?: string;
}

/** A CPU of whose levels at most task is active. */
export function cpuWords(cpu: bigint, task?: TaskWords): bigint[] {
  const idle = (level: bigint): bigint[] => [0x4302n, level, ...times(8, 0n)];
  const { probe = 0n, actions = 0n, exhausted = 0n, strings = 0n, message, text = "" } = task ?? {};
  const raised = message === undefined ? 0n : 1n;
  const active = [0x4302n, 0n, 1n, probe, actions, exhausted, strings, raised, ...stringWords(message ?? ""), ...stringWords(text)];
  return [0x4301n, cpu, task ? 1n : 0n, ...(task ? active : idle(0n)), ...[1n, 2n, 3n].flatMap(idle)];
}
