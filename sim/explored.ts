/**
 * A C file to be explored: compiled with the machine, and each of its cases made a course.
 *
 * Siblings: runtime-c/port/wasm32/stp_explore.h is what the file includes; explore/ explores it.
 */
import { StpError } from "../spec/errors.ts";
import { CONTEXTS, LIMITS, type Context } from "../spec/protocol.ts";
import { compileWasm } from "./compile.ts";
import type { ExploreOptions } from "./explore/explore.ts";
import { createMachine, type ContextSpec, type Machine } from "./machine.ts";
import { asGiven, pathInTree } from "./probe.ts";
import { runSchedule, type Course } from "./run.ts";
import type { ScheduleStep } from "./schedule.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";
import { Watch, type WatchOptions } from "./watch/watch.ts";

/** C symbols by which a case is driven. */
const EXPORTS = ["stp_sim_cases", "stp_sim_case_name", "stp_sim_set_up", "stp_sim_spec", "stp_sim_enter", "stp_sim_finally"];
const PORT_UNITS = ["hooks", "cpu", "explore"].map((unit) => `runtime-c/port/wasm32/${unit}.c`);
/** First letter of a context's name. */
const LETTERS = { task: "T", softirq: "S", irq: "I", nmi: "N" } as const satisfies Record<Context, string>;
/** What a case's final check runs as. */
const FINALLY = "T9999";
/** The schedule that runs everything in order. */
const ALL: readonly ScheduleStep[] = [];

export interface ExploredSource {
  /** As its author named it. */
  readonly path: string;
  readonly text: string;
}

export interface CompileExploredOptions {
  /** The wasm32 world's files (spec/runtime.ts). */
  readonly runtime: { readonly files: Readonly<Record<string, string>>; readonly includes: readonly string[] };
  readonly level?: "-O0" | "-O1" | "-O2";
  readonly report?: (line: string) => void;
}

/** A case of a file, ready to be explored. */
export interface ExploredCase {
  readonly name: string;
  readonly course: Course;
  readonly check: ExploreOptions["check"];
  readonly contexts: readonly ContextSpec[];
}

/** Compiles. Throws StpError with clang's message. */
export async function compileExplored(source: ExploredSource, { runtime, level = "-O2", report }: CompileExploredOptions): Promise<Uint8Array> {
  const path = pathInTree(source.path);
  try {
    const { wasm } = await compileWasm({
      sources: { ...runtime.files, [path]: source.text },
      units: [path, ...PORT_UNITS],
      includes: runtime.includes,
      cflags: [level, "-Wall", "-Wextra", "-Wno-unused-parameter"],
      exports: EXPORTS,
      authored: [path],
      instrument: true,
      ...(report ? { report } : {}),
    });
    return wasm;
  } catch (error) {
    throw error instanceof StpError ? new StpError(asGiven(error.message, source.path), { cause: error }) : error;
  }
}

/** The cases of a compiled file, each on a machine of its own. Throws StpError if it has none, or one of them cannot run. */
export async function exploredCases(path: string, wasm: Uint8Array, watching: Omit<WatchOptions, "cpus"> = {}): Promise<ExploredCase[]> {
  const module = await WebAssembly.compile(wasm as BufferSource);
  const first = await createMachine(module);
  const count = Number(first.instance.func("stp_sim_cases")());
  if (count === 0) throw new StpError(`Cannot explore ${path}: it has no case; define one by STP_CASE(name) of <stp_explore.h>`);
  return Promise.all(Array.from({ length: count }, async (_, index) => makeCase(path, await createMachine(module), index, watching)));
}

function makeCase(path: string, machine: Machine, index: number, watching: Omit<WatchOptions, "cpus">): ExploredCase {
  const { instance } = machine;
  const name = instance.string(Number(instance.func("stp_sim_case_name")(index)));
  const count = Number(instance.func("stp_sim_set_up")(index));
  if (count < 2) throw new StpError(`Cannot explore case ${name} of ${path}: it has ${count} context${count === 1 ? "" : "s"}; add some by stp_task(), stp_irq(), …`);
  const contexts = Array.from({ length: count }, (_, i) => specOf(machine, i));
  const cpus = Math.max(...contexts.map(({ cpu }) => cpu)) + 1;
  if (cpus > LIMITS.CPUS_MAX.value) throw new StpError(`Cannot explore case ${name} of ${path}: CPU ${cpus - 1} does not exist; they are 0 to ${LIMITS.CPUS_MAX.value - 1}`);
  machine.reserve(count + 1);
  const begin = takeSnapshot(machine);
  const watch = new Watch({ cpus, ...watching });
  machine.watch(watch);
  const prepare = (): ReturnType<Course["prepare"]> => {
    restoreSnapshot(machine, begin);
    machine.watch(watch); // the snapshot is older than that
    machine.reset();
    return contexts.map((spec) => machine.spawn(spec));
  };
  return { name, course: { machine, watch, prepare }, check: finalCheck(machine), contexts };
}

function specOf(machine: Machine, index: number): ContextSpec {
  const { instance } = machine;
  const at = Number(instance.func("stp_sim_spec")(index)) / 4;
  const [level, cpu, migrates, due_ns] = instance.words.slice(at, at + 4);
  const enter = instance.func("stp_sim_enter");
  const context = CONTEXTS[level!]!;
  return { name: `${LETTERS[context]}${index}`, level: context, cpu: cpu!, migrates: migrates !== 0, due_ns: due_ns!, call: () => enter(index) };
}

/** Runs the case's final check. It is not part of the run: nobody watches it. */
function finalCheck(machine: Machine): ExploreOptions["check"] {
  const last = machine.instance.func("stp_sim_finally");
  const spec: ContextSpec = { name: FINALLY, cpu: 0, level: "task", call: () => last() };
  const course: Course = {
    machine,
    prepare: () => {
      machine.watch(undefined);
      machine.reset();
      return [machine.spawn(spec)];
    },
  };
  return () => {
    const { verdict, detail, finding } = runSchedule(course, ALL);
    if (verdict === "completed") return undefined;
    const text = detail.replace(`${FINALLY} `, "at the end, the check ");
    return finding ? { detail: text, finding } : text;
  };
}
