/** stp kernel replay: a recording's program once more in the sandbox, and the first record that comes out differently. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { StpError } from "../spec/errors.ts";
import { SESSION_PROVIDERS } from "../spec/protocol.ts";
import { decodeRecords, type StpRecord } from "../spec/recording/record.ts";
import { DIVERGENCES, firstDivergence, type OutputRecord, type RecordDivergence } from "../sim/divergence.ts";
import { runTrace } from "../sim/trace.ts";
import { readOutputs } from "../stpd/post/outputs.ts";
import { readTrace } from "../stpd/post/trace.ts";
import { readProbe, requireRecordedPoints } from "./program.ts";
import { openSandbox, sayMissing } from "./sandbox.ts";
import { beginProgress } from "./terminal.ts";

/** Bytes of a payload that are shown, before and after the first that differs. */
const SHOWN = { before: 40, after: 120 } as const;

export function kernelReplayCommand(): Command {
  return new Command("replay")
    .description('Run a recording of "stp kernel record" in the sandbox, and compare what the program writes with what it wrote on the kernel.')
    .argument("<recording>", "directory of the recording")
    .argument("[probe.c]", "the probe that was recorded (default: probe.c beside the recording)")
    .option("--json", "print JSON")
    .action(replay);
}

async function replay(recording: string, path: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const probe = readProbe(path ?? probeBeside(recording));
  const progress = beginProgress(`replaying ${recording}`);
  try {
    const trace = await readTrace(recording);
    const sandbox = await openSandbox(probe, trace.manifest.cpus, progress);
    requireRecordedPoints(probe.path, sandbox.probes, { directory: recording, trace });
    runTrace(sandbox, trace.events);
    const files = sandbox.finish();
    sayMissing(sandbox, probe.path, recording, progress);
    const recorded = (await readOutputs(recording)).map((record) => ({ ...record, ...origin(trace.manifest.probes, record) }));
    const written = Array.from({ length: sandbox.cpus }, (_, cpu) => decodeRecords(files.get(`cpu${cpu}.data`)!)).flat();
    const replayed = written.map((record) => ({ ...record, ...origin(sandbox.probes, record) }));
    const divergence = firstDivergence(recorded, replayed);
    progress.end();
    process.stdout.write(options.json ? `${JSON.stringify(asJson(recorded.length, divergence))}\n` : asText(recorded.length, divergence));
    if (divergence) process.exitCode = 1;
  } finally {
    progress.end();
  }
}

/** As the examples have it: probe.c and trace/ side by side. */
function probeBeside(recording: string): string {
  const path = join(dirname(resolve(recording)), "probe.c");
  if (!existsSync(path)) throw new StpError(`Cannot replay ${recording}: there is no ${path}; name the probe that was recorded`);
  return path;
}

interface Point {
  readonly provider: string;
  readonly target: string;
}

/** The record's probe by its attach point, and by its place among those that have the same: a changed program may number them differently. */
function origin(probes: readonly Point[], { probe }: StpRecord): Pick<OutputRecord, "probe" | "isSessions"> {
  const point = probes[probe];
  if (!point) return { probe: `number ${probe}`, isSessions: false };
  const nth = probes.slice(0, probe).filter(({ provider, target }) => provider === point.provider && target === point.target).length;
  return { probe: `${point.provider} ${point.target}`.trim() + (nth === 0 ? "" : ` (${nth + 1})`), isSessions: SESSION_PROVIDERS.includes(point.provider) };
}

function asJson(records: number, divergence: RecordDivergence | undefined): unknown {
  if (!divergence) return { records, divergence: null };
  const { kind, recorded, replayed } = divergence;
  const shared = (record: OutputRecord): unknown => ({ cpu: record.cpu, probe: record.probe, context: record.context, type: record.type, time_ns: String(record.time_ns), payload: Buffer.from(record.payload).toString() });
  return {
    records,
    divergence: {
      kind,
      recorded: recorded ? { file: recorded.file, offset: recorded.offset, ...(shared(recorded) as object) } : null,
      replayed: replayed ? shared(replayed) : null,
    },
  };
}

function asText(records: number, divergence: RecordDivergence | undefined): string {
  if (!divergence) return `no divergence: ${records === 1 ? "1 record agrees" : `${records} records agree`}\n`;
  const { kind, recorded, replayed } = divergence;
  const place = recorded ? `${recorded.file}, offset ${recorded.offset}` : "the end of the CPU's records";
  const at = differsAt(recorded?.payload, replayed?.payload);
  const line = (record: OutputRecord | undefined): string => (record ? `cpu ${record.cpu}, ${record.probe}, ${record.context}, ${record.type}, ${seconds(record.time_ns)} s: ${excerpt(record.payload, at)}` : "nothing more");
  return `divergence at ${place}: ${DIVERGENCES[kind]}\n  kernel:  ${line(recorded)}\n  sandbox: ${line(replayed)}\n`;
}

function differsAt(a: Uint8Array = new Uint8Array(), b: Uint8Array = new Uint8Array()): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

/** The payload around a byte, as a string of JSON. */
function excerpt(payload: Uint8Array, at: number): string {
  const [begin, end] = [Math.max(0, at - SHOWN.before), Math.min(payload.length, at + SHOWN.after)];
  const text = JSON.stringify(Buffer.from(payload.subarray(begin, end)).toString());
  return `${begin > 0 ? "…" : ""}${text}${end < payload.length ? "…" : ""}`;
}

function seconds(time_ns: bigint): string {
  return `${time_ns / 1_000_000_000n}.${String(time_ns % 1_000_000_000n).padStart(9, "0")}`;
}
