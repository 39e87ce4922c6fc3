/** compileWasm and instantiate: sections, files, caching, messages, and what instrumented code tells its hooks. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STATE_WORDS } from "./access.ts";
import { compileWasm, MACHINE_EXPORTS, PORT_PREFIX, type CompileOptions } from "./compile.ts";
import { Coverage } from "./coverage.ts";
import { readSite } from "./sites.ts";
import { instantiate, type WasmInstance } from "./wasi.ts";

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
  const all = await compile({ "include/entry.h": `${base.sources["include/entry.h"]}\n` });
  expect(all.slice(0, 2).sort()).toEqual(["compiling a/main.c", "compiling b/other.c"]); // they are compiled at once
  expect(all.slice(2)).toEqual(["linking"]);
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

test("of several units at fault, the first in order is told", async () => {
  const sources = { ...base.sources, "a/main.c": `${"int good;\n".repeat(2000)}int bad\n`, "b/other.c": "bad\n" };
  await expect(compileWasm({ ...base, sources })).rejects.toThrow(/^Cannot compile a\/main\.c:/);
}, 120_000);

test("the same sources give the same bytes, whichever unit is ready first", async () => {
  // Cold, the second unit is ready long before the first; warm, they are read in order.
  const options = { ...base, sources: { ...base.sources, "a/main.c": `${"int good;\n".repeat(5000)}${base.sources["a/main.c"]}` } };
  const cold = await compileWasm(options);
  rmSync(join(cache, "wasm"), { recursive: true });
  expect(Buffer.compare((await compileWasm(options)).wasm, cold.wasm)).toBe(0);
}, 120_000);

test("an export that the sources do not define is named", async () => {
  await expect(compileWasm({ ...base, exports: ["absent"] })).rejects.toThrow(/Cannot link the compiled C:[^]*absent/);
}, 120_000);

/** Hooks that call `env.note` with a letter, and what the machine needs besides. */
const HOOKS = `
struct { unsigned words[16]; } stp_sim;
__attribute__((import_module("env"), import_name("note"))) void note(int what);
__attribute__((import_module("env"), import_name("yield"))) void yield(void);
void __tsan_init(void) { }
void __tsan_read4(void *a) { (void)a; note('r'); }
void __tsan_write4(void *a) { (void)a; note('w'); }
void stp_sim_loop(void) { note('l'); yield(); }
void stp_sim_action(void) { }
${MACHINE_EXPORTS.filter((name) => !name.startsWith("__") && name !== "stp_sim").map((name) => `int ${name};`).join("\n")}
`;

/** The author's program has a header of its own; lib.c and lib.h are somebody else's. */
const SOURCES = {
  [`${PORT_PREFIX}hooks.c`]: HOOKS,
  "lib/lib.h": "extern int shared;\nint lib_get(void);\nstatic inline int lib_peek(void)\n{\n\treturn shared;\n}\nstatic inline int lib_twice(void)\n{\n\treturn lib_get() + lib_get();\n}\n",
  "lib/lib.c": '#include "lib.h"\nint shared;\nstatic __attribute__((noinline)) int get(void)\n{\n\treturn shared;\n}\nint lib_get(void)\n{\n\treturn get();\n}\n',
  "own/own.h": '#include "lib.h"\nstatic inline int own_get(void)\n{\n\treturn lib_get();\n}\n',
  "own/main.c": `#include "own.h"
static __attribute__((noinline)) int get(int (*from)(void))
{
	return from();
}
int direct(void)
{
	int sum = lib_get();
	return sum + lib_get();
}
int own(void) { return own_get(); }
int inlined(void)
{
	int sum = lib_get();
	return sum + lib_peek();
}
int twice(void) { return lib_twice(); }
int indirect(void) { return get(lib_get); }
int branch(int n) { return n > 3 ? lib_get() : n < 0 ? get(lib_get) : 0; }
int rounds(int n)
{
	unsigned state = 1;
	for (int i = 0; i < n; i++)
		state = state * 1103515245 + (state >> 3);
	do
		state ^= state << 13 ^ state >> 7;
	while (--n);
	return (int)state;
}
void forever(void)
{
	for (;;)
		;
}
`,
};

interface Noted {
  readonly what: string;
  /** `path:line` of the site and of the caller. */
  readonly site: string;
  readonly caller: string;
}

interface Rig {
  readonly instance: WasmInstance;
  /** What the hooks noted while an export ran; it is stopped after `notes_max`. */
  run(name: string, ...args: number[]): Noted[];
}

async function rigAt(level: string, options: Partial<CompileOptions> = {}): Promise<Rig> {
  const { wasm } = await compileWasm({
    sources: SOURCES,
    units: ["own/main.c", "lib/lib.c", `${PORT_PREFIX}hooks.c`],
    includes: ["lib", "own"],
    cflags: [level],
    exports: ["direct", "own", "inlined", "twice", "indirect", "branch", "rounds", "forever"],
    instrument: true,
    authored: ["own/"],
    ...options,
  });
  const notes: Noted[] = [];
  const place = (word: number): string => {
    const site = readSite(instance, instance.words[instance.address("stp_sim") / 4 + word]!);
    return site ? `${site.path}:${site.line}` : "";
  };
  const note = (what: number): void => {
    notes.push({ what: String.fromCharCode(what), site: place(STATE_WORDS.site), caller: place(STATE_WORDS.caller) });
    if (notes.length === NOTES_MAX) throw new Error("stopped");
  };
  const instance = await instantiate(wasm, { env: { note, yield: () => {} } });
  const run = (name: string, ...args: number[]): Noted[] => {
    notes.length = 0;
    instance.func(name)(...args);
    return notes.splice(0);
  };
  return { instance, run };
}
const NOTES_MAX = 1000;

describe.each(["-O0", "-O1", "-O2"])("instrumented code at %s", (level) => {
  test("tells its hooks the line of an access and the author's line that called", async () => {
    const { run } = await rigAt(level);
    expect(run("direct")).toEqual([
      { what: "r", site: "lib/lib.c:5", caller: "own/main.c:8" },
      { what: "r", site: "lib/lib.c:5", caller: "own/main.c:9" },
    ]);
    expect(run("own")).toEqual([{ what: "r", site: "lib/lib.c:5", caller: "own/own.h:4" }]);
    expect(run("indirect")).toEqual([{ what: "r", site: "lib/lib.c:5", caller: "own/main.c:4" }]);
  });

  test("names the author's line of a header's code in the author's unit", async () => {
    const { run } = await rigAt(level);
    // Without inlining the author called it; else it stands in the author's line.
    expect(run("inlined")).toEqual([
      { what: "r", site: "lib/lib.c:5", caller: "own/main.c:14" },
      { what: "r", site: "lib/lib.h:5", caller: "own/main.c:15" },
    ]);
    expect(run("twice").map(({ caller }) => caller)).toEqual(level === "-O0" ? ["lib/lib.h:9", "lib/lib.h:9"] : ["own/main.c:17", "own/main.c:17"]);
  });

  test("calls a hook in a loop that makes no access", async () => {
    const { run } = await rigAt(level);
    const lines = run("rounds", 100).map(({ what, site }) => what + site);
    // Two loops of 100 rounds, which the compiler may unroll.
    expect(lines.length).toBeGreaterThan(2 * 10);
    expect(new Set(lines).size).toBe(2);
    expect(lines.filter((line) => !/^lown\/main\.c:2[2-6]$/.test(line))).toEqual([]);
    expect(() => run("forever")).toThrow("stopped");
  });

  test("counts its edges, those of static functions of one name apart", async () => {
    const { instance, run } = await rigAt(level);
    const coverage = new Coverage(instance);
    const taken = (n: number): string => {
      coverage.clear();
      run("branch", n);
      const counters = new Uint8Array(coverage.edges);
      coverage.read(counters);
      return counters.join();
    };
    expect(coverage.edges).toBeGreaterThan(8);
    expect(new Set([taken(4), taken(-1), taken(0)]).size).toBe(3);
    expect(taken(4)).toBe(taken(5));
  });
});

test("no callers are noted without an author, and coverage of a module without instrumented code is empty", async () => {
  const { run } = await rigAt("-O2", { authored: [] });
  expect(run("direct").map(({ caller }) => caller)).toEqual(["", ""]);
  const { instance } = await rigAt("-O2", { uninstrumented: [""] });
  expect(new Coverage(instance).edges).toBe(0);
});
