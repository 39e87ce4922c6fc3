/** compileWasm and instantiate: sections, files, caching, messages. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileWasm, type CompileOptions } from "./compile.ts";
import { instantiate } from "./wasi.ts";

const cacheBefore = process.env["STP_CACHE_DIR"];
let cache: string;
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), "stp-compile-test-"));
  process.env["STP_CACHE_DIR"] = cache;
});
afterAll(() => {
  if (cacheBefore === undefined) delete process.env["STP_CACHE_DIR"];
  else process.env["STP_CACHE_DIR"] = cacheBefore;
  rmSync(cache, { recursive: true });
});

const base: CompileOptions = {
  sources: {
    "a/main.c": `
#include <stdio.h>
#include "entry.h"
ENTRY(one, 1);
extern const int __start_entries[], __stop_entries[];
int entries_sum(void) { int sum = 0; for (const int *e = __start_entries; e < __stop_entries; e++) sum += *e; return sum; }
int file_write(void) { FILE *f = fopen("/out.bin", "wb"); if (!f) return -1; fputs("abc", f); printf("said\\n"); return fclose(f); }
char *big(void) { static char *p; p = __builtin_malloc(1 << 20); p[0] = 7; return p; }
`,
    "b/other.c": '#include "entry.h"\nENTRY(two, 2);\nENTRY(four, 4);\n',
    "include/entry.h": '#include <stdlib.h>\n#define ENTRY(name, value) __attribute__((section("entries"), used)) static const int name = value\n',
  },
  units: ["a/main.c", "b/other.c"],
  includes: ["include"],
  cflags: ["-Wall"],
  exports: ["entries_sum", "file_write", "big"],
  instrument: false,
};

test("section start and stop symbols, stdout, files and grown memory work under WASI", async () => {
  const instance = await instantiate((await compileWasm(base)).wasm);
  expect(instance.func("entries_sum")()).toBe(7);
  expect(instance.func("file_write")()).toBe(0);
  expect(new TextDecoder().decode(instance.readFile("/out.bin"))).toBe("abc");
  expect(instance.readFile("/absent")).toBeUndefined();
  expect(instance.stdout()).toBe("said\n");
  const big = Number(instance.func("big")());
  expect(instance.bytes[big]).toBe(7);
}, 120_000);

test("a second call compiles nothing, a changed unit compiles alone, a changed header compiles all", async () => {
  const reported: string[] = [];
  const compile = async (sources: Record<string, string>): Promise<string[]> => {
    reported.length = 0;
    await compileWasm({ ...base, sources: { ...base.sources, ...sources }, report: (line) => reported.push(line) });
    return reported;
  };
  await compile({});
  expect(await compile({})).toEqual([]);
  expect(await compile({ "b/other.c": '#include "entry.h"\nENTRY(two, 9);\n' })).toEqual(["compiling b/other.c", "linking"]);
  expect(await compile({ "include/entry.h": `${base.sources["include/entry.h"]}\n` })).toEqual(["compiling a/main.c", "compiling b/other.c", "linking"]);
}, 120_000);

test("warnings are given again on a warm call", async () => {
  const options = { ...base, sources: { ...base.sources, "b/other.c": "static int unused;\n" } };
  const cold = await compileWasm(options);
  expect(cold.warnings).toContain("b/other.c:1:12: warning: unused variable 'unused'");
  expect((await compileWasm(options)).warnings).toBe(cold.warnings);
}, 120_000);

test("a syntax error is clang's own message, with the path and line as given", async () => {
  const options = { ...base, sources: { ...base.sources, "a/main.c": "int f(void)\n{\n\treturn 1\n}\n" } };
  await expect(compileWasm(options)).rejects.toThrow(/^Cannot compile a\/main\.c:\na\/main\.c:3:10: error: expected ';' after return statement/);
}, 120_000);

test("an export that the sources do not define is named", async () => {
  await expect(compileWasm({ ...base, exports: ["absent"] })).rejects.toThrow(/Cannot link the compiled C:[^]*absent/);
}, 120_000);
