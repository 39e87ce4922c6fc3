/**
 * The C compiled for this machine with the address and undefined-behaviour sanitizers, as a replay target.
 *
 * Each run is a process of its own: a report of a sanitizer ends it, and is what differs.
 * Sibling: wasm.ts; runtime-c/port/native/replay_main.c is the other side.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { cachedFile, contentHash } from "../spec/cache.ts";
import { messageOf, StpError } from "../spec/errors.ts";
import { sizeOf } from "../spec/layout.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { SANDBOX_LOCK_SPINS_MAX } from "../sim/probe.ts";
import { operationsOf, type ReplayTarget, type TargetFactory } from "./target.ts";

const RUN_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 1 << 28;
const FLAGS = ["-std=gnu11", "-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"];

/** A program of the native world: which of the port's files has its entry, and what compiles it. */
export interface NativeProgram {
  readonly world?: "native" | "watched";
  readonly entry: "replay_main.c" | "fuzz_main.c" | "watched_main.c";
  readonly compiler: string;
  readonly sanitizers: string;
  /** Debian's packages that it needs. */
  readonly packages: string;
}

const REPLAY: NativeProgram = { entry: "replay_main.c", compiler: "gcc", sanitizers: "address,undefined", packages: "gcc and libc6-dev" };

/** Compiles, once for each content. Throws StpError if there is no gcc, or in its words. */
export async function nativeTargets(report: (line: string) => void = () => {}): Promise<TargetFactory> {
  const program = await compileNative(REPLAY, report);
  return async () => nativeTarget(program);
}

function nativeTarget(program: string): ReplayTarget {
  let dump = new Uint8Array();
  return {
    init: () => {
      dump = new Uint8Array();
    },
    run: (batch) => {
      const { status, stdout, stderr } = spawnSync(program, { input: batch, timeout: RUN_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX });
      if (status !== 0) throw new Error(`The native runtime ended with ${status}: ${stderr.toString().slice(0, 2000)}`);
      const results = operationsOf(batch) * sizeOf("op_result");
      dump = stdout.subarray(results);
      return stdout.subarray(0, results);
    },
    dump: () => dump,
  };
}

/** Path of the program, compiled once for each content. Throws StpError if the compiler is missing, or in its words. */
export async function compileNative({ world = "native", entry, compiler, sanitizers, packages }: NativeProgram, report: (line: string) => void): Promise<string> {
  const runtime = runtimeSources(world);
  const flags = [...FLAGS, `-fsanitize=${sanitizers}`, "-DSTP_WORDS_ONLY", `-DSTP_LOCK_SPINS_MAX=${SANDBOX_LOCK_SPINS_MAX}`, ...runtime.includes.map((path) => `-I${path}`)];
  const replay = world === "native" ? runtime.replay : [];
  const port = Object.keys(runtime.files).filter((path) => path.startsWith(`runtime-c/port/${world}/`) && path.endsWith(".c") && (!path.endsWith("_main.c") || path.endsWith(`/${entry}`)));
  const units = [...runtime.core, ...replay, ...port];
  return cachedFile("native", contentHash([runtime.hash, compiler, entry, ...flags]), async (path) => {
    report(`compiling the native runtime with ${compiler} and sanitizers`);
    const directory = await mkdtemp(join(tmpdir(), "stp-native-"));
    try {
      for (const [file, text] of Object.entries(runtime.files)) {
        await mkdir(join(directory, dirname(file)), { recursive: true });
        await writeFile(join(directory, file), text);
      }
      await promisify(execFile)(compiler, [...flags, ...units, "-o", path], { cwd: directory, timeout: RUN_MS_MAX });
    } catch (error) {
      throw new StpError(`Cannot compile the native runtime: ${messageOf(error)}; it needs Debian's ${packages}`, { cause: error });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}
