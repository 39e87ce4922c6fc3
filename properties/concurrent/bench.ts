/**
 * The bench: a replay session on the machine, whose state is put back for each run of a concurrent program.
 *
 * The runtime is instrumented, and so is what reads its outputs (replay/outputs.c): a reader's look at a record can be
 * interrupted. The interpreter of the operations is not: it is not what is tested.
 * Siblings: runtime-c/port/wasm32/concurrent.c; judge.ts says whether a run was right.
 */
import { ERRORS, REPLAY_CONFIG } from "../../spec/protocol.ts";
import { runtimeSources, type RuntimeSources } from "../../spec/runtime.ts";
import { compileWasm, PORT_PREFIX } from "../../sim/compile.ts";
import { Coverage } from "../../sim/coverage.ts";
import { createMachine, type Machine, type SimContext } from "../../sim/machine.ts";
import type { Course } from "../../sim/run.ts";
import { restoreSnapshot, takeSnapshot, type Snapshot } from "../../sim/snapshot.ts";
import { MemoryDetector } from "../../sim/watch/memory.ts";
import { Watch } from "../../sim/watch/watch.ts";
import type { WasmFunction } from "../../sim/wasi.ts";
import type { Operation } from "../operations.ts";
import { CONTEXTS_MAX, CONTEXT_OPERATIONS_MAX } from "./check.ts";
import { encodedOperation } from "./encoded.ts";
import type { ConcurrentProgram } from "./program.ts";

/** Tries for a map's lock: few, so that no run is long; and fewer for an nmi (M6). */
export const CONCURRENT_LOCK_SPINS_MAX = 8;
export const CONCURRENT_LOCK_SPINS_NMI_MAX = 4;

const EXPORTS = [
  "stp_sim_run",
  "stp_sim_run_limits",
  "stp_sim_concurrent_init",
  "stp_sim_concurrent_fini",
  "stp_sim_concurrent_set_up",
  "stp_sim_concurrent_run",
  "stp_sim_concurrent_dump",
  "stp_sim_concurrent_dumped",
  "stp_sim_concurrent_digest",
  "stp_sim_set_time",
  "stp_sim_fail_alloc",
];

const OUTPUTS_MAX = 1024;
const PROGRAM_BYTES_MAX = 8192;
/** Steps beyond the first of all operations of a context. */
const STEPS_MAX = 160;
const MADE_BYTES = 32;
/** Offsets in `struct stp_sim_run`. */
const AT = layout();

function layout() {
  const begin = 8;
  const end = begin + 4 * CONTEXTS_MAX;
  const clock = end + 4 * CONTEXTS_MAX;
  const made = clock + 4 * CONTEXTS_MAX * CONTEXT_OPERATIONS_MAX;
  const outputs = made + MADE_BYTES * CONTEXTS_MAX * CONTEXT_OPERATIONS_MAX;
  const steps = outputs + 8 * OUTPUTS_MAX;
  const program = steps + 8 * CONTEXTS_MAX * STEPS_MAX;
  return { begin, end, clock, made, outputs, steps, program, size: program + PROGRAM_BYTES_MAX } as const;
}

/** The interpreter of operations, the dump of the state after a run, and what no operation reaches: it would only blur the coverage. */
const UNREACHED = [...["decode", "dump", "replay", "value"].map((unit) => `runtime-c/replay/${unit}.c`), ...["log", "manifest", "session", "task"].map((unit) => `runtime-c/src/${unit}.c`)];

/** Contexts for which memory is taken once; more of them take it in each run anew. */
const RESERVED_CONTEXTS = 4;

/** From when to when; all beginnings and ends of a run are numbered in the order in which they happened. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** One operation of a run, as it went. */
export interface MadeOperation extends Span {
  /** Index of its context, and its index there. */
  readonly context: number;
  readonly index: number;
  readonly op: Operation;
  /** One, or one for each call as which it serves: a walk's beginning and each visit (M10), each record that is read (T4). */
  readonly steps: readonly Span[];
  readonly result: bigint;
  readonly outputs: Uint8Array;
}

/** What a run has shown. */
export interface Observation {
  /** By context: the operations that were made; a refused hit leaves out the rest of it. */
  readonly made: readonly (readonly MadeOperation[])[];
  readonly dump: Uint8Array;
}

export interface BenchOptions {
  readonly runtime?: RuntimeSources;
  readonly report?: (line: string) => void;
}

/**
 * No ring overwrites here: whose record is refused because another is still being written (T6) no serial order of the calls tells.
 * sim/overwrite.test.ts interrupts the writer of such a ring.
 */
const NO_CPU = REPLAY_CONFIG.cpus;

/** Compiles. Throws StpError with clang's message. */
export async function compileConcurrent({ runtime = runtimeSources("wasm32"), report }: BenchOptions = {}): Promise<WebAssembly.Module> {
  const port = ["hooks", "cpu", "world", "concurrent"].map((unit) => `${PORT_PREFIX}${unit}.c`);
  const { wasm } = await compileWasm({
    sources: runtime.files,
    units: [...runtime.core, ...runtime.replay, ...port],
    includes: runtime.includes,
    defines: { STP_LOCK_SPINS_MAX: String(CONCURRENT_LOCK_SPINS_MAX), STP_LOCK_SPINS_NMI_MAX: String(CONCURRENT_LOCK_SPINS_NMI_MAX), STP_REPLAY_OVERWRITING_CPU: String(NO_CPU) },
    exports: EXPORTS,
    instrument: true,
    uninstrumented: [PORT_PREFIX, ...UNREACHED],
    ...(report ? { report } : {}),
  });
  return WebAssembly.compile(wasm as BufferSource);
}

export class Bench {
  readonly machine: Machine;
  readonly watch = new Watch({ cpus: REPLAY_CONFIG.cpus });
  /** Of a run, with its setup and the session's init. Read it before anything else is asked for: that is counted, too. */
  readonly coverage: Coverage;
  readonly #fresh: Snapshot;
  readonly #run: number;
  readonly #enter: WasmFunction;
  readonly #setUp: WasmFunction;
  readonly #digest: WasmFunction;

  /** Throws if the session cannot begin: then the runtime is broken. */
  static async create(module: WebAssembly.Module): Promise<Bench> {
    return new Bench(await createMachine(module));
  }

  constructor(machine: Machine) {
    const { instance } = machine;
    this.machine = machine;
    this.#run = instance.address("stp_sim_run");
    this.#enter = instance.func("stp_sim_concurrent_run");
    this.#setUp = instance.func("stp_sim_concurrent_set_up");
    this.#digest = instance.func("stp_sim_concurrent_digest");
    const limits = instance.address("stp_sim_run_limits") / 4;
    const expected = [CONTEXTS_MAX, CONTEXT_OPERATIONS_MAX, OUTPUTS_MAX, STEPS_MAX, PROGRAM_BYTES_MAX, AT.size];
    if (expected.some((limit, index) => instance.words[limits + index] !== limit)) throw new Error("properties/concurrent/bench.ts and runtime-c/port/wasm32/concurrent.c do not have the same layout");
    const error = Number(instance.func("stp_sim_concurrent_init")());
    if (error !== 0) throw new Error(`The C refuses a replay session (${error})`);
    machine.reserve(RESERVED_CONTEXTS);
    machine.watch(this.watch);
    this.coverage = new Coverage(instance);
    this.#fresh = takeSnapshot(machine);
  }

  /** Each run of it begins after the program's setup. */
  course(program: ConcurrentProgram): Course {
    const encoded = encodeProgram(program);
    return { machine: this.machine, watch: this.watch, prepare: () => this.#prepare(program, encoded) };
  }

  /** What the run that has just ended has shown. */
  observe(program: ConcurrentProgram): Observation {
    return { made: program.contexts.map((_, context) => this.#made(program, context)), dump: this.dump() };
  }

  /** Differs where what a run has shown differs. */
  digest(): bigint {
    return this.#digest() as bigint;
  }

  dump(): Uint8Array {
    const { instance } = this.machine;
    const size = Number(instance.func("stp_sim_concurrent_dump")());
    const at = Number(instance.func("stp_sim_concurrent_dumped")());
    return instance.bytes.slice(at, at + size);
  }

  /**
   * Begins a session in which the n-th allocation fails (from 1), and gives what is wrong with the outcome; "none" if
   * there are fewer allocations. No run may come after it.
   */
  failAllocation(n: number): string | undefined {
    const { instance } = this.machine;
    instance.func("stp_sim_concurrent_fini")();
    const before = MemoryDetector.allocated(instance);
    if (before !== 0) return `${before} bytes are still allocated after a session has ended`;
    instance.func("stp_sim_fail_alloc")(n);
    const result = Number(instance.func("stp_sim_concurrent_init")());
    instance.func("stp_sim_fail_alloc")(0);
    if (result === 0) return "none";
    const left = MemoryDetector.allocated(instance);
    if (result !== -ERRORS.ENOMEM.code) return `allocation ${n} fails, and the session's init returns ${result}, not ENOMEM`;
    return left === 0 ? undefined : `allocation ${n} fails, and after init ${left} bytes are still allocated`;
  }

  #prepare(program: ConcurrentProgram, encoded: EncodedProgram): readonly SimContext[] {
    const { machine } = this;
    restoreSnapshot(machine, this.#fresh);
    const { bytes, words } = machine.instance;
    const at = this.#run / 4;
    bytes.set(encoded.bytes, this.#run + AT.program);
    encoded.ends.forEach((end, context) => {
      words[at + AT.begin / 4 + context] = context === 0 ? encoded.setupEnd : encoded.ends[context - 1]!;
      words[at + AT.end / 4 + context] = end;
    });
    for (const { context, operation, step_ns } of program.clock) {
      const index = program.contexts.findIndex(({ name }) => name === context);
      words[at + AT.clock / 4 + index * CONTEXT_OPERATIONS_MAX + operation] = step_ns;
    }
    this.#setUp(0, encoded.setupEnd);
    machine.reset();
    return program.contexts.map(({ name, level, cpu }, index) => machine.spawn({ name, level, cpu, call: () => this.#enter(index) }));
  }

  #made(program: ConcurrentProgram, context: number): MadeOperation[] {
    const { data, bytes } = this.machine.instance;
    return program.contexts[context]!.operations.flatMap((op, index) => {
      const at = this.#run + AT.made + MADE_BYTES * (context * CONTEXT_OPERATIONS_MAX + index);
      const [begin, end] = [data.getUint32(at, true), data.getUint32(at + 4, true)];
      if (begin === 0) return [];
      const outputs = this.#run + AT.outputs + 8 * data.getUint32(at + 16, true);
      const steps = this.#steps(begin, end, this.#run + AT.steps + 8 * (context * STEPS_MAX + data.getUint32(at + 24, true)), data.getUint32(at + 28, true));
      return [{ context, index, op, begin, end, steps, result: data.getBigInt64(at + 8, true), outputs: bytes.slice(outputs, outputs + 8 * data.getUint32(at + 20, true)) }];
    });
  }

  #steps(begin: number, end: number, at: number, count: number): Span[] {
    const { data } = this.machine.instance;
    const between = Array.from({ length: count }, (_, i) => ({ end: data.getUint32(at + 8 * i, true), begin: data.getUint32(at + 8 * i + 4, true) }));
    return [...between, undefined].map((next, i) => ({ begin: between[i - 1]?.begin ?? begin, end: next?.end ?? end }));
  }
}

interface EncodedProgram {
  readonly bytes: Uint8Array;
  readonly setupEnd: number;
  /** By context. */
  readonly ends: readonly number[];
}

function encodeProgram({ setup, contexts }: ConcurrentProgram): EncodedProgram {
  const parts = [setup, ...contexts.map(({ operations }) => operations)];
  const size = sizeOfParts(parts);
  if (size > PROGRAM_BYTES_MAX) throw new Error(`A concurrent program of ${size} bytes does not fit; it has at most ${PROGRAM_BYTES_MAX}`);
  const bytes = new Uint8Array(size);
  const ends: number[] = [];
  let at = 0;
  for (const part of parts) {
    for (const op of part) {
      bytes.set(encodedOperation(op), at);
      at += encodedOperation(op).length;
    }
    ends.push(at);
  }
  return { bytes, setupEnd: ends[0]!, ends: ends.slice(1) };
}

function sizeOfParts(parts: readonly (readonly Operation[])[]): number {
  return parts.flat().reduce((sum, op) => sum + encodedOperation(op).length, 0);
}

/** Whether the machine has room for its operations; check.ts does not know their size. */
export function fits({ setup, contexts }: ConcurrentProgram): boolean {
  return sizeOfParts([setup, ...contexts.map(({ operations }) => operations)]) <= PROGRAM_BYTES_MAX;
}
