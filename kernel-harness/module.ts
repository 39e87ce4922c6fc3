/** Kernel modules, built by Kbuild against the headers of a kernel in the cache. */
import { copyFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { cachedFile, contentHash } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { isSet } from "./directory.ts";
import type { FetchedKernel } from "./fetch.ts";
import { needProgram, runProcess } from "./process.ts";
import { diagnostics, hashSources, writeSources, type Sources } from "./sources.ts";
import { inTemporaryDirectory } from "./temporary.ts";
import { crossTools } from "./toolchain.ts";

const BUILD_MS_MAX = 300_000;

/** Debian builds its modules with the compiler of the kernel; its header tree asks for it by this name. */
const COMPILER = "gcc-12";
/** The tools that a kernel's makefile takes of binutils. */
const LINKER = "ld";

/** Our own C does not compile for a kernel: a finding, where everything else that can go wrong with a build is the environment's. */
export class CompileError extends StpError {}

/** Objects that many modules share, compiled once for each kernel. */
export interface ModuleLibrary {
  readonly sources: Sources;
  readonly objects: readonly string[];
  readonly cflags?: readonly string[];
}

/** What stands for the library among the objects of a module. */
export const LIBRARY_OBJECT = "library.o";

export interface ModuleSource {
  /** Name of the module: letters, digits and underscores. */
  readonly name: string;
  readonly sources: Sources;
  /** Object files that are linked into it, in order: `probe.o`, `src/map.o`. */
  readonly objects: readonly string[];
  /** Linked where `objects` has LIBRARY_OBJECT. */
  readonly library?: ModuleLibrary;
  /** For the compiler; `$(src)` is the root of the sources. */
  readonly cflags?: readonly string[];
  /** For the linker. */
  readonly ldflags?: readonly string[];
  /** Told the compiler's warnings, one line at a time. */
  readonly report?: (line: string) => void;
}

/** What of a kernel a module is built against. */
export type BuildableKernel = Pick<FetchedKernel, "name" | "architecture" | "identity" | "release" | "headers">;

/**
 * Path of the module's .ko, from the cache or built.
 *
 * Throws StpError: a compile error, in the compiler's words with file and line; or a tool that is missing.
 */
export async function buildModule(kernel: BuildableKernel, module: ModuleSource): Promise<string> {
  if (!/^[a-z][a-z0-9_]*$/.test(module.name)) throw new StpError(`Cannot build module "${module.name}": a name has lower-case letters, digits and underscores only`);
  const library = module.library && (await buildLibrary(kernel, module.library));
  const hash = contentHash([kernel.identity, hashSources(module.sources), kbuildFile(module), library ?? ""]);
  return cachedFile("module", `${module.name}-${hash}.ko`, async (path) => {
    await inTemporaryDirectory("stp-module-", async (directory) => {
      await writeSources(directory, { ...module.sources, Kbuild: kbuildFile(module) });
      if (library !== undefined) await shipLibrary(library, directory);
      await make(kernel, module, directory);
      await copyFile(join(directory, `${module.name}.ko`), path);
    });
  });
}

/** Kbuild takes an object that was compiled elsewhere by this name; it also wants to read how that was done. */
async function shipLibrary(library: string, directory: string): Promise<void> {
  await copyFile(library, join(directory, `${LIBRARY_OBJECT}_shipped`));
  await writeFile(join(directory, `.${LIBRARY_OBJECT}.cmd`), "cmd_library.o := true\n");
}

/** Path of the library's objects as one, from the cache or built: as a module whose other half is missing. */
async function buildLibrary(kernel: BuildableKernel, library: ModuleLibrary): Promise<string> {
  const module = { name: "stp_library", ...library };
  const hash = contentHash([kernel.identity, hashSources(library.sources), kbuildFile(module)]);
  return cachedFile("module", `library-${hash}.o`, async (path) => {
    await inTemporaryDirectory("stp-library-", async (directory) => {
      await writeSources(directory, { ...library.sources, Kbuild: kbuildFile(module) });
      await make(kernel, module, directory, ["KBUILD_MODPOST_WARN=1"]);
      await copyFile(join(directory, `${module.name}.o`), path);
    });
  });
}

/** The Kbuild file. An object of the module's own name cannot be one part among others: Kbuild would see a cycle. */
function kbuildFile({ name, objects, cflags = [], ldflags = [] }: ModuleSource): string {
  const single = objects.length === 1 && objects[0] === `${name}.o`;
  if (!single && objects.includes(`${name}.o`)) throw new StpError(`Cannot build module ${name}: with several objects, none may be called ${name}.o`);
  return [
    `obj-m := ${name}.o`,
    ...(single ? [] : [`${name}-y := ${objects.join(" ")}`]),
    `ccflags-y := ${cflags.join(" ")}`,
    "ccflags-remove-y := $(CC_FLAGS_FTRACE)", // nobody traces what itself serves probes
    `ldflags-y := ${ldflags.join(" ")}`,
    "",
  ].join("\n");
}

async function make(kernel: BuildableKernel, module: ModuleSource, directory: string, more: readonly string[] = []): Promise<void> {
  const program = needProgram("make", "make");
  const tools = await moduleTools(kernel);
  const args = [
    `-j${availableParallelism()}`,
    "-C",
    kernel.headers,
    `M=${directory}`,
    ...tools.variables,
    `KCFLAGS=-ffile-prefix-map=${directory}/=`, // the same sources give the same module, wherever they were built
    ...more,
    "modules",
  ];
  const result = await runProcess(program, args, { timeout_ms: BUILD_MS_MAX, env: { ...buildEnvironment(), PATH: tools.path } });
  if (result.timed_out) throw new StpError(`Cannot build module ${module.name}: make took more than ${BUILD_MS_MAX / 1000} s`);
  if (result.status !== 0) throw failure(module, result.stderr, directory);
  diagnostics(result.stderr, directory).split("\n").filter((line) => line.includes("warning:")).forEach((line) => module.report?.(line));
}

interface ModuleTools {
  /** For make. */
  readonly variables: readonly string[];
  /** $PATH with which they are found. */
  readonly path: string;
}

/** Compiler and binutils for modules: those that the kernel was made with. Throws StpError that names the Debian packages. */
async function moduleTools({ architecture, headers }: BuildableKernel): Promise<ModuleTools> {
  const path = process.env["PATH"] ?? "";
  const target = architecture.crossModules ? [`ARCH=${architecture.arch}`] : [];
  if (isSet(headers, "CONFIG_CC_IS_CLANG")) {
    for (const [program, packageName] of [["clang", "clang"], ["ld.lld", "lld"], ["llvm-nm", "llvm"]] as const) needProgram(program, packageName);
    return { variables: [...target, "LLVM=1"], path };
  }
  if (architecture.crossModules) {
    const tools = await crossTools(architecture);
    return { variables: [...target, `CROSS_COMPILE=${tools.prefix}`], path: tools.path };
  }
  needProgram(COMPILER, COMPILER);
  needProgram(LINKER, "binutils");
  return { variables: [], path };
}

/**
 * Whether it failed for our C: a compiler's error in a file of the module, or in a macro that it uses (which a note then says), or a
 * symbol that the kernel has not. All else that ends a make, such as a compiler that is killed, says nothing about it.
 */
function isOurs({ sources }: ModuleSource, stderr: string): boolean {
  if (/^ERROR: modpost: .* undefined!$/m.test(stderr)) return true;
  const said = [...stderr.matchAll(/^([^\s:]+):\d+(?::\d+)?: (error|fatal error|note): /gm)].map(([, file, kind]) => ({ file: file!, kind }));
  return said.some(({ kind }) => kind !== "note") && said.some(({ file }) => Object.keys(sources).some((path) => file === path || file.endsWith(`/${path}`)));
}

function failure(module: ModuleSource, stderr: string, directory: string): StpError {
  const { name } = module;
  const library = /error while loading shared libraries: (libelf|libcrypto)\S*/.exec(stderr)?.[1];
  if (library === "libelf") return new StpError(`Cannot build module ${name}: the kernel's objtool needs libelf; run "sudo apt-get install libelf1"`);
  if (library === "libcrypto") return new StpError(`Cannot build module ${name}: the kernel's build tools need libcrypto; run "sudo apt-get install libssl3"`);
  if (/No space left on device/.test(stderr)) return new StpError(`Cannot build module ${name}: no space is left on the disk; the cache and temporary files need some`);
  const Kind = isOurs(module, stderr) ? CompileError : StpError;
  return new Kind(`Cannot build module ${name}:\n${diagnostics(stderr, directory)}`);
}

/** Nothing that an outer make left may steer this one; messages in English, as `diagnostics` expects them. */
function buildEnvironment(): NodeJS.ProcessEnv {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ARCH, CROSS_COMPILE, ...rest } = process.env;
  return { ...rest, LC_ALL: "C" };
}
