/**
 * Postprocessing: a recording directory becomes the script's output and a report of what was lost or damaged.
 *
 * It knows no other input than the directory. Memory is bounded by CPUs and limits, whatever the recording's size.
 * Siblings: files.ts → reader.ts → merge.ts → output.ts → buffer.ts is the way of a record.
 */
import { setImmediate } from "node:timers/promises";
import { readManifest, type Manifest } from "../../spec/recording/manifest.ts";
import { OutputBuffer, type WriteBytes } from "./buffer.ts";
import { closeDataFiles, openDataFiles } from "./files.ts";
import { ledgerText } from "./ledger-text.ts";
import { lossReport, type LossReport } from "./ledger.ts";
import { Merge } from "./merge.ts";
import { errorLine, printFolded, printJson, printNamed, printText, type PrintRecord } from "./output.ts";
import { describeProblem, ProblemLog, PROBLEMS_KEPT_MAX, type Problem } from "./problem.ts";
import { RecordReader } from "./reader.ts";
import { readSymbols, type KernelSymbols } from "./symbols.ts";
import { FileWindow } from "./window.ts";

/** Records after which other work of the process has its turn, even if nothing is printed. */
const RECORDS_PER_TURN = 1 << 16;

export interface PostOptions {
  /** JSON lines instead of text. */
  readonly json?: boolean;
  /** Lines `name;outermost;…;innermost count` of the backtraces that the script counted, and nothing else. */
  readonly folded?: boolean;
  /** Takes the output; awaited, so that a slow reader slows us and not our memory. */
  readonly write: WriteBytes;
  /** Takes lines for stderr, without line end: problems as they are found, then losses. */
  readonly report: (line: string) => void;
  /** Stops early; what was merged is written and the result says so. */
  readonly signal?: AbortSignal;
}

export interface PostResult {
  /** Records read, events included. */
  readonly records: number;
  /** The first PROBLEMS_KEPT_MAX, in the order of finding. */
  readonly problems: readonly Problem[];
  readonly problems_count: number;
  readonly ledger: LossReport;
  /** Hits that ended with an error that nothing caught. */
  readonly errors: number;
  /** `signal` stopped it; files and ledger were not compared. */
  readonly interrupted: boolean;
  /** No problem, and a ledger that balances and agrees with the files. Losses that were counted are no problem. */
  readonly ok: boolean;
}

/** Prints a recording. Throws StpError if the directory is unusable, and whatever `write` throws. */
export async function postprocess(directory: string, options: PostOptions): Promise<PostResult> {
  const manifest = await readManifest(directory);
  const log = new ProblemLog();
  const report = (problem: Problem): void => {
    log.add(problem);
    if (log.count <= PROBLEMS_KEPT_MAX) options.report(describeProblem(problem));
  };
  const files = await openDataFiles(directory, manifest.cpus, report);
  try {
    const readers = files.map(({ cpu, handle }) => new RecordReader(cpu, new FileWindow(handle.fd), report));
    const printRecord = printerOf(manifest.addresses ? readSymbols(directory) : undefined, options);
    const { interrupted, errors } = await print(new Merge(readers, report), printRecord, options);
    return { ...conclude(manifest, readers, log, interrupted, options), errors };
  } finally {
    await closeDataFiles(files);
  }
}

function printerOf(symbols: KernelSymbols | undefined, { json, folded }: PostOptions): PrintRecord {
  if (json) return printJson;
  if (folded) return printFolded(symbols);
  return symbols ? printNamed(symbols) : printText;
}

/** Returns whether it was interrupted, and how many errors it met. */
async function print(merge: Merge<RecordReader>, printRecord: PrintRecord, { json, write, report, signal }: PostOptions): Promise<{ interrupted: boolean; errors: number }> {
  let errors = 0;
  const output = new OutputBuffer(write);
  for (let turn = 1; !signal?.aborted; turn++) {
    const record = merge.next();
    if (record === undefined) break;
    printRecord(record, output);
    const error = errorLine(record);
    if (error !== undefined) errors++;
    if (error !== undefined && !json) report(error);
    if (output.isFull) await output.flush();
    if (turn % RECORDS_PER_TURN === 0) await setImmediate();
  }
  await output.flush();
  return { interrupted: signal?.aborted ?? false, errors };
}

function conclude(manifest: Manifest, readers: readonly RecordReader[], log: ProblemLog, interrupted: boolean, options: PostOptions): Omit<PostResult, "errors"> {
  const records = new Map(readers.map((reader) => [reader.cpu, reader.count]));
  const found = Array.from({ length: manifest.cpus }, (_, cpu) => ({ records: records.get(cpu) ?? 0, incomplete: log.isIncomplete(cpu) }));
  const ledger = lossReport(manifest, interrupted ? undefined : found);
  if (log.count > PROBLEMS_KEPT_MAX) options.report(`${log.count - PROBLEMS_KEPT_MAX} more problems like these`);
  for (const line of ledgerText(ledger, manifest)) options.report(line);
  return {
    records: found.reduce((total, cpu) => total + cpu.records, 0),
    problems: log.kept,
    problems_count: log.count,
    ledger,
    interrupted,
    ok: log.count === 0 && ledger.ok,
  };
}
