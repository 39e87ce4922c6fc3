/** ELF files: both classes and byte orders, and damage of every kind. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { addressOf, ELF_NAMES_SIZE_MAX, ELF_NOTES_MAX, ELF_NOTES_SIZE_MAX, ELF_SYMBOLS_MAX, parseElf, type Elf, type ReadBytes } from "./elf.ts";
import { compileC, makeElf } from "./testing-elf.ts";

const reader = (bytes: Buffer): ReadBytes => (offset, size) => bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + size, bytes.length));
const nameAt = (elf: Elf | undefined, address: number): string | undefined => {
  const functions = elf?.functions();
  const index = functions?.find(address) ?? -1;
  return functions && index >= 0 ? `${functions.name(index)}+${address - functions.begin(index)}` : undefined;
};

const SYMBOLS = [
  { name: "__alias", value: 0x10100, size: 0x20 },
  { name: "f", value: 0x10100, size: 0x20 },
  { name: "_alias", value: 0x10100, size: 0x20 },
  { name: "sizeless", value: 0x10f00, size: 0 },
  { name: "data", value: 0x10200, size: 8, type: 1 },
  { name: "elsewhere", value: 0x10300, size: 8, section: 0 },
  { name: "indirect", value: 0x10400, size: 8, type: 0x1a },
];

describe.each([
  ["64 bits, little endian", true, true],
  ["64 bits, big endian", true, false],
  ["32 bits, little endian", false, true],
  ["32 bits, big endian", false, false],
])("%s", (_name, is64, isLittle) => {
  const elf = parseElf(reader(makeElf({ is64, isLittle, address: 0x10000, symbols: SYMBOLS })));

  it("has build-id, segments and functions, of several names the plainest", () => {
    expect(elf?.build_id).toBe("00112233");
    expect(elf?.segments).toEqual([{ offset: 0, address: 0x10000, file_size: 0x2000, memory_size: 0x2000, executable: true }]);
    expect([addressOf(elf!, 0x123), addressOf(elf!, 0x2000)]).toEqual([0x10123, undefined]);
    expect([0x100ff, 0x10100, 0x1011f, 0x10120, 0x10200, 0x10300, 0x10400].map((address) => nameAt(elf, address))).toEqual([undefined, "f+0", "f+31", undefined, undefined, undefined, "indirect+0"]);
  });

  it("has a function without a size up to its section's end; in a table for linking it has none", () => {
    expect([nameAt(elf, 0x10f00), nameAt(elf, 0x10fff), nameAt(elf, 0x11000)]).toEqual(["sizeless+0", "sizeless+255", undefined]);
    const dynamic = parseElf(reader(makeElf({ is64, isLittle, address: 0x10000, symbols: SYMBOLS, table_type: 11 })));
    expect([dynamic?.hasSymbols, dynamic?.hasTable, nameAt(dynamic, 0x10f00), nameAt(dynamic, 0x10100)]).toEqual([false, true, undefined, "f+0"]);
  });

  it("clears the bit that says Thumb, on ARM alone", () => {
    const made = (machine: number): Elf | undefined => parseElf(reader(makeElf({ is64, isLittle, machine, address: 0x10000, symbols: [{ name: "f", value: 0x10101, size: 8 }] })));
    expect([nameAt(made(40), 0x10100), nameAt(made(62), 0x10100)]).toEqual(["f+0", undefined]);
  });
});

describe("limits", () => {
  /** A file whose header of the section `index` says `size`, and which has so many bytes, if it is asked. */
  const sized = (index: number, size: number): Elf | undefined => {
    const bytes = makeElf({ is64: true, isLittle: true, address: 0x10000, symbols: SYMBOLS });
    bytes.writeBigUInt64LE(BigInt(size), Number(bytes.readBigUInt64LE(40)) + index * 64 + 32);
    return parseElf((offset, wanted) => Buffer.concat([reader(bytes)(offset, wanted), Buffer.alloc(Math.max(0, wanted - reader(bytes)(offset, wanted).length))]));
  };

  it("a table of more than ELF_SYMBOLS_MAX symbols is not read", () => expect([sized(2, (ELF_SYMBOLS_MAX + 1) * 24)?.functions(), sized(2, ELF_SYMBOLS_MAX * 24)?.functions()?.count]).toEqual([undefined, 3]));
  it("names of more than ELF_NAMES_SIZE_MAX bytes are not read", () => expect([sized(3, ELF_NAMES_SIZE_MAX + 1)?.functions(), sized(3, ELF_NAMES_SIZE_MAX)?.functions()?.count]).toEqual([undefined, 3]));
  it("of more than ELF_NOTES_MAX segments of notes the rest is not read", () => {
    const made = (empty_notes: number): string | undefined => parseElf(reader(makeElf({ is64: true, isLittle: true, address: 0x10000, empty_notes, symbols: [] })))?.build_id;
    expect([made(ELF_NOTES_MAX - 1), made(ELF_NOTES_MAX)]).toEqual(["00112233", undefined]);
  });
  it("notes of more than ELF_NOTES_SIZE_MAX bytes are not read", () => {
    const bytes = makeElf({ is64: true, isLittle: true, address: 0x10000, symbols: [] });
    const noted = (size: number): string | undefined => {
      bytes.writeBigUInt64LE(BigInt(size), 64 + 56 + 32);
      return parseElf(reader(bytes))?.build_id;
    };
    expect([noted(ELF_NOTES_SIZE_MAX), noted(ELF_NOTES_SIZE_MAX + 1)]).toEqual(["00112233", undefined]);
  });
});

describe("damage", () => {
  const directory = mkdtempSync(join(tmpdir(), "test-of-elf-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const compiled = readFileSync(compileC(directory, "small", "int f(int x) { return x * 3; }\nint main(int c, char **v) { return f(c) + !v; }\n"));
  const files = [compiled, ...[true, false].flatMap((is64) => [true, false].map((isLittle) => makeElf({ is64, isLittle, address: 0x10000, symbols: SYMBOLS })))];
  /** Asks all that can be asked; bytes that were read at once count. */
  const use = (bytes: Buffer): number => {
    let most = 0;
    const elf = parseElf((offset, size) => {
      const got = reader(bytes)(offset, size);
      most = Math.max(most, got.length);
      return got;
    });
    const functions = elf?.functions();
    for (let i = 0; i < (functions?.count ?? 0); i++) functions?.name(i);
    if (elf) addressOf(elf, 0x1000);
    return most;
  };

  test("bits turned, bytes cut off or put in: nothing throws, and nothing is read twice over", () => {
    const change = fc.record({ file: fc.nat(files.length - 1), flips: fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 8 }), inHead: fc.boolean(), cut: fc.option(fc.nat()) });
    fc.assert(
      fc.property(change, ({ file, flips, inHead, cut }) => {
        const bytes = Buffer.from(files[file]!);
        for (const [place, bit] of flips) bytes[place % (inHead ? 400 : bytes.length)]! ^= 1 << bit;
        const damaged = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        expect(use(damaged)).toBeLessThanOrEqual(damaged.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("each byte of the headers as 0 and as 255: nothing throws", () => {
    for (const file of files) for (let at = 0; at < Math.min(file.length, 512); at++) for (const value of [0, 255]) {
      const bytes = Buffer.from(file);
      bytes[at] = value;
      use(bytes);
    }
  });
});
