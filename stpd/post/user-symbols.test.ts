/** Functions of real programs, by what they say of themselves. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { parseElf } from "./elf.ts";
import { Processes } from "./maps.ts";
import { postprocess } from "./post.ts";
import { Names } from "./stacks.ts";
import { compileC, makeElf } from "./testing-elf.ts";
import { dataOf, jsonManifest, recordsOf, writeRecording } from "./testing.ts";
import { CACHED_PLACES_MAX, FILE_NAMES_SIZE_MAX, UserSymbols, type UserSymbolOptions } from "./user-symbols.ts";

/** Prints addresses of functions, one in itself, one in libc, then where everything is mapped. */
const SOURCE = `#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) int leaf(int x) { return x * 3; }
static __attribute__((noinline)) int hidden(int x) { return leaf(x) + 1; }
int main(int argc, char **argv)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];

	printf("%p %p %p %d\\n", (void *)leaf, (void *)hidden, (void *)getenv, hidden(argc) + !argv);
	while (maps && fgets(line, sizeof(line), maps))
		fputs(line, stdout);
	return 0;
}
`;
const PID = 7;
const directory = mkdtempSync(join(tmpdir(), "test-of-user-symbols-"));
afterAll(() => rmSync(directory, { recursive: true }));

const buildIdOf = (path: string): string | undefined => {
  const bytes = readFileSync(path);
  return parseElf((offset, size) => bytes.subarray(offset, offset + size))?.build_id;
};

interface Run {
  readonly path: string;
  readonly build_id: string;
  readonly maps: string;
  readonly leaf: bigint;
  readonly hidden: bigint;
  readonly getenv: bigint;
}

/** Runs a program once; what it said, as a recording would have it. */
function run(path: string): Run {
  const [first, ...lines] = execFileSync(path, { timeout: 10_000 }).toString().split("\n");
  const [leaf, hidden, getenv] = first!.split(" ").slice(0, 3).map(BigInt) as [bigint, bigint, bigint];
  const maps = lines.map((line) => /^([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) \S+ \d+\s+(\/.*)$/.exec(line)).filter((found) => found !== null);
  return { path, build_id: buildIdOf(path)!, maps: maps.map(([, start, end, offset, file]) => `1 ${PID} map ${start} ${end} ${offset} ${buildIdOf(file!) ?? "-"} ${file}\n`).join(""), leaf, hidden, getenv };
}

const symbolsOf = (maps: string, options: UserSymbolOptions = {}): UserSymbols => new UserSymbols(new Processes(Buffer.from(maps)), options);
const nameIn = (symbols: UserSymbols, address: bigint): string | undefined => {
  const found = symbols.find(PID, Number(address), 5n);
  return found && `${found.name ?? found.file}+0x${found.offset.toString(16)}`;
};
/** The place in the file, which is what is known of every mapped address. */
const placeIn = ({ maps }: Run, address: bigint): string => {
  const [, , , start, , offset, , path] = maps.split("\n").map((line) => line.split(" ")).find(([, , , begin, end]) => begin && address >= BigInt(`0x${begin}`) && address < BigInt(`0x${end!}`))!;
  return `${path!.split("/").at(-1)!}+0x${(address - BigInt(`0x${start!}`) + BigInt(`0x${offset!}`)).toString(16)}`;
};

describe.each([
  ["position-independent", ["-pie", "-fPIE"]],
  ["at fixed addresses", ["-no-pie", "-fPIC"]],
  ["static", ["-static"]],
  ["static and position-independent", ["-static-pie", "-fPIE"]],
])("a program that is %s", (name, flags) => {
  const program = run(compileC(directory, name.replaceAll(" ", "-"), SOURCE, ...flags));

  it("has its functions and its libraries', by any byte of them", () => {
    const symbols = symbolsOf(program.maps);
    expect([nameIn(symbols, program.leaf), nameIn(symbols, program.leaf + 2n), nameIn(symbols, program.hidden)]).toEqual(["leaf+0x0", "leaf+0x2", "hidden+0x0"]);
    expect(nameIn(symbols, program.getenv + 1n)).toBe("getenv+0x1");
  });

  it("has places in its file without names if the file is gone, or is another one", () => {
    const other = symbolsOf(program.maps.replaceAll(program.build_id, program.build_id.replace(/^../, (first) => (first === "00" ? "11" : "00"))));
    const gone = symbolsOf(program.maps.replaceAll(program.path, `/nowhere${program.path}`));
    const unknown = symbolsOf(program.maps.replaceAll(program.build_id, "-"));
    for (const symbols of [other, gone, unknown]) expect(nameIn(symbols, program.leaf + 2n)).toBe(placeIn(program, program.leaf + 2n));
  });
});

describe("a program without a table of its functions", () => {
  const whole = compileC(directory, "whole", SOURCE);
  const stripped = join(directory, "stripped");
  execFileSync("objcopy", ["--strip-all", whole, stripped]);
  const program = run(stripped);
  const { build_id } = program;
  /** A sysroot with the parts that were split off, and the program, if it is still there. */
  const sysroot = join(directory, "sysroot");
  const debug = join(sysroot, "usr/lib/debug/.build-id", build_id.slice(0, 2), `${build_id.slice(2)}.debug`);
  mkdirSync(dirname(debug), { recursive: true });
  execFileSync("objcopy", ["--only-keep-debug", whole, debug]);

  it("has no names of its own, only its libraries' for linking", () => {
    const symbols = symbolsOf(program.maps);
    expect([nameIn(symbols, program.leaf), nameIn(symbols, program.hidden)]).toEqual([placeIn(program, program.leaf), placeIn(program, program.hidden)]);
    expect(nameIn(symbols, program.getenv)).toBe("getenv+0x0");
  });

  it("has them by what was split off, in --sysroot, with the program or without it", () => {
    for (const maps of [program.maps, program.maps.replaceAll(stripped, `/nowhere${stripped}`)]) {
      const symbols = symbolsOf(maps, { sysroot });
      expect([nameIn(symbols, program.leaf + 1n), nameIn(symbols, program.hidden)]).toEqual(["leaf+0x1", "hidden+0x0"]);
    }
  });

  it("has places if the mapping is not the whole segment and the program is gone, for it may be any part", () => {
    const [line] = program.maps.split("\n").filter((one) => one.includes(stripped));
    const [time, pid, map, start, end, offset] = line!.split(" ");
    const longer = `${time} ${pid} ${map} ${start} ${(BigInt(`0x${end!}`) + 4096n).toString(16)} ${offset} ${build_id} /nowhere/x\n`;
    expect(nameIn(symbolsOf(longer, { sysroot }), program.leaf)).toBe(placeIn(program, program.leaf).replace("stripped", "x"));
  });

  it("is found in --sysroot before the machine that we are on, and there only with its build-id", () => {
    mkdirSync(dirname(sysroot + stripped), { recursive: true });
    writeFileSync(sysroot + stripped, makeElf({ is64: true, isLittle: true, address: 0, build_id: "ffff", symbols: [{ name: "wrong", value: 0, size: 0x1000 }] }));
    expect(nameIn(symbolsOf(program.maps, { sysroot }), program.leaf)).toBe("leaf+0x0");
    copyFileSync(whole, sysroot + stripped);
    rmSync(debug);
    expect(nameIn(symbolsOf(program.maps, { sysroot }), program.leaf)).toBe("leaf+0x0");
    expect(nameIn(symbolsOf(program.maps), program.leaf)).toBe(placeIn(program, program.leaf));
  });
});

test("files beyond the limit stay without names, and are said; so is one with a damaged table", () => {
  const program = run(compileC(directory, "large", SOURCE));
  const lines: string[] = [];
  const report = (line: string): number => lines.push(line);
  expect(nameIn(symbolsOf(program.maps, { size_max: 100, report }), program.leaf)).toBe(placeIn(program, program.leaf));
  expect(nameIn(symbolsOf(program.maps, { size_max: FILE_NAMES_SIZE_MAX, report }), program.leaf)).toBe("leaf+0x0");
  expect(lines).toEqual([`the functions of ${program.path} have no names, for its table is damaged, or larger than what is held`]);
});

test("a recording's backtraces are named by the time of each record, in processes and modules that are gone", async () => {
  const program = run(compileC(directory, "recorded", SOURCE));
  const frame = `0x${(program.leaf + 2n).toString(16)}`;
  const text = `<ustack ${PID} ${frame}> <stack 0xffffffffc0000004>\n`;
  const recording = join(directory, "recording");
  const data = dataOf(recordsOf(0, [0n, 2n, 5n, 7n, 9n].map((time_ns) => ({ time_ns, text }))));
  await writeRecording(recording, [data], { ...jsonManifest([5]), addresses: 1, user_addresses: 1 });
  mkdirSync(join(recording, "symbols"));
  writeFileSync(join(recording, "symbols/kallsyms"), "ffffffff81000000 T core\nffffffffc0000000 t of_new\t[new]\n");
  writeFileSync(join(recording, "symbols/modules"), "module old 1 6\nffffffffc0000000 t of_old\nmodule new 8 0\n");
  writeFileSync(join(recording, "symbols/maps"), `${program.maps}3 ${PID} exit\n6 1 fork ${PID}\n8 ${PID} exec other\n`);
  let printed = "";
  await postprocess(recording, { write: (bytes) => void (printed += Buffer.from(bytes).toString()), report: () => {} });
  const lines = [[frame, "0xffffffffc0000004"], ["leaf+0x2", "of_old+0x4 [old]"], ["leaf+0x2", "of_old+0x4 [old]"], [frame, "of_old+0x4 [old]"], [frame, "of_new+0x4 [new]"]];
  expect(printed).toBe(lines.map(([user, kernel]) => `<ustack ${PID} ${user!}> <stack ${kernel!}>\n`).join(""));
});

test("names are the same when the cache is full", () => {
  const path = join(directory, "many");
  writeFileSync(path, makeElf({ is64: true, isLittle: true, address: 0, build_id: "aabb", symbols: [{ name: "f", value: 0x100, size: 8 }] }));
  const symbols = symbolsOf(`1 ${PID} map 100000 ${(0x101000 + CACHED_PLACES_MAX).toString(16)} 0 aabb ${path}\n`);
  for (let at = 0; at <= CACHED_PLACES_MAX; at++) expect(nameIn(symbols, BigInt(0x100000 + at))).toBe(at >= 0x100 && at < 0x108 ? `f+0x${(at - 0x100).toString(16)}` : `many+0x${at.toString(16)}`);
});

test("what is no ELF file, no file, or not to be read has no names", () => {
  const paths = [directory, "/dev/zero", "/proc/self/mem", join(directory, "large.c"), "relative", "/"];
  for (const path of paths) expect(nameIn(symbolsOf(`1 ${PID} map 1000 2000 0 aabb ${path}\n`), 0x1001n)).toMatch(/\+0x1$/);
});

test("frames that return are named by the call before them: the next function is not theirs", () => {
  const path = join(directory, "made");
  writeFileSync(path, makeElf({ is64: true, isLittle: true, address: 0, build_id: "aabb", symbols: [{ name: "stops", value: 0x100, size: 0x20 }, { name: "next@@V_2", value: 0x120, size: 0x20 }] }));
  const names = new Names(undefined, symbolsOf(`1 ${PID} map 7000 8000 0 aabb ${path}\n`));
  expect(names.nameStacks(`<ustack ${PID} 0x7120 0x7120 0x7121>`, { time_ns: 5n })).toBe(`<ustack ${PID} next+0x0 stops+0x20 next+0x1>`);
  expect(names.foldLine(`<ustack ${PID} 0x7120 0x7120 0x7160> 3`, { time_ns: 5n })).toBe("[made];stops;next 3");
});
