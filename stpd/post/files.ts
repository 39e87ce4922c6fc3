/**
 * The data files of a recording: found, and what should be there but is not.
 *
 * Siblings: parts.ts reads those of one CPU; reader.ts reads records out of them.
 */
import { closeSync, readdirSync } from "node:fs";
import { messageOf, StpError } from "../../spec/errors.ts";
import { openPart, partName, Parts, type Part } from "./parts.ts";
import type { ReportProblem } from "./problem.ts";
import { RecordReader, type ReaderOptions } from "./reader.ts";
import { StreamWindow } from "./window.ts";

/** A part's name, or one that may be taken for it. */
const LIKE_PART = /^cpu(\d*)\.?(\d*).*\.data$/;

export class DataFiles {
  /** By CPU, from 0. */
  readonly readers: readonly RecordReader[];
  readonly #streams: readonly Parts[];
  /** Names in the directory that were looked at. */
  #known: ReadonlySet<string> = new Set();
  /** CPUs of which there is something, good or bad. */
  readonly #found = new Set<number>();

  /** Opens the streams of `cpus` CPUs. Reports and throws as refresh() does. */
  constructor(
    private readonly directory: string,
    cpus: number,
    private readonly report: ReportProblem,
    options: ReaderOptions = {},
  ) {
    const parts = this.#findNew(cpus);
    this.#streams = Array.from({ length: cpus }, (_, cpu) => new Parts(cpu, directory, parts.filter((part) => part.cpu === cpu)));
    this.readers = this.#streams.map((stream) => new RecordReader(new StreamWindow(stream), report, options));
  }

  /**
   * Takes parts that have come since. One that is no regular file, or with a name that no part has, is reported and left out.
   * Throws StpError if the directory cannot be listed or a file not opened.
   */
  refresh(): void {
    for (const part of this.#findNew(this.#streams.length)) this.#streams[part.cpu]?.add(part);
  }

  /** Reports CPUs of which there is no file. */
  reportMissing(): void {
    for (const { cpu } of this.#streams) if (!this.#found.has(cpu)) this.#problem(partName(cpu, 0), cpu, "the file is missing");
  }

  /** Of each CPU: the stream offset up to which it has been written by now. */
  sizes(): readonly number[] {
    return this.#streams.map((stream) => stream.size());
  }

  /** Bytes of the recording that have been read as far as records go. */
  bytesRead(): number {
    return this.readers.reduce((sum, { offset, not_kept }) => sum + offset - not_kept, 0);
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }

  #findNew(cpus: number): readonly Part[] {
    try {
      const names = readdirSync(this.directory).sort(); // the order of a directory is any
      const fresh = names.filter((name) => LIKE_PART.test(name) && !this.#known.has(name));
      this.#known = new Set(names);
      return fresh.flatMap((name) => this.#partOf(name, cpus) ?? []).sort((a, b) => a.offset - b.offset);
    } catch (cause) {
      throw new StpError(`Cannot read recording ${this.directory}: ${messageOf(cause)}; make all its files readable`, { cause });
    }
  }

  #partOf(name: string, cpus: number): Part | undefined {
    const [, cpu, offset] = LIKE_PART.exec(name) ?? [];
    const part = { cpu: Number(cpu), offset: Number(offset), name };
    if (name !== partName(part.cpu, part.offset) || !Number.isSafeInteger(part.offset)) return this.#problem(name, part.cpu, "no part of a CPU's stream has this name; the file is not read");
    if (part.cpu >= cpus) return this.#problem(name, part.cpu, `the manifest has only ${cpus} CPUs; the file is not read`);
    this.#found.add(part.cpu);
    return this.#open(part);
  }

  /** Looks whether a part can be opened; it is opened again when it is read, because there may be many. */
  #open(part: Part): Part | undefined {
    try {
      const opened = openPart(this.directory, part.name);
      if (typeof opened === "string") return this.#problem(part.name, part.cpu, opened);
      closeSync(opened);
      return part;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // rotation has removed it
      throw error;
    }
  }

  #problem(file: string, cpu: number, why: string): undefined {
    this.report({ kind: "file", file, cpu, offset: 0, bytes_skipped: 0, bytes_lost: 0, why });
  }
}
