/**
 * Names of the kernel's functions, from the recording's own symbols, by address and time.
 *
 * `symbols/kallsyms` is of the session's end; `symbols/modules` has what was loaded and unloaded before. A name is right for
 * the time that is asked for: what stood there then, else what stood there before, for a map of backtraces is printed late.
 * Siblings: functions.ts is the table; stacks.ts puts names into text; stpd/daemon/recording.c wrote the files down.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { messageOf, StpError } from "../../spec/errors.ts";
import { FunctionList, FunctionTable, keyOf } from "./functions.ts";

/** Files that may hold the functions, relative to the recording, in order of preference. */
const FILES = ["symbols/kallsyms", "symbols/kallsyms-seen.gz", "symbols/kallsyms.gz"] as const;
const MODULES_FILE = "symbols/modules";
/** Files without which a replay could not name what the recording can. */
const KEPT_FILES = ["symbols/kallsyms", "symbols/kallsyms-seen.gz", MODULES_FILE, "symbols/maps"] as const;
/** Bytes of one file of symbols that are read. */
export const SYMBOLS_SIZE_MAX = 64 << 20;
/** An address so far behind the last function is none of the kernel's. */
const FUNCTION_SIZE_MAX = 1 << 20;
/** Bytes of the pages in which a module surely ends: memory of modules is given in whole pages. */
const PAGE_SIZE = 4096;

export interface KernelSymbol {
  readonly name: string;
  /** Bytes from the function's begin. */
  readonly offset: number;
  /** undefined: of the kernel itself. */
  readonly module: string | undefined;
}

/** The kernel's own functions, or a module's while it was loaded. Times are on the records' clock. */
interface Unit {
  readonly module: string | undefined;
  readonly functions: FunctionTable;
  readonly loaded_ns: bigint;
  /** undefined: still loaded at the end. */
  readonly unloaded_ns: bigint | undefined;
}

/** Functions by address and time. */
export class KernelSymbols {
  readonly #units: readonly Unit[];
  /** When what is loaded changed, in order. */
  readonly #changes: readonly bigint[];
  /** Whether modules are missing of which the kernel had no room to remember. */
  readonly isCut: boolean;

  /** `kallsyms`: lines as in /proc/kallsyms; those with address 0 say only that there is such a name. `modules`: as symbols/modules. */
  constructor(kallsyms: Buffer, modules: Buffer = Buffer.alloc(0)) {
    const past = readModules(modules);
    this.isCut = past.isCut;
    this.#units = [...past.unloaded, ...unitsOf(kallsyms, past.loads)].filter(({ functions }) => functions.count > 0);
    const times = this.#units.flatMap(({ loaded_ns, unloaded_ns }) => (unloaded_ns === undefined ? [loaded_ns] : [loaded_ns, unloaded_ns]));
    this.#changes = [...new Set(times)].filter((time) => time > 0n).sort((a, b) => (a < b ? -1 : 1));
  }

  /** Functions known. */
  get count(): number {
    return this.#units.reduce((sum, { functions }) => sum + functions.count, 0);
  }

  /** Between two times of one epoch nothing was loaded or unloaded: the same address has the same name. */
  epoch(time_ns: bigint): number {
    let epoch = 0;
    while (epoch < this.#changes.length && this.#changes[epoch]! <= time_ns) epoch++;
    return epoch;
  }

  /** The function that held an address; of several at one place the first in the file. */
  find(address: bigint, time_ns: bigint): KernelSymbol | undefined {
    const key = keyOf(address);
    let best: { rank: number; unit: Unit; index: number } | undefined;
    for (const unit of this.#units) {
      if (!(key >= unit.functions.first && key - unit.functions.last < FUNCTION_SIZE_MAX)) continue;
      const index = unit.functions.find(key);
      if (index < 0 || key - unit.functions.begin(index) >= FUNCTION_SIZE_MAX) continue;
      const rank = rankOf(unit, key, time_ns);
      if (rank > 0 && (best === undefined || rank > best.rank || (rank === best.rank && isNearer(unit, index, best)))) best = { rank, unit, index };
    }
    if (best === undefined) return undefined;
    const { unit, index } = best;
    return { name: unit.functions.name(index), offset: key - unit.functions.begin(index), module: unit.module };
  }
}

/** How well a unit that may hold a key suits a time; 0: not at all. */
function rankOf({ functions, loaded_ns, unloaded_ns }: Unit, key: number, time_ns: bigint): number {
  if (loaded_ns > time_ns) return 0;
  const isInside = key < Math.floor(functions.last / PAGE_SIZE + 1) * PAGE_SIZE;
  if (unloaded_ns === undefined || unloaded_ns > time_ns) return isInside ? 3 : 1;
  return isInside ? 2 : 0;
}

/** Of what was loaded at one time the nearest function; of what was unloaded before, the latest. */
function isNearer(unit: Unit, index: number, best: { readonly unit: Unit; readonly index: number; readonly rank: number }): boolean {
  if (best.rank === 2) return (unit.unloaded_ns ?? 0n) > (best.unit.unloaded_ns ?? 0n);
  return unit.functions.begin(index) > best.unit.functions.begin(best.index);
}

interface PastModules {
  readonly unloaded: readonly Unit[];
  /** When a module that is still loaded was loaded, if not before the session. */
  readonly loads: ReadonlyMap<string, bigint>;
  readonly isCut: boolean;
}

const MODULE_LINE = /^module (\S+) (\d{1,20}) (\d{1,20})$/;

function readModules(bytes: Buffer): PastModules {
  const unloaded: Unit[] = [];
  const loads = new Map<string, bigint>();
  let isCut = false;
  for (let at = 0; at < bytes.length; ) {
    const end = lineEnd(bytes, at);
    const line = bytes.toString("latin1", at, Math.min(end, at + 1024));
    const [, module, loaded, gone] = MODULE_LINE.exec(line) ?? [];
    isCut ||= line === "more";
    at = end + 1;
    if (module === undefined) continue;
    const next = bytes.indexOf("\nmodule ", end);
    const list = new FunctionList();
    eachFunction(bytes, at, next < 0 ? bytes.length : next, (key, name) => list.add(key, name));
    const unloaded_ns = BigInt(gone!);
    // What kallsyms has of this name came after it.
    loads.set(module, unloaded_ns > 0n ? unloaded_ns : BigInt(loaded!));
    if (unloaded_ns > 0n) unloaded.push({ module, functions: new FunctionTable(list, bytes), loaded_ns: BigInt(loaded!), unloaded_ns });
    at = next < 0 ? lastLine(bytes, at) : next + 1;
  }
  return { unloaded, loads, isCut };
}

/** Where the last line begins, not before `from`: it may be `more`. */
function lastLine(bytes: Buffer, from: number): number {
  return Math.max(from, bytes.subarray(0, -1).lastIndexOf(10) + 1);
}

function unitsOf(kallsyms: Buffer, loads: ReadonlyMap<string, bigint>): readonly Unit[] {
  const lists = new Map<string, FunctionList>();
  const own = new FunctionList();
  let [module, list] = ["", own];
  eachFunction(kallsyms, 0, kallsyms.length, (key, name, module_begin, module_end) => {
    if (key === 0) return;
    if (module_begin === module_end) return own.add(key, name);
    const found = kallsyms.toString("latin1", module_begin, module_end);
    if (found !== module) {
      list = lists.get(found) ?? new FunctionList();
      lists.set(found, list);
      module = found;
    }
    list.add(key, name);
  });
  const unit = (functions: FunctionList, name: string | undefined): Unit => ({ module: name, functions: new FunctionTable(functions, kallsyms), loaded_ns: loads.get(name ?? "") ?? 0n, unloaded_ns: undefined });
  return [unit(own, undefined), ...[...lists].map(([name, functions]) => unit(functions, name))];
}

const [NEWLINE, SPACE, TAB, OPEN, CLOSE] = [10, 32, 9, 91, 93] as const;

function lineEnd(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(NEWLINE, at);
  return end < 0 ? bytes.length : end;
}

type AddFunction = (key: number, name: number, module_begin: number, module_end: number) => void;

/** Lines `ADDR TYPE NAME [MODULE]`; others are left out. Byte by byte: a kernel has 10 MB of them. */
function eachFunction(bytes: Buffer, from: number, to: number, add: AddFunction): void {
  for (let at = from; at < to; ) {
    let high = 0;
    let low = 0;
    let digits = 0;
    for (; at < to; at++, digits++) {
      const digit = hexDigit(bytes[at]!);
      if (digit < 0) break;
      high = (high << 4) | (low >>> 28);
      low = ((low << 4) | digit) >>> 0;
    }
    const name = at + 3;
    if (digits > 0 && digits <= 16 && bytes[at] === SPACE && bytes[at + 2] === SPACE && name < to) {
      for (at = name; at < to && bytes[at]! > SPACE; ) at++;
      const key = high * 0x1_0000_0000 + low;
      let begin = at;
      while (begin < to && (bytes[begin] === SPACE || bytes[begin] === TAB)) begin++;
      let end = begin;
      if (bytes[begin] === OPEN) for (begin++; end < to && bytes[end] !== CLOSE && bytes[end] !== NEWLINE; ) end++;
      if (at > name && Number.isSafeInteger(key)) add(key, name, begin, Math.max(begin, end));
      at = end;
    }
    while (at < to && bytes[at] !== NEWLINE) at++;
    at++;
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

/** The files of a recording that hold symbols with addresses, by name: what a replay of it needs, too. */
export function readSymbolFiles(directory: string): (readonly [name: string, bytes: Uint8Array])[] {
  return KEPT_FILES.filter((file) => existsSync(join(directory, file))).map((file) => [file, readFileSync(join(directory, file))] as const);
}

/** The kernel symbols of a recording; undefined if it has none. Throws StpError if they cannot be read. */
export function readSymbols(directory: string): KernelSymbols | undefined {
  const file = FILES.find((name) => existsSync(join(directory, name)));
  if (file === undefined && !existsSync(join(directory, MODULES_FILE))) return undefined;
  return new KernelSymbols(file === undefined ? Buffer.alloc(0) : readSymbolFile(directory, file), readSymbolFile(directory, MODULES_FILE));
}

/** A file of symbols, as far as it is read; empty if there is none. Throws StpError if it cannot be read. */
export function readSymbolFile(directory: string, name: string): Buffer {
  const path = join(directory, name);
  try {
    const bytes = readUpTo(path, SYMBOLS_SIZE_MAX);
    return path.endsWith(".gz") ? gunzipSync(bytes, { maxOutputLength: SYMBOLS_SIZE_MAX }) : bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw new StpError(`Cannot read ${path}: ${messageOf(error)}; remove it to see addresses instead of names`, { cause: error });
  }
}

function readUpTo(path: string, size_max: number): Buffer {
  // Not blocking: a named pipe without a writer would wait for ever.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(Math.min(fstatSync(file).size, size_max));
    let size = 0;
    for (let got = -1; got !== 0 && size < bytes.length; size += got) got = readSync(file, bytes, size, bytes.length - size, size);
    return bytes.subarray(0, size);
  } finally {
    closeSync(file);
  }
}
