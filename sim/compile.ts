/**
 * C to wasm32, cached by content: what was compiled before is read from disk without loading a compiler.
 *
 * With `instrument`, each access of the code calls a hook (runtime-c/port/wasm32/hooks.c) where the machine may stop it.
 * It reads no source file: the caller gives all of them.
 * Siblings: clang.ts, sites.ts, asyncify.ts do the steps; wasi.ts runs the result.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory, contentHash } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { asyncify } from "./asyncify.ts";
import { CLANG_RUNS_MAX, clang } from "./clang.ts";
import { COVERAGE_EXPORTS, COVERAGE_FLAGS, adaptCoverage } from "./coverage.ts";
import { addSites } from "./sites.ts";

export interface CompileOptions {
  /** Every file by its path: units, and what they include. clang's messages show the same paths. */
  readonly sources: Readonly<Record<string, string>>;
  /** Paths of the .c files to compile. */
  readonly units: readonly string[];
  /** Include directories, first searched first. */
  readonly includes?: readonly string[];
  readonly defines?: Readonly<Record<string, string>>;
  /** Further compiler flags, e.g. warnings and -O; they come after ours and win. */
  readonly cflags?: readonly string[];
  /** C symbols that the host uses. */
  readonly exports: readonly string[];
  readonly instrument: boolean;
  /** Path prefixes of units that get no hooks. */
  readonly uninstrumented?: readonly string[];
  /** Path prefixes of the author's own code: its calls are noted as the callers of what happens in the rest. None by default. */
  readonly authored?: readonly string[];
  /** Called with one line at the start of each step that the cache does not save. */
  readonly report?: (line: string) => void;
}

export interface CompileResult {
  readonly wasm: Uint8Array;
  /** Of all that went in: sources, flags and tools. */
  readonly hash: string;
  /** clang's warnings, unchanged; "" if none. */
  readonly warnings: string;
}

/** Where the hooks and the port live: code that is part of the machine and is not preempted. */
export const PORT_PREFIX = "runtime-c/port/wasm32/";

const TARGET = ["--target=wasm32-wasip1"];
const BASE_FLAGS = ["-O2", "-g", "-std=gnu11"];
/** KCSAN's: the driver refuses -fsanitize=thread for wasm, the frontend does not. */
const INSTRUMENT_FLAGS = [
  "-Xclang", "-fsanitize=thread",
  "-mllvm", "-tsan-instrument-func-entry-exit=0",
  "-mllvm", "-tsan-distinguish-volatile=1",
  "-mllvm", "-tsan-instrument-read-before-write=1",
  ...COVERAGE_FLAGS,
  // All that sites.ts reads; full DWARF would not survive the detour through assembly.
  "-gline-tables-only",
];
/** What machine.ts needs of an instrumented module; the `stp_sim_set_…` and `…_off` ones are the port's. */
export const MACHINE_EXPORTS: readonly string[] = ["__stack_pointer", "__global_base", "__heap_base", "stp_sim", "stp_sim_notes", "stp_sim_memory", "stp_sim_owned", "stp_sim_alloc", "stp_sim_settle", "stp_sim_set_cpu", "stp_sim_set_level", "stp_sim_irq_off"];
const MACHINE_EXPORTS_IF_DEFINED = ["stp_sim_preempt_off", ...COVERAGE_EXPORTS];
const LINK_FLAGS = ["-mexec-model=reactor", "-Wl,--stack-first", "-Wl,-z,stack-size=65536"];

/** Our own steps: a change of one of these makes everything anew. */
const RECIPE = ["compile.ts", "clang.ts", "clang-process.mjs", "sites.ts", "access.ts", "coverage.ts", "asyncify.ts"];

/**
 * Compiles and links. Throws StpError, with clang's own message, if the sources are at fault.
 */
export async function compileWasm(options: CompileOptions): Promise<CompileResult> {
  const tools = await toolVersions();
  const units = options.units.map((path) => planUnit(options, path, tools));
  const link = linkFlags(options);
  const hash = contentHash([tools, "link", String(options.instrument), ...link, ...units.map((unit) => unit.hash)]);
  const directory = await cachedDirectory("wasm", hash, async (place) => {
    const built = await buildUnits(options, units);
    options.report?.("linking");
    let wasm = await linkObjects(built.map((unit) => unit.object), link);
    if (options.instrument) {
      options.report?.("making it stoppable");
      wasm = await asyncify(wasm);
    }
    await writeFile(join(place, "module.wasm"), wasm);
    await writeFile(join(place, "warnings.txt"), built.map((unit) => unit.warnings).join(""));
  });
  return { wasm: await readFile(join(directory, "module.wasm")), hash, warnings: await readFile(join(directory, "warnings.txt"), "utf8") };
}

interface Unit {
  readonly path: string;
  readonly flags: readonly string[];
  readonly instrument: boolean;
  /** CompileOptions.authored, if the unit is part of it and instrumented. */
  readonly authored: readonly string[];
  readonly hash: string;
}

function planUnit(options: CompileOptions, path: string, tools: string): Unit {
  const source = options.sources[path];
  if (source === undefined) throw new Error(`compileWasm got no source for its unit ${path}`);
  const instrument = options.instrument && !(options.uninstrumented ?? [PORT_PREFIX]).some((prefix) => path.startsWith(prefix));
  const authored = instrument && options.authored?.some((prefix) => path.startsWith(prefix)) ? options.authored : [];
  const flags = [
    ...BASE_FLAGS,
    ...(options.includes ?? []).map((directory) => `-I${directory}`),
    ...Object.entries(options.defines ?? {}).map(([name, value]) => `-D${name}=${value}`),
    ...(options.cflags ?? []),
    ...(instrument ? INSTRUMENT_FLAGS : []),
    // sites.ts reads the comments in an author's unit; elsewhere they are half of the text.
    ...(instrument && authored.length === 0 ? ["-fno-verbose-asm"] : []),
  ];
  const hash = contentHash([tools, path, source, ...flags, "authored", ...authored, "headers", ...headersOf(options).flat()]);
  return { path, flags, instrument, authored, hash };
}

/** Everything that is no unit: whichever of these a unit includes, a change of any makes it compile again. */
function headersOf(options: CompileOptions): [path: string, contents: string][] {
  const units = new Set(options.units);
  return Object.entries(options.sources)
    .filter(([path]) => !units.has(path))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

interface Built {
  readonly object: Uint8Array;
  readonly warnings: string;
}

/** Several at once, begun in order; what comes out is in order, too. After a failure none is begun, and of several failures the first in order is thrown. */
async function buildUnits(options: CompileOptions, units: readonly Unit[]): Promise<Built[]> {
  const built: Built[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < units.length && failures.length === 0) {
      const index = next++;
      await buildUnit(options, units[index]!).then(
        (unit) => (built[index] = unit),
        (error: unknown) => (failures[index] = error),
      );
    }
  };
  await Promise.all(Array.from({ length: CLANG_RUNS_MAX }, work));
  const first = failures.find((failure) => failure !== undefined);
  if (first !== undefined) throw first;
  return built;
}

async function buildUnit(options: CompileOptions, unit: Unit): Promise<Built> {
  const directory = await cachedDirectory("object", unit.hash, async (place) => {
    options.report?.(`compiling ${unit.path}`);
    const files = { ...Object.fromEntries(headersOf(options)), [unit.path]: options.sources[unit.path]! };
    const compiled = await clang([...TARGET, ...unit.flags, unit.instrument ? "-S" : "-c", unit.path], files);
    if (!compiled.output) throw new StpError(`Cannot compile ${unit.path}:\n${compiled.messages.trimEnd()}`);
    await writeFile(join(place, "unit.o"), unit.instrument ? await assembleWithSites(unit, compiled.output) : compiled.output);
    await writeFile(join(place, "warnings.txt"), compiled.messages);
  });
  return { object: await readFile(join(directory, "unit.o")), warnings: await readFile(join(directory, "warnings.txt"), "utf8") };
}

async function assembleWithSites(unit: Unit, assembly: Uint8Array): Promise<Uint8Array> {
  const text = addSites(adaptCoverage(new TextDecoder().decode(assembly)), unit.authored);
  const assembled = await clang([...TARGET, "-c", "unit.s"], { "unit.s": text });
  if (!assembled.output) throw new Error(`Cannot assemble ${unit.path} with its access sites:\n${assembled.messages}`);
  return assembled.output;
}

function linkFlags(options: CompileOptions): string[] {
  const names = [...options.exports, ...(options.instrument ? MACHINE_EXPORTS : [])];
  return [
    ...LINK_FLAGS,
    // asyncify invalidates line tables; sites.ts keeps the lines instead.
    ...(options.instrument ? ["-Wl,--strip-debug", ...MACHINE_EXPORTS_IF_DEFINED.map((name) => `-Wl,--export-if-defined=${name}`)] : []),
    ...names.map((name) => `-Wl,--export=${name}`),
  ];
}

async function linkObjects(objects: readonly Uint8Array[], flags: readonly string[]): Promise<Uint8Array> {
  const files = Object.fromEntries(objects.map((object, index) => [`unit${index}.o`, object]));
  const linked = await clang([...TARGET, ...flags, ...Object.keys(files)], files);
  if (!linked.output) throw new StpError(`Cannot link the compiled C:\n${linked.messages.trimEnd()}`);
  return linked.output;
}

async function toolVersions(): Promise<string> {
  const [manifest, ...recipe] = await Promise.all(["../package.json", ...RECIPE].map((path) => readFile(new URL(path, import.meta.url), "utf8")));
  const { dependencies } = JSON.parse(manifest!) as { dependencies: Record<string, string> };
  return contentHash([`clang ${dependencies["@yowasp/clang"]} binaryen ${dependencies["binaryen"]}`, ...recipe]);
}
