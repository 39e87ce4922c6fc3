/**
 * Postprocessing: a recording directory becomes the script's output and a report of what was lost or damaged.
 *
 * It knows no other input than the directory (and, for names in user space, the programs that it leads to). Memory is bounded by CPUs and limits, whatever the recording's size.
 * Siblings: files.ts → parts.ts → reader.ts → merge.ts → output.ts → buffer.ts is the way of a record; follow.ts waits for more of them.
 */
import { setImmediate } from "node:timers/promises";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import { readManifest, type Manifest } from "../../spec/recording/manifest.ts";
import { OutputBuffer, type WriteBytes } from "./buffer.ts";
import { DataFiles } from "./files.ts";
import { awaitManifest, followToEnd, LateNames, type Due } from "./follow.ts";
import { ledgerText } from "./ledger-text.ts";
import { lossReport, LOSSES_UNKNOWN, type LossReport } from "./ledger.ts";
import { Merge } from "./merge.ts";
import { errorLine, foldedPrinter, jsonPrinter, namedPrinter, textPrinter, type Printer } from "./output.ts";
import { describeProblem, ProblemLog, PROBLEMS_KEPT_MAX, type Problem } from "./problem.ts";
import type { RecordReader } from "./reader.ts";
import { readNames, type Names } from "./stacks.ts";

/** Records after which other work of the process has its turn, even if nothing is printed. */
const RECORDS_PER_TURN = 1 << 16;

const ERROR = RECORD_TYPES.error;

const UNFINISHED = "the session was not finished when this was read: it still runs (--follow waits for its end) or its stpd was killed; what it lost is not known";

export interface PostOptions {
  /** JSON lines instead of text. */
  readonly json?: boolean;
  /** Lines `name;outermost;…;innermost count` of the backtraces that the script counted, and nothing else. */
  readonly folded?: boolean;
  /** Waits for the recording if it is not there yet, and prints it as it grows, until its session has ended. */
  readonly follow?: boolean;
  /** Where the programs and libraries of the recorded machine are, for names in user stacks. */
  readonly sysroot?: string;
  /** Takes the output; awaited, so that a slow reader slows us and not our memory. */
  readonly write: WriteBytes;
  /** Takes the same records as a trace for Perfetto. */
  readonly writePerfetto?: WriteBytes;
  /** Takes lines for stderr, without line end: problems as they are found, then losses. */
  readonly report: (line: string) => void;
  /** Told now and then how many bytes of the recording have been read. */
  readonly progress?: (bytes: number) => void;
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
  /** Whether the session had ended, so that its losses are known. */
  readonly finished: boolean;
  /** No problem, and a ledger that balances and agrees with the files. Losses that were counted are no problem. */
  readonly ok: boolean;
}

/** There was nothing to print before it was stopped. */
const INTERRUPTED: PostResult = { records: 0, problems: [], problems_count: 0, ledger: LOSSES_UNKNOWN, errors: 0, interrupted: true, finished: false, ok: true };

/** Prints a recording. Throws StpError if the directory is unusable, and whatever `write` throws. */
export async function postprocess(directory: string, options: PostOptions): Promise<PostResult> {
  const { follow = false, signal } = options;
  const begun = follow ? await awaitManifest(directory, signal) : await readManifest(directory);
  if (begun === undefined) return INTERRUPTED;
  const log = new ProblemLog();
  const report = (problem: Problem): void => {
    log.add(problem);
    if (log.count <= PROBLEMS_KEPT_MAX) options.report(describeProblem(problem));
  };
  const files = new DataFiles(directory, begun.cpus, report, { isOpen: follow, isUnfinished: !follow && begun.state !== "ended" });
  try {
    const merge = new Merge(files.readers, report);
    const printing = new Printing(files, merge, await outputsOf(directory, begun, options), options);
    const manifest = follow ? await followToEnd(directory, begun, files, merge, printing, signal) : begun;
    await printing.finish(manifest);
    if (!signal?.aborted) files.reportMissing();
    return { ...conclude(manifest, files.readers, log, options), errors: printing.errors };
  } finally {
    files.close();
  }
}

/** A printer and where it prints. */
interface Output {
  readonly printer: Printer;
  readonly buffer: OutputBuffer;
}

async function outputsOf(directory: string, manifest: Manifest, options: PostOptions): Promise<readonly [Output, ...Output[]]> {
  const names = options.json && !options.writePerfetto ? undefined : readNames(directory, manifest, options);
  const main = { printer: names ? textPrinterOf(names, directory, manifest, options) : jsonPrinter, buffer: new OutputBuffer(options.write) };
  if (options.writePerfetto === undefined) return [main];
  const { perfettoPrinter } = await import("./perfetto.ts"); // it brings a library that nothing else needs
  return [main, { printer: perfettoPrinter(manifest, names), buffer: new OutputBuffer(options.writePerfetto) }];
}

function textPrinterOf(read: Names, directory: string, manifest: Manifest, options: PostOptions): Printer {
  if (options.json) return jsonPrinter;
  const names = options.follow ? new LateNames(read, () => readNames(directory, manifest, options)) : read;
  if (options.folded) return foldedPrinter(names.foldLine);
  return names.known || options.follow ? namedPrinter(names.nameStacks) : textPrinter;
}

/** The way of the records from the merge to the writers. */
class Printing implements Due {
  /** Error records met. */
  errors = 0;

  constructor(
    private readonly files: DataFiles,
    private readonly merge: Merge<RecordReader>,
    private readonly outputs: readonly [Output, ...Output[]],
    private readonly options: PostOptions,
  ) {
    for (const { printer, buffer } of outputs) printer.begin?.(buffer);
  }

  /** Prints and writes the records that begin before an offset in their CPU's stream; without `ends` all that there are. */
  async printTo(ends?: readonly number[]): Promise<void> {
    const { progress, signal } = this.options;
    for (let isMore = true; isMore && !signal?.aborted; ) {
      isMore = this.#printBlock(ends);
      await this.#flush();
      progress?.(this.files.bytesRead());
      if (isMore) await setImmediate();
    }
  }

  /** Prints what is left, and the end. */
  async finish(manifest: Manifest): Promise<void> {
    await this.printTo();
    for (const { printer, buffer } of this.outputs) printer.end?.(buffer, manifest);
    await this.#flush();
  }

  /** As much as is written at once; false if there is no more. */
  #printBlock(ends: readonly number[] | undefined): boolean {
    const { merge, outputs } = this;
    const [{ printer, buffer }, ...others] = outputs;
    let isFull = false;
    for (let records = 0; records < RECORDS_PER_TURN && !isFull; records++) {
      const record = merge.peek();
      if (record === undefined || (ends !== undefined && record.offset >= (ends[record.cpu] ?? 0))) return false;
      merge.take();
      printer.print(record, buffer);
      isFull = buffer.isFull;
      for (const other of others) {
        other.printer.print(record, other.buffer);
        isFull ||= other.buffer.isFull;
      }
      if (record.type_code === ERROR) this.#error(record);
    }
    return true;
  }

  async #flush(): Promise<void> {
    for (const { buffer } of this.outputs) await buffer.flush();
  }

  #error(record: RecordReader): void {
    this.errors++;
    if (!this.options.json) this.options.report(errorLine(record));
  }
}

function conclude(manifest: Manifest, readers: readonly RecordReader[], log: ProblemLog, options: PostOptions): Omit<PostResult, "errors"> {
  const interrupted = options.signal?.aborted ?? false;
  const finished = manifest.state === "ended";
  const found = readers.map(({ cpu, count, not_kept }) => ({ records: count, incomplete: log.isIncomplete(cpu), not_kept }));
  const ledger = lossReport(manifest, interrupted ? undefined : found);
  if (log.count > PROBLEMS_KEPT_MAX) options.report(`${log.count - PROBLEMS_KEPT_MAX} more problems like these`);
  for (const [cpu, { not_kept }] of found.entries())
    if (not_kept > 0) options.report(`cpu${cpu}: the first ${not_kept} bytes were not kept (rotation, overwrite mode, or attached later)`);
  if (!finished && !interrupted) options.report(UNFINISHED);
  for (const line of ledgerText(ledger, manifest)) options.report(line);
  return {
    records: found.reduce((total, cpu) => total + cpu.records, 0),
    problems: log.kept,
    problems_count: log.count,
    ledger,
    interrupted,
    finished,
    ok: log.count === 0 && ledger.ok,
  };
}
