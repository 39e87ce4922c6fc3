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

export type DivergenceKind = keyof typeof DIVERGENCES;

export interface RecordDivergence {
  readonly kind: DivergenceKind;
  /** The recording's record there; undefined if it has no more of this CPU. */
  readonly recorded: RecordedOutput | undefined;
  /** The replay's. */
  readonly replayed: OutputRecord | undefined;
}

/** Records behind the first that differs which say what became of it. */
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
    return { kind: kindOf(recorded.slice(i), replayed.slice(i)), recorded: ours, replayed: theirs };
  }
  return undefined;
}

/** Of two sides that differ in their first record: what must have happened for most of what follows to agree; and if that is several things, what their lengths say. */
function kindOf(recorded: readonly OutputRecord[], replayed: readonly OutputRecord[]): DivergenceKind {
  const [ours, theirs] = [recorded[0], replayed[0]];
  if (!ours) return "missing";
  if (!theirs) return "additional";
  const place = (record: OutputRecord, records: readonly OutputRecord[]): number => records.slice(0, LATER_MAX).findIndex((other) => isSame(record, other));
  const [there, here] = [place(ours, replayed), place(theirs, recorded)];
  const behind = Math.max(there, here) + 1;
  const agreement: Record<DivergenceKind, number> = {
    changed: agreeing(recorded.slice(1), replayed.slice(1)),
    missing: agreeing(recorded, replayed.slice(1)),
    additional: agreeing(recorded.slice(1), replayed),
    reordered: there > 0 && here > 0 ? 1 + agreeing(recorded.slice(behind), replayed.slice(behind)) : 0,
  };
  const best = Math.max(...Object.values(agreement));
  if (best === 0) return "changed";
  const [more, less] = [recorded.length > replayed.length, recorded.length < replayed.length];
  const kinds: readonly DivergenceKind[] = more ? ["additional", "changed", "reordered", "missing"] : less ? ["missing", "changed", "reordered", "additional"] : ["changed", "reordered", "missing", "additional"];
  return kinds.find((kind) => agreement[kind] === best)!;
}

/** How many records agree from the first on, as far as is looked. */
function agreeing(a: readonly OutputRecord[], b: readonly OutputRecord[]): number {
  const differing = a.slice(0, LATER_MAX).findIndex((record, i) => !b[i] || !isSame(record, b[i]));
  return differing < 0 ? Math.min(a.length, LATER_MAX) : differing;
}

function isSame(a: OutputRecord, b: OutputRecord): boolean {
  return a.probe === b.probe && a.type === b.type && a.context === b.context && Buffer.compare(a.payload, b.payload) === 0;
}

function timeOf({ recorded, replayed }: RecordDivergence): bigint {
  return recorded?.time_ns ?? replayed?.time_ns ?? 0n;
}
