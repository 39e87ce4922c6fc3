/**
 * What a mutant of the C is tried with, cheapest first: replays and the watched port under sanitizers, then the machine.
 *
 * Objects of units that a mutant leaves alone are compiled once. Each child has a time limit and a process group of its own: a
 * broken loop never ends by itself.
 * Siblings: mutants.ts makes them, mutate.ts runs them
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runtimeSources, type RuntimeSources, type World } from "../spec/runtime.ts";
import { SANDBOX_LOCK_SPINS_MAX } from "../sim/probe.ts";
import { createGenerator } from "./generate.ts";
import { loadModel } from "./model.ts";
import { plant, type Mutant } from "./mutants.ts";

/** Replays, each on a fresh session with a seed of its own, which brings other arguments. */
const REPLAYS = 30;
const REPLAY_OPERATIONS = 4_000;
/** Operations after which the full dump joins the digest. */
const FULL_EVERY = 32;
const COMPILE_MS_MAX = 120_000;
/** How much longer than the C as it is a mutant may run before it hangs. */
const SLOWER_TIMES_MAX = 8;
const SLOWER_MS_MIN = 3_000;
const MACHINE_MS_MAX = 420_000;
const OUTPUT_BYTES_MAX = 1 << 26;
const WARNINGS_OFF = ["-w"];
const FLAGS = ["-std=gnu11", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-fsanitize=address,undefined", `-DSTP_LOCK_SPINS_MAX=${SANDBOX_LOCK_SPINS_MAX}`, ...WARNINGS_OFF];
/** As FLAGS, on a machine without integers of 128 bits. */
const NARROW = [...FLAGS, "-U__SIZEOF_INT128__"];

/** `survived` apart, each says which stage caught it and how. */
export type Outcome = { readonly outcome: "killed"; readonly stage: Stage; readonly how: string } | { readonly outcome: "survived" } | { readonly outcome: "does not compile" };
export const STAGES = ["replay", "watched", "machine"] as const;
export type Stage = (typeof STAGES)[number];

interface Ended {
  /** "": it ended with 0; else what ended it. */
  readonly how: string;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly ms: number;
}

/** Runs a program in a process group of its own, which is killed at the limit. */
export function runChild(command: string, args: readonly string[], { cwd, input, ms_max }: { readonly cwd?: string; readonly input?: Uint8Array; readonly ms_max: number }): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const begun_ms = performance.now();
    const child = spawn(command, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], ...(cwd === undefined ? {} : { cwd }), env: { ...process.env, ASAN_OPTIONS: "allocator_may_return_null=1:hard_rss_limit_mb=2000" } });
    const out: Buffer[] = [];
    let size = 0;
    let stderr = "";
    let cut = "";
    const end = (why: string): void => {
      cut = why;
      process.kill(-child.pid!, "SIGKILL");
    };
    const timer = setTimeout(() => end("hang"), ms_max);
    child.stdout.on("data", (bytes: Buffer) => {
      size += bytes.length;
      if (size > OUTPUT_BYTES_MAX) end("endless output");
      else out.push(bytes);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr.length < 20_000 ? (stderr += text) : undefined));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ how: cut || (signal ?? (code === 0 ? "" : `exit ${code}`)), stdout: Buffer.concat(out), stderr, ms: performance.now() - begun_ms });
    });
    child.stdin.on("error", () => {}); // it ended before it read all
    child.stdin.end(input ?? "");
  });
}

/** A native world's objects, to be linked with those of a mutant. */
class NativeProgram {
  readonly #directory: string;
  readonly #runtime: RuntimeSources;
  readonly #flags: readonly string[];
  readonly #objects = new Map<string, string>();
  #links = 0;

  constructor(directory: string, runtime: RuntimeSources, flags: readonly string[]) {
    this.#directory = directory;
    this.#runtime = runtime;
    this.#flags = flags;
  }

  async prepare(): Promise<void> {
    const { files } = this.#runtime;
    await writeTree(this.#directory, this.#runtime);
    const units = Object.keys(files).filter((path) => path.endsWith(".c") && (!path.endsWith("_main.c") || /\/(replay|watched)_main\.c$/.test(path)));
    for (const path of units) {
      const object = join(this.#directory, `${basename(path)}.o`);
      const compiled = await this.#compile(path, object);
      if (compiled.how) throw new Error(`${path} does not compile: ${compiled.stderr}`);
      this.#objects.set(path, object);
    }
  }

  /** Path of the program with a mutant in it, or without; undefined if it does not compile. It lives until `drop`. */
  async link(mutant?: Mutant): Promise<string | undefined> {
    const place = join(this.#directory, `link${this.#links++}`);
    await mkdir(place);
    const objects = new Map(this.#objects);
    if (mutant) {
      await mkdir(dirname(join(place, mutant.path)), { recursive: true });
      await writeFile(join(place, mutant.path), plant(this.#runtime, mutant).files[mutant.path]!);
      for (const path of mutant.path.endsWith(".h") ? this.#objects.keys() : [mutant.path]) {
        const object = join(place, `${basename(path)}.o`);
        if ((await this.#compile(path, object, place)).how) return undefined;
        objects.set(path, object);
      }
    }
    const program = join(place, "program");
    const linked = await runChild("gcc", [...this.#flags, ...objects.values(), "-o", program], { ms_max: COMPILE_MS_MAX });
    return linked.how ? undefined : program;
  }

  async drop(program: string): Promise<void> {
    await rm(dirname(program), { recursive: true, force: true });
  }

  /** With what `over` holds instead of the directory's. */
  #compile(path: string, object: string, over?: string): Promise<Ended> {
    const includes = [...(over === undefined ? [] : [join(over, "runtime-c/include")]), ...this.#runtime.includes.map((include) => join(this.#directory, include))];
    const changed = join(over ?? this.#directory, path);
    const file = existsSync(changed) ? changed : join(this.#directory, path);
    return runChild("gcc", [...this.#flags, ...includes.map((include) => `-I${include}`), "-c", file, "-o", object], { ms_max: COMPILE_MS_MAX });
  }
}

async function writeTree(directory: string, runtime: RuntimeSources): Promise<void> {
  for (const [file, text] of Object.entries(runtime.files)) {
    await mkdir(join(directory, dirname(file)), { recursive: true });
    await writeFile(join(directory, file), text);
  }
}

interface Replay {
  readonly batch: Uint8Array;
  readonly expected: Buffer;
}

/** All that mutants are tried with, prepared once for many. */
export class MutantBench {
  readonly #directory: string;
  readonly #replays: readonly Replay[];
  readonly #wide: NativeProgram;
  readonly #narrow: NativeProgram;
  readonly #limits = new Map<NativeProgram, number>();

  private constructor(directory: string, replays: readonly Replay[]) {
    this.#directory = directory;
    this.#replays = replays;
    const native = runtimeSources("native");
    this.#wide = new NativeProgram(join(directory, "wide"), native, FLAGS);
    this.#narrow = new NativeProgram(join(directory, "narrow"), native, NARROW);
  }

  /** Throws if the C as it is does not pass. */
  static async create({ narrow = true }: { readonly narrow?: boolean } = {}): Promise<MutantBench> {
    const model = await loadModel();
    const replays = Array.from({ length: REPLAYS }, (_, index) => {
      const batch = createGenerator(index + 1).batch(REPLAY_OPERATIONS, FULL_EVERY).slice();
      model.init();
      const results = model.run(batch);
      return { batch, expected: Buffer.concat([results, model.dump()]) };
    });
    const bench = new MutantBench(await mkdtemp(join(tmpdir(), "stp-mutants-")), replays);
    try {
      for (const program of narrow ? [bench.#wide, bench.#narrow] : [bench.#wide]) await bench.#prepare(program);
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #prepare(program: NativeProgram): Promise<void> {
    await program.prepare();
    const path = await program.link();
    if (path === undefined) throw new Error("The C as it is does not link");
    const begun_ms = performance.now();
    const wrong = await this.#replay(path, COMPILE_MS_MAX);
    if (wrong) throw new Error(`The C as it is does not pass the replays: ${wrong}`);
    this.#limits.set(program, SLOWER_MS_MIN + SLOWER_TIMES_MAX * (performance.now() - begun_ms));
    await program.drop(path);
  }

  async replay(mutant: Mutant): Promise<Outcome> {
    for (const program of mutant.path.endsWith("/stats.h") ? [this.#wide, this.#narrow] : [this.#wide]) {
      const path = await program.link(mutant);
      if (path === undefined) return { outcome: "does not compile" };
      const how = await this.#replay(path, this.#limits.get(program)!);
      await program.drop(path);
      if (how) return { outcome: "killed", stage: "replay", how };
    }
    return { outcome: "survived" };
  }

  async #replay(program: string, ms_max: number): Promise<string> {
    for (const { batch, expected } of this.#replays) {
      const { how, stdout, stderr } = await runChild(program, [], { input: batch, ms_max });
      if (how) return how.startsWith("exit") ? (/(?:runtime error|Sanitizer): [^\n]{0,80}/.exec(stderr)?.[0] ?? how) : how;
      if (!expected.equals(stdout)) return "diverges";
    }
    return "";
  }
}
