/** Outputs of an operation (O5), taken apart: the entries of a walk, the records of a read. */
import { REPLAY_MAPS, type ReplayMap } from "../../spec/protocol.ts";

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

export interface Entry {
  /** Its key's words; equal if and only if the keys are. */
  readonly key: string;
  /** All its words. */
  readonly words: string;
}

/** The entries that a walk output: tag, key, value (O6). Those that are damaged give what they give. */
export function entriesOf(target: number, outputs: Uint8Array): Entry[] {
  const view = new DataView(outputs.buffer, outputs.byteOffset, outputs.length);
  const words = outputs.length / 8;
  const text = (begin: number, end: number): string => Buffer.from(outputs.subarray(begin * 8, end * 8)).toString("hex");
  const entries: Entry[] = [];
  for (let at = 0; at < words; ) {
    const begin = at++;
    for (const type of MAPS[target]?.keys ?? []) at += type === "string" ? wordsOfString(view, at) : 1;
    const value = at;
    at += wordsOfValue(view, at, MAPS[target]?.value);
    entries.push({ key: text(begin + 1, value), words: text(begin, at) });
  }
  return entries;
}

/** The records that a read output: tag, type, context, probe, cpu, sequence, payload (O6). */
export function recordsOf(outputs: Uint8Array): Uint8Array[] {
  const view = new DataView(outputs.buffer, outputs.byteOffset, outputs.length);
  const records: Uint8Array[] = [];
  for (let at = 0; at + RECORD_WORDS < outputs.length / 8; ) {
    const end = at + RECORD_WORDS + wordsOfString(view, at + RECORD_WORDS);
    records.push(outputs.subarray(at * 8, end * 8));
    at = end;
  }
  return records;
}

/** Before the payload. */
const RECORD_WORDS = 6;

/** Tag, count, sum, min, max, sum of squares, then buckets and their counts up to a 0. */
const STATS_WORDS = 8;

function wordsOfValue(view: DataView, at: number, type: ReplayMap["value"] | undefined): number {
  if (type === "string") return wordsOfString(view, at);
  if (type !== "stats") return 1;
  let end = at + STATS_WORDS;
  while (end * 8 < view.byteLength && view.getBigUint64(end * 8, true) !== 0n) end += 2;
  return end + 1 - at;
}

function wordsOfString(view: DataView, at: number): number {
  if (at * 8 >= view.byteLength) return 1;
  return 1 + Math.ceil(Number(view.getBigUint64(at * 8, true)) / 8);
}
