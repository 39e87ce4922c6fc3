/** Programs for the guest: static, so that the guest needs no library, and cached by what they are made of. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedFile, contentHash } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { ARCHITECTURES, type Architecture } from "./architectures.ts";
import { needProgram, runProcess } from "./process.ts";
import { diagnostics, hashSources, readSources, writeSources, type Sources } from "./sources.ts";
import { inTemporaryDirectory } from "./temporary.ts";
import { crossTools } from "./toolchain.ts";

const COMPILE_MS_MAX = 120_000;
/** Offsets in files have 64 bits everywhere. */
const FLAGS = ["-static", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D_FILE_OFFSET_BITS=64"] as const;

const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));

export interface ProgramSource {
  readonly name: string;
  /** Every `.c` file among them is compiled. */
  readonly sources: Sources;
  /** Extra arguments of gcc; paths are relative to the root of the sources, for example `-Iinclude`. */
  readonly cflags?: readonly string[];
}

/** Path of the compiled program. Throws StpError with gcc's message, or if gcc is missing. */
export async function buildProgram(program: ProgramSource, architecture: Architecture = ARCHITECTURES.amd64): Promise<string> {
  const { name, sources, cflags = [] } = program;
  const hash = contentHash([name, architecture.name, hashSources(sources), ...FLAGS, ...cflags]);
  return cachedFile("program", `${name}-${hash}`, async (path) => {
    const gcc = architecture.toolchain ? (await crossTools(architecture)).compiler : needProgram("gcc", "gcc libc6-dev");
    await inTemporaryDirectory("stp-program-", async (directory) => {
      await writeSources(directory, sources);
      await compile(gcc, program, directory, join(directory, "a.out"));
      await copyFile(join(directory, "a.out"), path);
    });
  });
}

/** The guest's PID 1. */
export async function buildInit(architecture?: Architecture): Promise<string> {
  const units = ["init", "follow", "job", "power", "program", "report"].map((unit) => `kernel-harness/guest/${unit}.c`);
  const headers = ["clock", "follow", "job", "power", "program", "report", "types"].map((header) => `kernel-harness/guest/${header}.h`);
  const sources = await readSources(REPOSITORY, [...units, ...headers, "runtime-c/include/stp/protocol.gen.h", "runtime-c/include/stp/wire.h"]);
  return buildProgram({ name: "init", sources, cflags: ["-Iruntime-c/include"] }, architecture);
}

/** Runs a program on the files of the host. */
export async function buildEnter(architecture?: Architecture): Promise<string> {
  return buildProgram({ name: "enter", sources: await readSources(join(REPOSITORY, "kernel-harness/guest"), ["enter.c"]) }, architecture);
}

/** The workload that knows what it did: `workload MODE PROCESSES COUNT`. Its functions are in backtraces. */
export async function buildWorkload(architecture?: Architecture): Promise<string> {
  const modes = ["alloc", "faults", "interval", "io", "links", "opens", "spin", "syscalls", "wakeups"].map((mode) => `work/${mode}.c`);
  const sources = await readSources(join(REPOSITORY, "kernel-harness/guest"), ["workload.c", "work/work.h", ...modes]);
  return buildProgram({ name: "workload", sources, cflags: ["-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"] }, architecture);
}

async function compile(gcc: string, program: ProgramSource, directory: string, output: string): Promise<void> {
  const units = Object.keys(program.sources).filter((path) => path.endsWith(".c")).sort();
  const args = [...FLAGS, ...(program.cflags ?? []), "-o", output, ...units];
  const result = await runProcess(gcc, args, { cwd: directory, timeout_ms: COMPILE_MS_MAX });
  if (result.timed_out) throw new StpError(`Cannot compile ${program.name}: gcc took more than ${COMPILE_MS_MAX / 1000} s`);
  if (result.status !== 0) throw new StpError(`Cannot compile ${program.name}:\n${diagnostics(result.stderr, directory)}`);
}
