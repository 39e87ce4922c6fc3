/**
 * What backtraces need of an ELF file: its build-id, where its segments are, its functions.
 *
 * The file may be damaged or made to harm: each offset and size is checked against the file, each table has a limit, nothing
 * throws. There is no library on npm that is kept, reads only the parts that are wanted, and bounds what it allocates.
 * Siblings: functions.ts is the table; user-symbols.ts looks for the files.
 */
import { FunctionList, FunctionTable } from "./functions.ts";

/** Symbols of one table; a larger one is not read. */
export const ELF_SYMBOLS_MAX = 1 << 20;
/** Bytes of the names of one table. */
export const ELF_NAMES_SIZE_MAX = 32 << 20;
/** Bytes of one section or segment of notes. */
export const ELF_NOTES_SIZE_MAX = 1 << 16;
/** Sections or segments with notes that are looked at. */
export const ELF_NOTES_MAX = 32;

/** Bytes `[offset, offset + size)` of a file; fewer if it ends before, or cannot be read. */
export type ReadBytes = (offset: number, size: number) => Buffer;

/** A loaded segment. Sizes are bytes. */
export interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly file_size: number;
  readonly memory_size: number;
  readonly executable: boolean;
}

export interface Elf {
  /** Hexadecimal. */
  readonly build_id: string | undefined;
  readonly segments: readonly Segment[];
  /** Whether it has a table of symbols; and one of all of them, not only of those for linking at run time. */
  readonly hasTable: boolean;
  readonly hasSymbols: boolean;
  /** Reads the table; undefined if there is none, or one beyond a limit. */
  readonly functions: () => FunctionTable | undefined;
}

const PT_LOAD = 1;
const PT_NOTE = 4;
const PF_X = 1;
const SHT_SYMTAB = 2;
const SHT_NOTE = 7;
const SHT_DYNSYM = 11;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const NT_GNU_BUILD_ID = 3;
const EM_ARM = 40;

/** Reads numbers of the file's class and byte order. */
interface Form {
  readonly is64: boolean;
  readonly isLittle: boolean;
}

interface Section {
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entry_size: number;
}

interface Note {
  readonly offset: number;
  readonly size: number;
}

/** The file's headers; undefined if it is no ELF file, or its headers are damaged. */
export function parseElf(read: ReadBytes): Elf | undefined {
  const head = read(0, 64);
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const [bits, order] = [head[4]!, head[5]!];
  if ((bits !== 1 && bits !== 2) || (order !== 1 && order !== 2) || (bits === 2 && head.length < 64)) return undefined;
  const form: Form = { is64: bits === 2, isLittle: order === 1 };
  const { is64 } = form;
  const machine = half(form, head, 18);
  const at = is64 ? 52 : 40; // e_ehsize, and the sizes and counts behind it
  const programs = readTable(read, word(form, head, is64 ? 32 : 28), half(form, head, at + 4), half(form, head, at + 2), is64 ? 56 : 32);
  const sections = readTable(read, word(form, head, is64 ? 40 : 32), half(form, head, at + 8), half(form, head, at + 6), is64 ? 64 : 40).map((entry) => sectionOf(form, entry));
  const segments = programs.filter((entry) => full(form, entry, 0) === PT_LOAD).map((entry) => segmentOf(form, entry)).filter((segment) => Number.isFinite(segment.address + segment.offset));
  const noted = programs.filter((entry) => full(form, entry, 0) === PT_NOTE).map((entry): Note => segmentPlace(form, entry));
  const build_id = buildIdOf(read, form, [...noted, ...sections.filter(({ type }) => type === SHT_NOTE)]);
  const symbols = sections.find(({ type }) => type === SHT_SYMTAB);
  const table = symbols ?? sections.find(({ type }) => type === SHT_DYNSYM);
  return { build_id, segments, hasTable: table !== undefined, hasSymbols: symbols !== undefined, functions: () => table && functionsOf(read, form, machine, table, sections) };
}

/** The address of a byte of the file in the program's own numbering; undefined if it is in no segment. */
export function addressOf({ segments }: Elf, offset: number): number | undefined {
  const segment = segments.find((one) => offset >= one.offset && offset < one.offset + one.file_size);
  return segment && offset - segment.offset + segment.address;
}

/** The entries of a table of headers, as far as they are in the file; none if they are not of the size they must have. */
function readTable(read: ReadBytes, offset: number, count: number, entry_size: number, expected: number): Buffer[] {
  if (!Number.isFinite(offset) || entry_size !== expected) return [];
  const bytes = read(offset, count * expected);
  return Array.from({ length: Math.floor(bytes.length / expected) }, (_, i) => bytes.subarray(i * expected, (i + 1) * expected));
}

function sectionOf(form: Form, entry: Buffer): Section {
  const at = form.is64 ? { address: 16, offset: 24, size: 32, link: 40, entry_size: 56 } : { address: 12, offset: 16, size: 20, link: 24, entry_size: 36 };
  return { type: full(form, entry, 4), address: word(form, entry, at.address), offset: word(form, entry, at.offset), size: word(form, entry, at.size), link: full(form, entry, at.link), entry_size: word(form, entry, at.entry_size) };
}

function segmentPlace(form: Form, entry: Buffer): Note {
  return form.is64 ? { offset: word(form, entry, 8), size: word(form, entry, 32) } : { offset: word(form, entry, 4), size: word(form, entry, 16) };
}

function segmentOf(form: Form, entry: Buffer): Segment {
  const { offset, size } = segmentPlace(form, entry);
  const [address, memory_size, flags] = form.is64 ? [word(form, entry, 16), word(form, entry, 40), full(form, entry, 4)] : [word(form, entry, 8), word(form, entry, 20), full(form, entry, 24)];
  return { offset, address, file_size: size, memory_size, executable: (flags & PF_X) !== 0 };
}

function buildIdOf(read: ReadBytes, form: Form, notes: readonly Note[]): string | undefined {
  for (const { offset, size } of notes.slice(0, ELF_NOTES_MAX)) {
    if (!(offset + size <= Number.MAX_SAFE_INTEGER) || size > ELF_NOTES_SIZE_MAX) continue;
    const found = buildIdIn(form, read(offset, size));
    if (found !== undefined) return found;
  }
  return undefined;
}

function buildIdIn(form: Form, bytes: Buffer): string | undefined {
  for (let at = 0; at + 12 <= bytes.length; ) {
    const name_size = full(form, bytes, at);
    const size = full(form, bytes, at + 4);
    const begin = at + 12 + padded(name_size);
    if (begin + size > bytes.length) return undefined;
    if (full(form, bytes, at + 8) === NT_GNU_BUILD_ID && bytes.toString("latin1", at + 12, at + 12 + name_size) === "GNU\0") return bytes.toString("hex", begin, begin + size);
    at = begin + padded(size);
  }
  return undefined;
}

function functionsOf(read: ReadBytes, form: Form, machine: number, table: Section, sections: readonly Section[]): FunctionTable | undefined {
  const strings = sections[table.link];
  const entry_size = form.is64 ? 24 : 16;
  const count = Math.floor(table.size / entry_size);
  if (!strings || table.entry_size !== entry_size || !(count <= ELF_SYMBOLS_MAX) || !(strings.size <= ELF_NAMES_SIZE_MAX)) return undefined;
  if (!Number.isFinite(table.offset + strings.offset)) return undefined;
  const [bytes, names] = [read(table.offset, count * entry_size), read(strings.offset, strings.size)];
  const found: { readonly key: number; readonly name: number; readonly size: number; readonly rank: number }[] = [];
  const at = form.is64 ? { info: 4, section: 6, value: 8, size: 16 } : { info: 12, section: 14, value: 4, size: 8 };
  for (let entry = 0; entry + entry_size <= bytes.length; entry += entry_size) {
    const type = bytes[entry + at.info]! & 15;
    const name = full(form, bytes, entry);
    const value = word(form, bytes, entry + at.value);
    const section = half(form, bytes, entry + at.section);
    if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || section === 0) continue;
    if (!Number.isFinite(value) || !(name < names.length) || names[name]! <= 0x20) continue;
    const key = machine === EM_ARM && value % 2 === 1 ? value - 1 : value; // the lowest bit says Thumb
    const size = word(form, bytes, entry + at.size) || (table.type === SHT_SYMTAB ? sizeUpTo(sections[section], key) : 0);
    if (size > 0) found.push({ key, name, size, rank: underscores(names, name) });
  }
  // Of several names for one function the plainest.
  found.sort((a, b) => a.key - b.key || a.rank - b.rank);
  const list = new FunctionList();
  for (const { key, name, size } of found) list.add(key, name, size);
  return new FunctionTable(list, names);
}

/** A function that was written without a size ends with its section, unless another begins before. Only a table of all functions tells that. */
function sizeUpTo(section: Section | undefined, key: number): number {
  return section && key >= section.address ? Math.max(0, section.address + section.size - key) : 0;
}

/** Underscores at a name's begin, of which more than two make no difference. */
function underscores(names: Buffer, at: number): number {
  let count = 0;
  while (count < 3 && names[at + count] === 0x5f) count++;
  return count;
}

function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}

function half({ isLittle }: Form, bytes: Buffer, at: number): number {
  return isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

function full({ isLittle }: Form, bytes: Buffer, at: number): number {
  return isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

/** A number of the file's class; NaN if it is no offset, size or address that any file can have. */
function word(form: Form, bytes: Buffer, at: number): number {
  if (!form.is64) return full(form, bytes, at);
  const high = full(form, bytes, form.isLittle ? at + 4 : at);
  const low = full(form, bytes, form.isLittle ? at : at + 4);
  return high < 0x20_0000 ? high * 0x1_0000_0000 + low : NaN;
}
