/** Names in the place of addresses, and folded stacks (L7). */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { foldLine, nameStacks } from "./stacks.ts";
import { KernelSymbols, readSymbols } from "./symbols.ts";

const TEXT = `ffffffff81000000 T _text
ffffffff81000100 T vfs_read
ffffffff81000100 t alias_of_it
ffffffff81000080 t ksys_read [module]
0000000000000000 T unknown
`;
const symbols = new KernelSymbols(TEXT);
const name = (address: bigint): string | undefined => symbols.find(address)?.name;

describe("KernelSymbols", () => {
  it("finds the function that holds an address, from its first byte to the next function's", () => {
    expect([0xffffffff81000000n, 0xffffffff8100007fn, 0xffffffff81000080n, 0xffffffff810000ffn, 0xffffffff81000100n].map(name)).toEqual(["_text", "_text", "ksys_read", "ksys_read", "vfs_read"]);
    expect(symbols.find(0xffffffff81000112n)).toEqual({ name: "vfs_read", offset: 0x12n });
  });

  it("knows nothing below the first, far behind the last, or at address 0", () => {
    expect([0n, 5n, 0xffffffff80ffffffn, 0xffffffff81000100n + (1n << 20n)].map(name)).toEqual([undefined, undefined, undefined, undefined]);
    expect(name(0xffffffff81000100n + (1n << 20n) - 1n)).toBe("vfs_read");
    expect(symbols.count).toBe(4);
    expect(new KernelSymbols("").find(1n)).toBeUndefined();
  });
});

describe("nameStacks", () => {
  it("names kernel frames, keeps what it does not know, user frames, and all other text", () => {
    const text = "é <stack 0xffffffff81000112 0x5 0xffffffff81000080> 3 <ustack 7 0xffffffff81000112 ...> 0xffffffff81000112 <stack> <stack 0xffffffff81000100 ...>\n";
    expect(nameStacks(text, symbols)).toBe("é <stack vfs_read+0x12 0x5 ksys_read+0x0> 3 <ustack 7 0xffffffff81000112 ...> 0xffffffff81000112 <stack> <stack vfs_read+0x0 ...>\n");
  });
});

describe("foldLine", () => {
  it.each([
    ["cat <stack 0xffffffff81000112 0xffffffff81000080> 12", "cat;ksys_read;vfs_read 12"],
    ["<stack 0xffffffff81000112 ...> = 1", "...;vfs_read 1"],
    ["a;b  <stack 0xffffffff81000112> <ustack 7 0x40 0x41> 2", "a,b;0x41;0x40;vfs_read 2"],
    ["c <ustack 7 0xffffffff81000112>: 9  ", "c;0xffffffff81000112 9"],
  ])("%s", (line, folded) => expect(foldLine(line, symbols)).toBe(folded));

  it.each(["", "cat 12", "cat <stack 0x1>", "<stack 0x1> x"])("leaves out %j, which counts no backtrace", (line) => expect(foldLine(line, symbols)).toBeUndefined());
});

describe("readSymbols", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "test-of-symbols-"));
    await mkdir(join(directory, "symbols"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("of a recording that has none is undefined; plain or packed are the same; damaged ones are said", async () => {
    expect(readSymbols(directory)).toBeUndefined();
    await writeFile(join(directory, "symbols/kallsyms-seen.gz"), gzipSync(TEXT));
    expect(readSymbols(directory)?.count).toBe(4);
    await writeFile(join(directory, "symbols/kallsyms"), TEXT.split("\n")[0]!);
    expect(readSymbols(directory)?.count).toBe(1);
    await rm(join(directory, "symbols/kallsyms"));
    await writeFile(join(directory, "symbols/kallsyms-seen.gz"), "no gzip");
    expect(() => readSymbols(directory)).toThrow(/^Cannot read .*kallsyms-seen\.gz: .*; remove it to see addresses instead of names$/);
  });
});
