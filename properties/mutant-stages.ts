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
import { runtimeSources, type RuntimeSources } from "../spec/runtime.ts";
import { SANDBOX_LOCK_SPINS_MAX } from "../sim/probe.ts";
import { createGenerator } from "./generate.ts";
import { loadModel } from "./model.ts";
import { plant, type Mutant } from "./mutants.ts";

/** Replays, each on a fresh session with a seed of its own, which brings other arguments. */
const REPLAYS = 30;
/** Those that come before the watched world: most mutants fail the first. */
const REPLAYS_FIRST = 3;
const REPLAY_OPERATIONS = 4_000;
/** Operations after which the full dump joins the digest. */
const FULL_EVERY = 32;
/** Units that are compiled first with a mutant of a header, to save the rest of them. */
const HEADER_UNITS = /\/(map|stats|typed)\.c$/;
const COMPILE_MS_MAX = 120_000;
/** How much longer than the C as it is a mutant may run before it hangs. */
const SLOWER_TIMES_MAX = 8;
const SLOWER_MS_MIN = 3_000;
const MACHINE_MS_MAX = 420_000;
const OUTPUT_BYTES_MAX = 1 << 26;
const FLAGS = ["-std=gnu11", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-fsanitize=address,undefined", `-DSTP_LOCK_SPINS_MAX=${SANDBOX_LOCK_SPINS_MAX}`, "-w"];
/** As FLAGS, on a machine without integers of 128 bits. */
const NARROW = [...FLAGS, "-U__SIZEOF_INT128__"];

/** What became of a mutant; `how` it was killed: what differs, reports or hangs. */
export type Outcome = { readonly outcome: "killed"; readonly stage: Stage; readonly how: string } | { readonly outcome: "survived" } | { readonly outcome: "does not compile" };
export const STAGES = ["replay", "watched", "machine"] as const;
export type Stage = (typeof STAGES)[number];

/** How gcc ends that was given no C. */
const NO_C = "exit 1";

interface Ended {
  /** "": it ended with 0; else what ended it. */
  readonly how: string;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program in a process group of its own, which is killed at the limit. */
export function runChild(command: string, args: readonly string[], { input, ms_max }: { readonly input?: Uint8Array; readonly ms_max: number }): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ASAN_OPTIONS: "allocator_may_return_null=1:hard_rss_limit_mb=2000" } });
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
      resolve({ how: cut || (signal ?? (code === 0 ? "" : `exit ${code}`)), stdout: Buffer.concat(out), stderr });
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
  readonly #program: "replay" | "watched";
  readonly #objects = new Map<string, string>();
  #links = 0;

  constructor(directory: string, program: "replay" | "watched", runtime: RuntimeSources, flags: readonly string[]) {
    this.#directory = directory;
    this.#program = program;
    this.#runtime = runtime;
    this.#flags = flags;
  }

  async prepare(): Promise<void> {
    const { files, core, replay } = this.#runtime;
    await writeTree(this.#directory, this.#runtime);
    const port = Object.keys(files).filter((path) => path.startsWith("runtime-c/port/") && path.endsWith(".c") && !path.endsWith("/fuzz_main.c"));
    for (const path of [...core, ...(this.#program === "replay" ? replay : []), ...port]) {
      const object = join(this.#directory, `${basename(path)}.o`);
      const compiled = await this.#compile(path, object);
      if (compiled.how) throw new Error(`${path} does not compile: ${compiled.stderr}`);
      this.#objects.set(path, object);
    }
  }

  /** Path of the program with a mutant in it, or without; undefined if it does not compile. It lives until `drop`. */
  async link(mutant?: Mutant, among = /./): Promise<string | undefined> {
    const place = join(this.#directory, `link${this.#links++}`);
    await mkdir(place);
    const objects = new Map(this.#objects);
    if (mutant) {
      await mkdir(dirname(join(place, mutant.path)), { recursive: true });
      await writeFile(join(place, mutant.path), plant(this.#runtime, mutant).files[mutant.path]!);
      for (const path of mutant.path.endsWith(".h") ? [...this.#objects.keys()].filter((unit) => among.test(unit)) : [mutant.path]) {
        const object = join(place, `${basename(path)}.o`);
        const { how, stderr } = await this.#compile(path, object, place);
        if (how === NO_C) return undefined;
        if (how) throw new Error(`The compiler failed at ${mutant.name}: ${how} ${stderr.slice(0, 1000)}`);
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

/** One program, and of the replays which. */
interface Step {
  readonly stage: "replay" | "watched";
  readonly flags: readonly string[];
  readonly among?: RegExp;
  readonly from?: number;
  readonly to?: number;
}

/** One of the programs, ready to be linked with mutants. */
interface Ready {
  readonly program: NativeProgram;
  readonly ms_max: number;
}

/** All that mutants are tried with, prepared once for many, when it is first needed. */
export class MutantBench {
  readonly #directory: string;
  readonly #replays: readonly Replay[];
  /** Read once: whoever edits the C meanwhile changes nothing here. */
  readonly #sources = { replay: runtimeSources("native"), watched: runtimeSources("watched") };
  readonly #ready = new Map<string, Promise<Ready>>();

  private constructor(directory: string, replays: readonly Replay[]) {
    this.#directory = directory;
    this.#replays = replays;
  }

  static async create(): Promise<MutantBench> {
    const model = await loadModel();
    const replays = Array.from({ length: REPLAYS }, (_, index) => {
      const batch = createGenerator(index + 1).batch(REPLAY_OPERATIONS, FULL_EVERY).slice();
      model.init();
      const results = model.run(batch);
      return { batch, expected: Buffer.concat([results, model.dump()]) };
    });
    return new MutantBench(await mkdtemp(join(tmpdir(), "stp-mutants-")), replays);
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** What becomes of a mutant, stage by stage. Without the machine if `last` says so. */
  async run(mutant: Mutant, last: Stage = "machine"): Promise<Outcome> {
    const header = mutant.path.endsWith(".h");
    const first = { from: 0, to: REPLAYS_FIRST };
    const steps: Step[] = [
      ...(header ? [{ stage: "replay", flags: FLAGS, among: HEADER_UNITS, ...first } as const] : [{ stage: "replay", flags: FLAGS, ...first } as const]),
      { stage: "watched", flags: NARROW },
      { stage: "replay", flags: FLAGS, from: header ? 0 : REPLAYS_FIRST, to: REPLAYS },
      // Nothing else depends on the width.
      ...(mutant.path.endsWith("/stats.h") ? [{ stage: "replay", flags: NARROW, from: 0, to: REPLAYS } as const] : []),
    ];
    for (const step of steps) {
      const how = await this.#native(step, mutant);
      if (how === undefined) return { outcome: "does not compile" };
      if (how) return { outcome: "killed", stage: step.stage, how };
    }
    if (last !== "machine") return { outcome: "survived" };
    const how = await onMachine(mutant);
    return how ? { outcome: "killed", stage: "machine", how } : { outcome: "survived" };
  }

  /** How a program fails; "": it does not. Undefined if it does not compile. */
  async #native(step: Step, mutant: Mutant): Promise<string | undefined> {
    const { program, ms_max } = await this.#prepared(step.stage, step.flags);
    const path = await program.link(mutant, step.among);
    if (path === undefined) return undefined;
    const how = await this.#failureOf(step, path, ms_max);
    await program.drop(path);
    return how;
  }

  /** Throws if the C as it is does not pass. */
  #prepared(stage: "replay" | "watched", flags: readonly string[]): Promise<Ready> {
    const name = `${stage}-${flags === NARROW ? "narrow" : "wide"}`;
    let ready = this.#ready.get(name);
    if (!ready) this.#ready.set(name, (ready = this.#prepare(stage, new NativeProgram(join(this.#directory, name), stage, this.#sources[stage], flags))));
    return ready;
  }

  async #prepare(stage: "replay" | "watched", program: NativeProgram): Promise<Ready> {
    await program.prepare();
    const path = await program.link();
    if (path === undefined) throw new Error("The C as it is does not link");
    const begun_ms = performance.now();
    const wrong = await this.#failureOf({ stage, flags: FLAGS }, path, COMPILE_MS_MAX);
    if (wrong) throw new Error(`The C as it is does not pass (${stage}): ${wrong}`);
    await program.drop(path);
    return { program, ms_max: SLOWER_MS_MIN + SLOWER_TIMES_MAX * (performance.now() - begun_ms) };
  }

  /** `ms_max` is for all that it runs. */
  async #failureOf({ stage, from, to }: Step, program: string, ms_max: number): Promise<string> {
    if (stage === "watched") return howOf(await runChild(program, [], { ms_max }));
    const end_ms = performance.now() + ms_max;
    for (const { batch, expected } of this.#replays.slice(from, to)) {
      const ended = await runChild(program, [], { input: batch, ms_max: Math.max(1, end_ms - performance.now()) });
      if (ended.how) return howOf(ended);
      if (!expected.equals(ended.stdout)) return "diverges";
    }
    return "";
  }
}

function howOf({ how, stderr }: Ended): string {
  if (how === "" || how === "hang") return how;
  return /runtime error: [^\n]{0,60}|Sanitizer: [\w-]+(?: memory leaks)?|\w+\.[ch]:\d+: not so: [^\n]{0,60}/.exec(stderr)?.[0] ?? how;
}

/** In a process that can be killed. */
async function onMachine(mutant: Mutant): Promise<string> {
  const { how, stdout, stderr } = await runChild(process.execPath, ["--import", "tsx", fileURLToPath(new URL("./mutant-machine.ts", import.meta.url)), JSON.stringify(mutant)], { ms_max: MACHINE_MS_MAX });
  if (how !== "" && how !== "hang") throw new Error(`The machine cannot try ${mutant.name}: ${how} ${stderr.slice(0, 1000)}`);
  return how === "" ? stdout.toString().trim() : how;
}
