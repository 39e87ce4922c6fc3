/**
 * One CPU's stream of bytes as the parts of a recording hold it: `cpuN.data` from its begin, `cpuN.OFFSET.data` from OFFSET on.
 *
 * Places are stream offsets here. Where a part begins before the one before it ends, what both hold is read once. Where it
 * begins behind, there is a hole, at which reading stops until skipHole(). It never has more than one file open.
 * Siblings: files.ts finds the parts; window.ts reads through this.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** A data file of a recording. */
export interface Part {
  readonly cpu: number;
  /** Stream offset of its first byte. */
  readonly offset: number;
  /** Its name in the directory. */
  readonly name: string;
}

/** Where something stands in the recording, as people find it again. */
export interface Place {
  /** Name in the recording directory. */
  readonly file: string;
  /** Bytes from the file's beginning. */
  readonly offset: number;
}

/** Not blocking: a named pipe without a writer would wait for ever. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** Parts already read that are still known: problems are found a few records late. */
const PASSED_KEPT = 4;

/** Opens a part. Returns why it cannot be read instead if it is no regular file; throws what the system says. */
export function openPart(directory: string, name: string): number | string {
  const fd = openSync(join(directory, name), OPEN_FLAGS);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return "it is not a regular file";
}

/** The part's name is the only one that it may have. */
export function partName(cpu: number, offset: number): string {
  return offset === 0 ? `cpu${cpu}.data` : `cpu${cpu}.${offset}.data`;
}

export class Parts {
  /** Those that were opened, each with the first stream offset that was read from it. */
  readonly #read: { readonly part: Part; readonly from: number }[] = [];
  #fd: number | undefined;
  /** Index of the part that is open, or is to be opened next. */
  #index = 0;
  /** In ascending order of offset. */
  #parts: readonly Part[];
  /** Stream offset at which the recording of this CPU begins. */
  readonly begin: number;

  /** `parts` in ascending order of offset. */
  constructor(
    readonly cpu: number,
    private readonly directory: string,
    parts: readonly Part[],
  ) {
    this.#parts = parts;
    this.begin = parts[0]?.offset ?? 0;
  }

  /** Whether no part has been opened. */
  get isUnread(): boolean {
    return this.#read.length === 0;
  }

  /** Takes a part that came later. One from before the last is of no use any more. */
  add(part: Part): void {
    const last = this.#parts.at(-1);
    if (last !== undefined && part.offset <= last.offset) return;
    const passed = Math.max(this.#index - PASSED_KEPT, 0);
    this.#parts = [...this.#parts.slice(passed), part];
    this.#index -= passed;
    this.#read.splice(0, this.#read.length - PASSED_KEPT);
  }

  /**
   * Reads up to `size` bytes of the stream from `position` on to `index` of `buffer`. Returns how many; 0 at the end, as
   * far as there is one now, and at a hole. `position` is where the last read ended. Throws what the system says.
   */
  read(buffer: Buffer, index: number, size: number, position: number): number {
    for (;;) {
      const part = this.#parts[this.#index];
      if (part === undefined || part.offset > position) return 0;
      const fd = this.#open(part, position);
      const bytes = fd === undefined ? 0 : readSync(fd, buffer, index, size, position - part.offset);
      if (bytes > 0) return bytes;
      const next = this.#parts[this.#index + 1];
      if (next === undefined || next.offset > position) return 0;
      this.#goTo(this.#index + 1);
    }
  }

  /** Whether the stream goes on behind a hole at or after `position`, where a read gave 0. */
  hasHole(position: number): boolean {
    const last = this.#parts.at(-1);
    return last !== undefined && last.offset > position;
  }

  /** Where a read gave 0: goes behind the hole. Returns the stream offset there; undefined if there is no hole. */
  skipHole(position: number): number | undefined {
    const next = this.#parts.findIndex(({ offset }) => offset > position);
    if (next < 0) return undefined;
    this.#goTo(next);
    return this.#parts[next]?.offset;
  }

  /** Reads on from `position`, which was read before. */
  rewind(position: number): void {
    const last = this.#read.findLast(({ from }) => from <= position);
    if (last === undefined || last.part === this.#parts[this.#index]) return;
    this.#goTo(this.#parts.indexOf(last.part));
    this.#read.length = this.#read.indexOf(last) + 1;
  }

  /** Where the byte at a stream offset is, or would be. */
  placeOf(position: number): Place {
    const found = this.#read.findLast(({ from }) => from <= position)?.part ?? this.#parts[0];
    return found ? { file: found.name, offset: Math.max(position - found.offset, 0) } : { file: partName(this.cpu, 0), offset: position };
  }

  /** Stream offset behind the last byte that is written by now. */
  size(): number {
    const last = this.#parts.at(-1);
    return last === undefined ? 0 : last.offset + (statSync(join(this.directory, last.name), { throwIfNoEntry: false })?.size ?? 0);
  }

  close(): void {
    this.#goTo(this.#parts.length);
  }

  /** Undefined if the file is no longer there: rotation removes old parts while they are followed. */
  #open(part: Part, position: number): number | undefined {
    if (this.#fd !== undefined) return this.#fd;
    try {
      const opened = openPart(this.directory, part.name);
      if (typeof opened === "string") throw new Error(opened);
      this.#fd = opened;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    if (this.#read.at(-1)?.part !== part) this.#read.push({ part, from: position });
    return this.#fd;
  }

  #goTo(index: number): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#index = index;
  }
}
