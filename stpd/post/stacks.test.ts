/** Names in the place of addresses, and folded stacks (L7). */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { Processes } from "./maps.ts";
import { CACHED_FRAMES_MAX, CACHED_STACKS_MAX, Names, readNames } from "./stacks.ts";
import { KernelSymbols, readSymbolFile, readSymbols, SYMBOLS_SIZE_MAX } from "./symbols.ts";
import { UserSymbols } from "./user-symbols.ts";

const TEXT = `ffffffff81000000 T _text
ffffffff81000100 T vfs_read
ffffffff81000100 t alias_of_it
ffffffff81000080 t ksys_read\t[module]
0000000000000000 T unknown
`;
const MAPS = "5 7 map 400000 401000 2000 - /opt/a b/lib<x>.so\n5 7 map 500000 501000 0 - [vdso]\n";
const AT = { time_ns: 10n };
const names = new Names(new KernelSymbols(Buffer.from(TEXT)), undefined);
const all = new Names(new KernelSymbols(Buffer.from(TEXT)), new UserSymbols(new Processes(Buffer.from(MAPS))));

describe("nameStacks", () => {
  it("names kernel frames, keeps what it does not know, user frames without mappings, and all other text", () => {
    const text = "é <stack 0xffffffff81000112 0x5 0xffffffff81000080> 3 <ustack 7 0xffffffff81000112 ...> 0xffffffff81000112 <stack> <stack 0xffffffff81000100 ...>\n";
    for (const _ of ["first", "from the cache"])
      expect(names.nameStacks(text, AT)).toBe("é <stack vfs_read+0x12 0x5 ksys_read+0x0 [module]> 3 <ustack 7 0xffffffff81000112 ...> 0xffffffff81000112 <stack> <stack vfs_read+0x0 ...>\n");
  });

  it("gives the place in the file of a user frame; of one that returns, too; and nothing of another process", () => {
    expect(all.nameStacks("<ustack 7 0x400010 0x401000 0x500010 0x501001> <ustack 8 0x400010>", AT)).toBe("<ustack 7 lib_x_.so+0x2010 lib_x_.so+0x3000 [vdso]+0x10 0x501001> <ustack 8 0x400010>");
    expect(all.nameStacks("<ustack 7 0x400010>", { time_ns: 4n })).toBe("<ustack 7 0x400010>");
  });

  it("gives the same names when the caches are full, and others when what is loaded has changed", () => {
    const changing = new Names(new KernelSymbols(Buffer.from(TEXT), Buffer.from("module m 20 30\nffffffffc0000000 t of_m\n")), undefined);
    for (let i = 0; i <= Math.max(CACHED_STACKS_MAX, CACHED_FRAMES_MAX); i++) {
      const offset = i;
      expect(changing.nameStacks(`<stack 0x${(0xffffffff81000100n + BigInt(offset)).toString(16)}>`, AT)).toBe(`<stack vfs_read+0x${offset.toString(16)}>`);
    }
    const named = (time_ns: bigint): string => changing.nameStacks("<stack 0xffffffffc0000001>", { time_ns });
    expect([named(19n), named(20n), named(30n), named(19n)]).toEqual(["<stack 0xffffffffc0000001>", "<stack of_m+0x1 [m]>", "<stack of_m+0x1 [m]>", "<stack 0xffffffffc0000001>"]);
  });

  it("leaves what only looks like a backtrace", () => {
    for (const text of ["<stack", "<stack 0x5", "<stack 0xffffffff810001120> ", "<stack  0x5>", "<stack x>", "<ustack 0x400010>", "<stacks 0x5>"]) expect(all.nameStacks(text, AT)).toBe(text);
  });
});

describe("foldLine", () => {
  it.each([
    ["cat <stack 0xffffffff81000112 0xffffffff81000080> 12", "cat;ksys_read;vfs_read 12"],
    ["<stack 0xffffffff81000112 ...> = 1", "...;vfs_read 1"],
    ["a;b  <stack 0xffffffff81000112> <ustack 7 0x40 0x41> 2", "a,b;0x41;0x40;vfs_read 2"],
    ["c <ustack 7 0xffffffff81000112>: 9  ", "c;0xffffffff81000112 9"],
    ["d <ustack 7 0x400010 0x500010> 9  ", "d;[_vdso_];[lib_x_.so] 9"],
  ])("%s", (line, folded) => expect(all.foldLine(line, AT)).toBe(folded));

  it.each(["", "cat 12", "cat <stack 0x1>", "<stack 0x1> x"])("leaves out %j, which counts no backtrace", (line) => expect(names.foldLine(line, AT)).toBeUndefined());
});

describe("reading", () => {
  let directory = "";
  const report: string[] = [];
  const read = (addresses: boolean, user_addresses: boolean): Names => readNames(directory, { addresses, user_addresses }, { report: (line) => report.push(line) });
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "test-of-symbols-"));
    await mkdir(join(directory, "symbols"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("symbols of a recording that has none is undefined; plain or packed are the same; damaged ones are said", async () => {
    expect(readSymbols(directory)).toBeUndefined();
    expect(read(true, true).known).toBe(false);
    await writeFile(join(directory, "symbols/kallsyms-seen.gz"), gzipSync(TEXT));
    expect(readSymbols(directory)?.count).toBe(3);
    await writeFile(join(directory, "symbols/kallsyms"), TEXT.split("\n")[0]!);
    expect(readSymbols(directory)?.count).toBe(1);
    await rm(join(directory, "symbols/kallsyms"));
    await writeFile(join(directory, "symbols/kallsyms-seen.gz"), "no gzip");
    expect(() => readSymbols(directory)).toThrow(/^Cannot read .*kallsyms-seen\.gz: .*; remove it to see addresses instead of names$/);
  });

  test("of more than SYMBOLS_SIZE_MAX bytes the rest is not read; packed, it is refused", async () => {
    const line = Buffer.from("ffffffff81000000 T f\n");
    await writeFile(join(directory, "symbols/kallsyms"), Buffer.concat([line, Buffer.alloc(SYMBOLS_SIZE_MAX - line.length, 0x0a), line]));
    expect(readSymbolFile(directory, "symbols/kallsyms").length).toBe(SYMBOLS_SIZE_MAX);
    expect(readSymbols(directory)?.count).toBe(1);
    await rm(join(directory, "symbols/kallsyms"));
    await writeFile(join(directory, "symbols/kallsyms-seen.gz"), gzipSync(Buffer.alloc(SYMBOLS_SIZE_MAX + 1), { level: 1 }));
    expect(() => readSymbols(directory)).toThrow(/^Cannot read .*kallsyms-seen\.gz: /);
  });

  test("names are of what the manifest says that there is, with a line for what is missing", async () => {
    await writeFile(join(directory, "symbols/kallsyms"), TEXT);
    await writeFile(join(directory, "symbols/modules"), "module gone 1 9\nffffffffc0000000 t of_gone\nmore\n");
    await writeFile(join(directory, "symbols/maps"), `${MAPS}6 0 lost 3\n`);
    expect(read(false, false).known).toBe(false);
    expect(report).toEqual([]);
    expect(read(true, true).nameStacks("<stack 0xffffffffc0000001 0xffffffff81000000> <ustack 7 0x400000>", { time_ns: 8n })).toBe("<stack of_gone+0x1 [gone] _text+0x0> <ustack 7 lib_x_.so+0x2000>");
    expect(report).toEqual([
      "symbols/modules is not complete, for the kernel had no room for more: some frames of modules that were unloaded stay addresses",
      "3 records of mappings were lost: frames of user space may be wrong or stay addresses",
    ]);
  });
});
