/** Outputs of an operation (O5), taken apart: the entries of a walk, the records of a read. */
import { REPLAY_MAPS, type ReplayMap } from "../../spec/protocol.ts";

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

export interface Entry {
  /** Its key's words; equal if and only if the keys are. */
  readonly key: string;
  readonly value: bigint;
}

/** The entries that a walk output: tag, key, value (O6). Those that are damaged give what they give. */
export function entriesOf(target: number, outputs: Uint8Array): Entry[] {
  const view = new DataView(outputs.buffer, outputs.byteOffset, outputs.length);
  const words = outputs.length / 8;
  const entries: Entry[] = [];
  for (let at = 1; at < words; at += 2) {
    const begin = at;
    for (const type of MAPS[target]?.keys ?? []) at += type === "string" ? wordsOfString(view, at) : 1;
    if (at >= words) break;
    entries.push({ key: Buffer.from(outputs.subarray(begin * 8, at * 8)).toString("hex"), value: view.getBigInt64(at * 8, true) });
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

function wordsOfString(view: DataView, at: number): number {
  if (at * 8 >= view.byteLength) return 1;
  return 1 + Math.ceil(Number(view.getBigUint64(at * 8, true)) / 8);
}
