/**
 * Names of functions in user space: which file was mapped there then, and what that file has there.
 *
 * A file is believed only if it has the build-id that was recorded: a wrong name is worse than none. Else the place in the file.
 * Siblings: maps.ts has the mappings, elf.ts reads the files; stacks.ts puts names into text.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { addressOf, parseElf, type Elf, type ReadBytes } from "./elf.ts";
import type { FunctionTable } from "./functions.ts";
import type { MappedFile, Mapping, Processes } from "./maps.ts";

/** Bytes of functions and their names that are held, of all files; the files that come later stay without names. */
export const FILE_NAMES_SIZE_MAX = 96 << 20;
/** Places in files whose names are kept. */
export const CACHED_PLACES_MAX = 1 << 16;
/** Bytes of a page: what a mapping begins and ends at. */
const PAGE_SIZE = 4096;

export interface UserSymbol {
  /** undefined: only the place in the file is known. */
  readonly name: string | undefined;
  /** Bytes from the function's begin; without a name from the file's. */
  readonly offset: number;
  /** Last part of the path. */
  readonly file: string;
}

/** Where files are looked for. */
export interface UserSymbolOptions {
  /** A directory that is looked in first, with the paths of the machine that was recorded. */
  readonly sysroot?: string | undefined;
  /** Takes a line for stderr about what is not known, without line end. */
  readonly report?: ((line: string) => void) | undefined;
  /** Only tests want another. */
  readonly size_max?: number;
}

/** What of a file has been found: segments and functions may be of two files, the program and what was split off it. */
interface Found {
  readonly program: Elf | undefined;
  readonly debug: Elf | undefined;
  readonly functions: FunctionTable;
}

/** Functions of processes by pid, address and time. */
export class UserSymbols {
  readonly #found = new Map<MappedFile, Found | undefined>();
  readonly #processes: Processes;
  readonly #sysroot: string | undefined;
  readonly #places = new Map<MappedFile, Map<number, UserSymbol>>();
  #places_count = 0;
  readonly #report: (line: string) => void;
  #size_left: number;

  constructor(processes: Processes, { sysroot, report = () => {}, size_max = FILE_NAMES_SIZE_MAX }: UserSymbolOptions = {}) {
    this.#processes = processes;
    this.#sysroot = sysroot;
    this.#report = report;
    this.#size_left = size_max;
  }

  /** What a process had at an address (exact, as a number); undefined if nothing is known to have been mapped there. */
  find(pid: number, address: number, time_ns: bigint): UserSymbol | undefined {
    const mapping = this.#processes.find(pid, address, time_ns);
    if (mapping === undefined) return undefined;
    const distance = address - mapping.start;
    const known = this.#places.get(mapping.file)?.get(mapping.offset + distance);
    return known ?? this.#keep(mapping, distance, this.#name(mapping, distance));
  }

  /** Most frames come again and again. A place in a file has one name, whoever has mapped it. */
  #keep({ file, offset }: Mapping, distance: number, symbol: UserSymbol): UserSymbol {
    if (++this.#places_count > CACHED_PLACES_MAX) {
      this.#places.clear();
      this.#places_count = 1;
    }
    const places = this.#places.get(file) ?? new Map<number, UserSymbol>();
    this.#places.set(file, places.set(offset + distance, symbol));
    return symbol;
  }

  #name(mapping: Mapping, distance: number): UserSymbol {
    const file = mapping.file.path.slice(mapping.file.path.lastIndexOf("/") + 1);
    const found = this.#open(mapping.file);
    const place = found && placeOf(found, mapping, distance);
    const index = found === undefined || place === undefined ? -1 : found.functions.find(place);
    if (found === undefined || place === undefined || index < 0) return { name: undefined, offset: mapping.offset + distance, file };
    // A name may carry the version of its library: memcpy@@GLIBC_2.14
    return { name: found.functions.name(index).replace(/(?<=.)@.*$/, ""), offset: place - found.functions.begin(index), file };
  }

  #open(file: MappedFile): Found | undefined {
    if (!this.#found.has(file)) this.#found.set(file, this.#look(file));
    return this.#found.get(file);
  }

  #look({ build_id, path }: MappedFile): Found | undefined {
    if (build_id === undefined) return undefined;
    const program = this.#first([path.replace(/ \(deleted\)$/, "")], build_id);
    const debug = program?.elf.hasSymbols ? undefined : this.#first([`/usr/lib/debug/.build-id/${build_id.slice(0, 2)}/${build_id.slice(2)}.debug`], build_id);
    const functions = this.#functionsOf(debug, path) ?? this.#functionsOf(program, path);
    for (const file of [program, debug]) file?.close();
    return functions && { program: program?.elf, debug: debug?.elf, functions };
  }

  /** The first of the paths, in the sysroot or not, at which there is the file with this build-id. */
  #first(paths: readonly string[], build_id: string): OpenElf | undefined {
    const places = paths.filter((path) => path.startsWith("/")).flatMap((path) => (this.#sysroot === undefined ? [path] : [this.#sysroot + path, path]));
    for (const place of places) {
      const file = openElf(Buffer.from(place, "latin1"));
      if (file?.elf.build_id === build_id) return file;
      file?.close();
    }
    return undefined;
  }

  #functionsOf(file: OpenElf | undefined, path: string): FunctionTable | undefined {
    const functions = file?.elf.functions();
    if (functions === undefined || functions.size > this.#size_left) {
      if (file?.elf.hasTable) this.#report(`the functions of ${path} have no names, for its table is damaged, or larger than what is held`);
      return undefined;
    }
    this.#size_left -= functions.size;
    return functions;
  }
}

/** An address in the program's own numbering: by the program's segments, or by the one that such a mapping must be of. */
function placeOf({ program, debug }: Found, mapping: Mapping, distance: number): number | undefined {
  if (program) return addressOf(program, mapping.offset + distance);
  // What was split off has the segments' addresses, but not where they were in the file.
  const segments = debug?.segments.filter(({ executable }) => executable) ?? [];
  const [segment] = segments;
  if (segment === undefined || segments.length > 1) return undefined;
  const begin = Math.floor(segment.address / PAGE_SIZE) * PAGE_SIZE;
  const end = Math.ceil((segment.address + segment.memory_size) / PAGE_SIZE) * PAGE_SIZE;
  return end - begin === mapping.end - mapping.start ? begin + distance : undefined;
}

interface OpenElf {
  readonly elf: Elf;
  readonly close: () => void;
}

/** undefined if there is no such file, it cannot be read, or it is no ELF file. */
function openElf(path: Buffer): OpenElf | undefined {
  let file: number | undefined;
  try {
    // Not blocking: a named pipe without a writer would wait for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const elf = fstatSync(file).isFile() ? parseElf(readerOf(file)) : undefined;
    const opened = file;
    if (elf) return { elf, close: () => closeSync(opened) };
  } catch {
    // What cannot be read has no names: its frames show their places.
  }
  if (file !== undefined) closeSync(file);
  return undefined;
}

function readerOf(file: number): ReadBytes {
  const { size: file_size } = fstatSync(file);
  return (offset, size) => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(size, file_size - offset)));
    let used = 0;
    try {
      for (let got = -1; got !== 0 && used < bytes.length; used += got) got = readSync(file, bytes, used, bytes.length - used, offset + used);
    } catch {
      // The file ends for us where the disk refuses to go on.
    }
    return bytes.subarray(0, used);
  };
}
