/**
 * A recording as a trace: its events in the order in which they ran (L3), for the sandbox to replay.
 *
 * A trace must be whole: what is damaged or cut short would replay to other counts, silently.
 * Siblings: post.ts prints a recording; spec/recording/event.ts is an event's payload.
 */
import { StpError } from "../../spec/errors.ts";
import { RECORD_TYPES, type Context } from "../../spec/protocol.ts";
import { EVENT_SIZE, orderOf } from "../../spec/recording/event.ts";
import { readManifest, type Manifest } from "../../spec/recording/manifest.ts";
import { DataFiles } from "./files.ts";
import { lossReport } from "./ledger.ts";
import { Merge } from "./merge.ts";
import { describeProblem, type Problem } from "./problem.ts";
import type { RecordReader } from "./reader.ts";

/** Events that one trace may have: they are held in memory. */
export const TRACE_EVENTS_MAX = 10_000_000;

/** A hit as it was recorded. */
export interface TraceRecord {
  readonly provider: string;
  readonly target: string;
  /** Which of the trace's probes at this point saw it, from 0. */
  readonly nth: number;
  readonly cpu: number;
  readonly context: Context;
  readonly time_ns: bigint;
  /** The event's payload: head and looks. */
  readonly seen: Uint8Array;
}

export interface Trace {
  readonly manifest: Manifest;
  readonly events: readonly TraceRecord[];
}

/** Reads a trace. Throws StpError if it is missing, damaged, cut short, or holds no event. */
export async function readTrace(directory: string): Promise<Trace> {
  const manifest = await readManifest(directory);
  if (manifest.state !== "ended") throw damaged(directory, "its session has not ended");
  const problems: Problem[] = [];
  const report = (problem: Problem): void => void problems.push(problem);
  const files = new DataFiles(directory, manifest.cpus, report);
  try {
    const events = collect(new Merge(files.readers, report), manifest);
    files.reportMissing();
    if (problems[0]) throw damaged(directory, describeProblem(problems[0]));
    const found = files.readers.map(({ count, not_kept }) => ({ records: count, incomplete: false, not_kept }));
    const begun_late = found.findIndex(({ not_kept }) => not_kept > 0);
    if (begun_late >= 0) throw damaged(directory, `the begin of CPU ${begun_late}'s records was not kept`);
    const [short] = lossReport(manifest, found).mismatches;
    if (short) throw damaged(directory, `cpu${short.cpu}.data holds ${short.found} records of ${short.delivered}`);
    const lost = lossReport(manifest, found).losses.filter((loss) => loss.kind === "record").reduce((sum, loss) => sum + loss.lost, 0n);
    if (lost > 0n) throw damaged(directory, `${lost} of its records were lost when it was recorded, so that counts would be too small`);
    if (events.length === TRACE_EVENTS_MAX) throw new StpError(`Cannot replay ${directory}: it has more than ${TRACE_EVENTS_MAX} events; record a shorter one`);
    if (events.length === 0) throw new StpError(`Cannot replay ${directory}: it holds no events; record with "./stp kernel record"`);
    return { manifest, events };
  } finally {
    files.close();
  }
}

function collect(merge: Merge<RecordReader>, manifest: Manifest): TraceRecord[] {
  const events: TraceRecord[] = [];
  const nths = manifest.probes.map(({ provider, target }, i) => manifest.probes.slice(0, i).filter((other) => other.provider === provider && other.target === target).length);
  for (let record = merge.next(); record && events.length < TRACE_EVENTS_MAX; record = merge.next()) {
    if (record.type_code !== RECORD_TYPES.event || record.payload_size < EVENT_SIZE) continue;
    const probe = manifest.probes[record.probe];
    if (!probe) continue;
    const { provider, target } = probe;
    const nth = nths[record.probe]!;
    events.push({ provider, target, nth, cpu: record.cpu, context: record.context, time_ns: record.time_ns, seen: new Uint8Array(record.payload) });
  }
  return events.sort((a, b) => orderOf(a.seen) - orderOf(b.seen));
}

function damaged(directory: string, why: string): StpError {
  return new StpError(`Cannot replay ${directory}: ${why}; record it again with "./stp kernel record"`);
}
