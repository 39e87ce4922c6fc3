/**
 * The first record of a program's output in which a replay differs from what was recorded live.
 *
 * Records of one CPU come in one order, live and replayed (L3); those of different CPUs have none between them that a replay would have to keep. Begin, end and error
 * probes run wherever the session is begun and ended: their records are compared by themselves, whichever CPU wrote them.
 * Times and sequences differ: the one has a clock and events between the records, the other has neither.
 */
import type { StpRecord } from "../spec/recording/record.ts";

/** A record of output: text, or an error's message. */
export interface OutputRecord extends Pick<StpRecord, "cpu" | "context" | "type" | "time_ns" | "payload"> {
  /** The probe that wrote it, by a name that both sides have for it. */
  readonly probe: string;
  /** The session runs this probe, not the world. */
  readonly isSessions: boolean;
}

/** One that stands in a file of the recording. */
export interface RecordedOutput extends OutputRecord {
  readonly file: string;
  /** Bytes from the file's beginning. */
  readonly offset: number;
}

/** What of a replay's record is not as recorded. */
export const DIVERGENCES = {
  changed: "a record differs",
  missing: "the replay writes a record that the recording does not have",
  additional: "the recording has a record that the replay does not write",
  reordered: "records come in another order",
} as const;

export interface RecordDivergence {
  readonly kind: keyof typeof DIVERGENCES;
  /** The recording's record there; undefined if it has no more of this CPU. */
  readonly recorded: RecordedOutput | undefined;
  /** The replay's. */
  readonly replayed: OutputRecord | undefined;
}

/** Records that are looked through for one that comes later on the other side. */
const LATER_MAX = 16;

/** The earliest divergence by time; undefined if there is none. Each side's records of a CPU, and those of the session's probes, are in their order. */
export function firstDivergence(recorded: readonly RecordedOutput[], replayed: readonly OutputRecord[]): RecordDivergence | undefined {
  const [ours, theirs] = [byStream(recorded), byStream(replayed)];
  const streams = [...new Set([...ours.keys(), ...theirs.keys()])];
  const found = streams.flatMap((stream) => divergenceIn(ours.get(stream) ?? [], theirs.get(stream) ?? []) ?? []);
  return found.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))[0];
}

function byStream<Output extends OutputRecord>(records: readonly Output[]): Map<string, Output[]> {
  const streams = new Map<string, Output[]>();
  for (const record of records) {
    const stream = record.isSessions ? "session" : `cpu${record.cpu}`;
    const before = streams.get(stream);
    if (before) before.push(record);
    else streams.set(stream, [record]);
  }
  return streams;
}

function divergenceIn(recorded: readonly RecordedOutput[], replayed: readonly OutputRecord[]): RecordDivergence | undefined {
  const length = Math.max(recorded.length, replayed.length);
  for (let i = 0; i < length; i++) {
    const [ours, theirs] = [recorded[i], replayed[i]];
    if (ours && theirs && isSame(ours, theirs)) continue;
    const comesLater = ours !== undefined && replayed.slice(i + 1, i + 1 + LATER_MAX).some((record) => isSame(ours, record));
    const cameBefore = theirs !== undefined && recorded.slice(i + 1, i + 1 + LATER_MAX).some((record) => isSame(theirs, record));
    return { kind: kindOf(ours, theirs, comesLater, cameBefore), recorded: ours, replayed: theirs };
  }
  return undefined;
}

function kindOf(ours: OutputRecord | undefined, theirs: OutputRecord | undefined, comesLater: boolean, cameBefore: boolean): RecordDivergence["kind"] {
  if (!ours) return "missing";
  if (!theirs) return "additional";
  if (comesLater && cameBefore) return "reordered";
  if (comesLater) return "missing";
  return cameBefore ? "additional" : "changed";
}

function isSame(a: OutputRecord, b: OutputRecord): boolean {
  return a.probe === b.probe && a.type === b.type && a.context === b.context && Buffer.compare(a.payload, b.payload) === 0;
}

function timeOf({ recorded, replayed }: RecordDivergence): bigint {
  return recorded?.time_ns ?? replayed?.time_ns ?? 0n;
}
