import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { symbolise } from "./symbolise.ts";

const SOURCE = [
  "extern int other(int);",
  "static __attribute__((noinline)) int twice(int a)",
  "{",
  "\treturn other(a) * 2;",
  "}",
  '#include "foreign.h"',
  "",
  "",
  "",
  "int outer(int a)",
  "{",
  "\tother(1);",
  "\tother(2);",
  "\treturn inlined(twice(a)) + 3;",
  "}",
  '__attribute__((section(".init.text"))) int begin(void)',
  "{",
  "\treturn other(1) + 1;",
  "}",
  "",
].join("\n");

const directory = mkdtempSync(join(tmpdir(), "stp-symbolise-"));
const path = join(directory, "x.ko");
let sizes: Record<string, number> = {};
/** Where outer() goes on after its first call and its last, which is inlined. */
let returns: readonly number[] = [];

beforeAll(() => {
  writeFileSync(join(directory, "map.c"), SOURCE); // by the name that a file of the project has
  writeFileSync(join(directory, "foreign.h"), "static inline __attribute__((always_inline)) int inlined(int a)\n{\n\treturn other(a + 1);\n}\n");
  writeFileSync(join(directory, "c.c"), "extern int other(int);\nstatic __attribute__((noinline)) int same(int a)\n{\n\treturn other(a);\n}\nint USER(int a)\n{\n\treturn same(a) + 1;\n}\n");
  // A second function of a name, as modules of several files have them.
  writeFileSync(join(directory, "b.c"), "extern int other(int);\nstatic __attribute__((noinline)) int twice(int a)\n{\n\treturn other(other(a));\n}\nint user(int a)\n{\n\treturn twice(a) + 1;\n}\n");
  const run = (...args: string[]): string => execFileSync(args[0]!, args.slice(1), { cwd: directory, encoding: "utf8" });
  run("gcc", "-g", "-O2", "-fno-optimize-sibling-calls", `-ffile-prefix-map=${directory}=runtime-c/src`, "-c", "map.c", "b.c");
  for (const user of ["c", "d"]) run("gcc", "-g", "-O2", `-DUSER=${user}`, "-c", "c.c", "-o", `${user}.o`);
  run("ld", "-r", "-o", "x.ko", "map.o", "b.o", "c.o", "d.o");
  const outer = /<outer>:\n([^]*?)\n\n/.exec(run("objdump", "-d", "--no-show-raw-insn", "x.ko"))![1]!.split("\n").map((line) => /^ *([0-9a-f]+):\t(\w+)/.exec(line)!);
  returns = outer.flatMap(([, , what], i) => (what === "call" ? [parseInt(outer[i + 1]![1]!, 16) - parseInt(outer[0]![1]!, 16)] : []));
  // As kallsyms has it: up to the next one.
  const rows = run("nm", "-n", "x.ko").split("\n").flatMap((line) => /^([0-9a-f]+) [tT] (\w+)$/.exec(line)?.slice(1, 3).map(String) ?? []);
  const text = rows.reduce<[number, string][]>((pairs, _, i) => (i % 2 === 0 && rows[i + 1] !== "begin" ? [...pairs, [parseInt(rows[i]!, 16), rows[i + 1]!]] : pairs), []);
  sizes = Object.fromEntries(text.map(([address, name], i) => [i > 0 && name === "twice" && text.slice(0, i).some(([, other]) => other === name) ? "twice of b" : name, (text[i + 1]?.[0] ?? address) - address]));
});

afterAll(() => rmSync(directory, { recursive: true }));

const hex = (number: number): string => `0x${number.toString(16)}`;
/** What stands behind the frame. */
async function placeOf(frame: string): Promise<string> {
  const text = await symbolise(` ? ${frame}\n`, { modules: { x: path } });
  expect(text.startsWith(` ? ${frame}`)).toBe(true);
  return text.slice(` ? ${frame}`.length).trim();
}

test("a frame gets the line of its call, not of what comes after it", async () => {
  expect(await placeOf(`outer+${hex(returns[0]!)}/${hex(sizes["outer"]!)} [x]`)).toMatch(/\(runtime-c\/src\/map\.c:12\)$/);
});

test("code of others that is inlined is told by where it is", async () => {
  expect(await placeOf(`outer+${hex(returns.at(-1)!)}/${hex(sizes["outer"]!)} [x]`)).toBe("(runtime-c/src/map.c:14)");
});

test("the place where the CPU stood is that of the address itself", async () => {
  const files = { modules: { x: path } };
  expect(await symbolise("RIP: 0010:twice+0x0/0x0 [x]\n", files)).toBe("RIP: 0010:twice+0x0/0x0 [x]\n"); // there are two
  expect(await symbolise("RIP: 0010:outer+0x0/0x1 [x]\n", files)).toMatch(/\[x\] \(runtime-c\/src\/map\.c:11\)\n$/);
});

test("of several functions of a name, the size says which", async () => {
  expect(sizes["twice"]).not.toBe(sizes["twice of b"]);
  expect(await placeOf(`twice+0x6/${hex(sizes["twice"]!)} [x]`)).toMatch(/\(runtime-c\/src\/map\.c:[34]\)$/);
  expect(await placeOf(`twice+0x6/${hex(sizes["twice of b"]!)} [x]`)).toMatch(/b\.c:[34]\)$/);
  expect(await placeOf("twice+0x6/0x7777 [x]")).toBe("");
  expect(sizes["same"]).toBeGreaterThan(0);
  expect(await placeOf(`same+0x6/${hex(sizes["same"]!)} [x]`)).toBe(""); // two of that size, too
});

test("code of another section is found", async () => {
  expect(await placeOf("begin+0x8/0x20 [x]")).toMatch(/\(runtime-c\/src\/map\.c:1[78]\)$/);
  expect(await placeOf(".init.text+0x8 [x]")).toMatch(/\(runtime-c\/src\/map\.c:1[78]\)$/);
});

test("what is unknown stays as it is", async () => {
  const text = "nowhere+0x1/0x2 [x]\nouter+0x1/0x2 [z]\nouter+0x1/0x2 [y]\nouter+0x1/0x2\nRAX: 0x12/0x34\n";
  expect(await symbolise(text, { modules: { x: path, z: "/missing.ko" }, vmlinux: "/missing" })).toBe(text);
});

test("frames of s390x get their lines, and where its CPU stood", async () => {
  const text = await symbolise(`Krnl PSW : 0704c00180000000 000003ff800c2022 (outer+${hex(returns[0]!)}/0x1 [x])\n [<000003ff800c2022>] begin+0x8/0x20 [x] \n`, { modules: { x: path } });
  expect(text).toMatch(/\(outer\S+ \[x\] \(runtime-c\/src\/map\.c:13\)\)\n.*begin\+0x8\/0x20 \[x\] \(runtime-c\/src\/map\.c:1[78]\)/);
});

test("the addr2line that is given answers", async () => {
  const program = join(directory, "addr2line");
  writeFileSync(program, '#!/bin/sh\necho 0x0\necho "/foreign.c:7"\n', { mode: 0o755 });
  expect(await symbolise("begin+0x8/0x20 [x]\n", { modules: { x: path }, addr2line: program })).toBe("begin+0x8/0x20 [x] (/foreign.c:7)\n");
});

test("without binutils the text stays as it is", async () => {
  const text = "begin+0x8/0x20 [x]\n";
  expect(await symbolise(text, { modules: { x: path }, addr2line: "/missing/addr2line" })).toBe(text);
  const before = process.env["PATH"];
  process.env["PATH"] = "/missing";
  try {
    expect(await symbolise(text, { modules: { x: path } })).toBe(text);
  } finally {
    process.env["PATH"] = before;
  }
});
