/**
 * What was mapped where in which process, by time: `symbols/maps` of a recording.
 *
 * A process is a row of *images*: a fork begins one that has its parent's mappings up to then, an exec begins an empty one.
 * An exit ends nothing: a backtrace that was counted is often printed when its process is gone.
 * Sibling: user-symbols.ts finds the functions in the files.
 */
import { keyOf } from "./functions.ts";

/** Lines that are held; what comes later in the file is not known. */
export const MAPS_LINES_MAX = 500_000;
/** Mappings of one image that are looked at for one address, newest first. */
export const MAPPINGS_SCANNED_MAX = 4096;
/** Forks without an exec that are followed back. */
export const FORKS_MAX = 64;

export interface MappedFile {
  /** Hexadecimal; undefined: the file had none, so that nobody can tell which file it was. */
  readonly build_id: string | undefined;
  /** A character for each byte (latin1). */
  readonly path: string;
}

export interface Mapping {
  readonly file: MappedFile;
  /** Addresses, and where in the file its first byte stands. */
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

interface TimedMapping extends Mapping {
  readonly time: number;
}

/** Times are numbers: ns since the file's first line. */
interface Image {
  readonly begin: number;
  /** Whose mappings up to `begin` it has, too. */
  readonly parent: Image | undefined;
  readonly mappings: TimedMapping[];
  exit: number;
}

const LINE = /^(\d{1,20}) (\d{1,10}) (?:map ([0-9a-f]{1,16}) ([0-9a-f]{1,16}) ([0-9a-f]{1,16}) (-|[0-9a-f]{4,128}) (.+)|(exec) .*|fork (\d{1,10})|(exit)|lost (\d{1,20}))$/;

/** The processes of a recording. */
export class Processes {
  readonly #images = new Map<number, Image[]>();
  readonly #files = new Map<string, MappedFile>();
  readonly #losses: number[] = [];
  #base = 0n;
  /** Records of mappings that were lost when they were recorded. */
  lost = 0n;
  /** Whether there were more lines than are held. */
  readonly isCut: boolean;

  constructor(bytes: Buffer, lines_max = MAPS_LINES_MAX) {
    const lines: { readonly time: number; readonly words: RegExpExecArray }[] = [];
    let at = 0;
    for (; at < bytes.length && lines.length < lines_max; ) {
      const found = bytes.indexOf(10, at);
      const end = found < 0 ? bytes.length : found;
      const words = LINE.exec(bytes.toString("latin1", at, end));
      if (words && lines.length === 0) this.#base = BigInt(words[1]!);
      if (words) lines.push({ time: this.#timeOf(BigInt(words[1]!)), words });
      at = end + 1;
    }
    this.isCut = at < bytes.length;
    lines.sort((a, b) => a.time - b.time);
    for (const { time, words } of lines) this.#take(time, words);
  }

  /** The mapping that held an address (exact, as a number) of a process at a time, or when the process ended; undefined if that is not known. */
  find(pid: number, address: number, time_ns: bigint): Mapping | undefined {
    let time = this.#timeOf(time_ns);
    let image = lastUpTo(this.#images.get(pid) ?? [], time, ({ begin }) => begin);
    // After a loss nobody knows whether a pid that was free has been used again.
    if (image !== undefined && image.exit <= time && this.#losses.some((loss) => loss >= image!.exit && loss <= time)) return undefined;
    for (let forks = 0; image !== undefined && forks < FORKS_MAX; forks++) {
      const found = mappingOf(image, address, time);
      if (found) return found;
      time = Math.min(time, image.begin);
      image = image.parent;
    }
    return undefined;
  }

  #timeOf(time_ns: bigint): number {
    return Number(time_ns - this.#base);
  }

  #take(time: number, [, , who, start, end, offset, build_id, path, exec, child, exit, lost]: RegExpExecArray): void {
    const pid = Number(who);
    if (path !== undefined) this.#map(pid, { time, start: keyOf(BigInt(`0x${start!}`)), end: keyOf(BigInt(`0x${end!}`)), offset: keyOf(BigInt(`0x${offset!}`)), file: this.#file(build_id!, path) });
    else if (exec !== undefined) this.#begin(pid, time, undefined);
    else if (child !== undefined) this.#begin(Number(child), time, this.#images.get(pid)?.at(-1));
    else if (exit !== undefined) (this.#images.get(pid)?.at(-1) ?? this.#begin(pid, time, undefined)).exit = time;
    else if (lost !== undefined) {
      this.lost += BigInt(lost);
      this.#losses.push(time);
    }
  }

  #begin(pid: number, begin: number, parent: Image | undefined): Image {
    const image: Image = { begin, parent, mappings: [], exit: Infinity };
    const images = this.#images.get(pid);
    if (images) images.push(image);
    else this.#images.set(pid, [image]);
    return image;
  }

  #map(pid: number, mapping: TimedMapping): void {
    if (!(mapping.start < mapping.end && mapping.offset >= 0)) return; // NaN is refused, too
    (this.#images.get(pid)?.at(-1) ?? this.#begin(pid, mapping.time, undefined)).mappings.push(mapping);
  }

  /** One object for each file, however often it is mapped. */
  #file(build_id: string, path: string): MappedFile {
    const name = `${build_id} ${path}`;
    const file = this.#files.get(name) ?? { build_id: build_id === "-" ? undefined : build_id, path };
    this.#files.set(name, file);
    return file;
  }
}

function mappingOf({ mappings }: Image, address: number, time: number): Mapping | undefined {
  const last = countUpTo(mappings, time, (mapping) => mapping.time);
  for (let i = last - 1; i >= 0 && i >= last - MAPPINGS_SCANNED_MAX; i--) {
    const mapping = mappings[i]!;
    if (address >= mapping.start && address < mapping.end) return mapping;
  }
  return undefined;
}

/** How many of the items, which are in order of time, have a time up to `time`. */
function countUpTo<Item>(items: readonly Item[], time: number, timeOf: (item: Item) => number): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeOf(items[middle]!) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastUpTo<Item>(items: readonly Item[], time: number, timeOf: (item: Item) => number): Item | undefined {
  return items[countUpTo(items, time, timeOf) - 1];
}
