/**
 * ELF files for tests: made up in any class and byte order, and compiled by gcc.
 *
 * Siblings: elf.test.ts and user-symbols.test.ts use them.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const COMPILE_MS_MAX = 60_000;

export interface MadeElf {
  readonly is64: boolean;
  readonly isLittle: boolean;
  readonly machine?: number;
  readonly build_id?: string;
  /** Segments of notes that are empty, before the one with the build-id. */
  readonly empty_notes?: number;
  /** Where the one segment, which is the whole file, is loaded. */
  readonly address: number;
  /** As they stand in the table: `type` 2 is FUNC, `section` 0 undefined, 1 the code from `address` on, 0x1000 bytes. */
  readonly symbols: readonly { readonly name: string; readonly value: number; readonly size: number; readonly type?: number; readonly section?: number }[];
  /** SHT_SYMTAB, unless it is 11: SHT_DYNSYM. */
  readonly table_type?: number;
}

/** The bytes of a small ELF file. */
export function makeElf({ is64, isLittle, machine = 62, build_id = "00112233", empty_notes = 0, address, symbols, table_type = 2 }: MadeElf): Buffer {
  const number = (size: number) => (value: number): Buffer => {
    const bytes = Buffer.alloc(size);
    if (size === 8) {
      if (isLittle) bytes.writeBigUInt64LE(BigInt(value));
      else bytes.writeBigUInt64BE(BigInt(value));
    } else if (isLittle) bytes.writeUIntLE(value, 0, size);
    else bytes.writeUIntBE(value, 0, size);
    return bytes;
  };
  const [half, full, word] = [number(2), number(4), number(is64 ? 8 : 4)];
  const strings = Buffer.from(`\0${symbols.map(({ name }) => `${name}\0`).join("")}`);
  let name_at = 1;
  const entries = symbols.map(({ name, value, size, type = 2, section = 1 }) => {
    const at = name_at;
    name_at += name.length + 1;
    const [info, other] = [Buffer.from([type]), Buffer.from([0])];
    return Buffer.concat(is64 ? [full(at), info, other, half(section), word(value), word(size)] : [full(at), word(value), word(size), info, other, half(section)]);
  });
  const id = Buffer.from(build_id, "hex");
  const note = Buffer.concat([full(4), full(id.length), full(3), Buffer.from("GNU\0"), id, Buffer.alloc(-id.length & 3)]);
  const [head_size, program_size, section_size] = is64 ? [64, 56, 64] : [52, 32, 40];
  const table = Buffer.concat(entries);
  const note_at = head_size + (2 + empty_notes) * program_size;
  const table_at = note_at + note.length;
  const strings_at = table_at + table.length;
  const sections_at = strings_at + strings.length;
  const program = (type: number, offset: number, at: number, size: number): Buffer =>
    Buffer.concat(is64 ? [full(type), full(5), word(offset), word(at), word(at), word(size), word(size), word(4)] : [full(type), word(offset), word(at), word(at), word(size), word(size), full(5), word(4)]);
  const section = (type: number, at: number, offset: number, size: number, link: number, entry_size: number): Buffer => Buffer.concat([full(0), full(type), word(0), word(at), word(offset), word(size), full(link), full(0), word(1), word(entry_size)]);
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, isLittle ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    half(3), half(machine), full(1), word(0), word(head_size), word(sections_at), full(0),
    half(head_size), half(program_size), half(2 + empty_notes), half(section_size), half(4), half(0),
    program(1, 0, address, 0x2000), ...Array.from({ length: empty_notes }, () => program(4, 0, 0, 0)), program(4, note_at, address + note_at, note.length),
    note, table, strings,
    section(0, 0, 0, 0, 0, 0), section(1, address, 0, 0x1000, 0, 0), section(table_type, 0, table_at, table.length, 3, is64 ? 24 : 16), section(3, 0, strings_at, strings.length, 0, 0),
  ]);
}

/** Compiles a C program with Debian's gcc; its path. */
export function compileC(directory: string, name: string, source: string, ...flags: string[]): string {
  writeFileSync(join(directory, `${name}.c`), source);
  execFileSync("gcc", ["-O1", "-Wl,--build-id=sha1", ...flags, "-o", name, `${name}.c`], { cwd: directory, timeout: COMPILE_MS_MAX });
  return join(directory, name);
}
