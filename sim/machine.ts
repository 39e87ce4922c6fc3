/**
 * The machine: contexts on virtual CPUs inside one instrumented wasm instance, stopped and resumed at any access.
 *
 * It is pure: no clock, randomness, environment or file. It never chooses what runs next (schedule.ts does), and it
 * refuses what a real CPU could not do: interrupts nest, they do not switch.
 * Siblings: runtime-c/port/wasm32/hooks.c counts the accesses; snapshot.ts saves and restores all this.
 */
import { CONTEXTS, LIMITS, type Context } from "../spec/protocol.ts";
import { ACCESS_KINDS, STATE_WORDS, type Access } from "./access.ts";
import { readSite, type Site } from "./sites.ts";
import { instantiate, type WasmFunction, type WasmImports, type WasmInstance, type WasmValue } from "./wasi.ts";

/** Shadow stack of a context, in bytes: a kernel stack. */
export const CONTEXT_STACK_BYTES = 16_384;
/** What asyncify may need to unwind a context, in bytes; a deeper call chain traps. */
export const CONTEXT_UNWIND_BYTES = 8_192;
/** Accesses that one step may make before it is called exhausted. */
export const STEP_ACCESSES_MAX = 1_000_000;

const FUEL_OFF = 0xffff_ffff;
const STACK_CANARY = 0x5370_5374;

export interface ContextSpec {
  /** Unique among the contexts of a run; schedule.ts wants `T0`, `I1`, … */
  readonly name: string;
  readonly cpu: number;
  readonly level: Context;
  /** Calls one wasm export, and does nothing else: it is called again at every resumption. */
  readonly call: () => WasmValue;
}

/** Why a context may not run now. */
export type Obstacle =
  | "ended" // it has nothing left to run
  | "interrupted" // a higher level has begun on its CPU and has not ended
  | "same-level" // a context of its own interrupt level has begun on its CPU
  | "irq-off" // it would interrupt a section that runs with interrupts off
  | "preempt-off" // another task of its CPU is in a section that may not be switched away from
  | "behind"; // it is already past the access that the step names

export type StepResult =
  | { readonly state: "stopped" } // before the access that was asked for; see context.access
  | { readonly state: "ended" } // maybe before the access that was asked for
  | { readonly state: "spinning" } // it called cpu_relax(): only another context can help
  | { readonly state: "exhausted" } // it made accesses_max accesses
  | { readonly state: "trapped"; readonly cause: unknown } // wasm trap: it will never run again
  | { readonly state: "illegal"; readonly obstacle: Obstacle }; // nothing has run

/** A coroutine on a virtual CPU. Made by `Machine.spawn`; read-only for everyone else. */
export interface SimContext {
  readonly name: string;
  readonly cpu: number;
  readonly level: Context;
  readonly state: "ready" | "suspended" | "ended" | "trapped";
  /** Accesses that it has reached: the last of them is made unless it is stopped there. */
  readonly accesses: number;
  /** What its export returned; undefined until it ends. */
  readonly result: WasmValue;
  /** The access before which it is stopped. */
  readonly access: Access | undefined;
}

interface Slot {
  readonly stackBase: number;
  readonly unwindBase: number;
}

interface LiveContext extends SimContext {
  readonly rank: number;
  readonly slot: Slot;
  state: SimContext["state"];
  accesses: number;
  result: WasmValue;
  access: Access | undefined;
  entry: () => WasmValue;
  stackPointer: number;
}

/** Everything of the machine that is not in linear memory. */
export interface MachineState {
  readonly contexts: readonly Readonly<LiveContext>[];
  readonly originals: readonly LiveContext[];
  readonly freeSlots: readonly Slot[];
  readonly tasks: readonly (LiveContext | undefined)[];
}

const STOPPED = { state: "stopped" } as const;
const ENDED = { state: "ended" } as const;
const SPINNING = { state: "spinning" } as const;
const EXHAUSTED = { state: "exhausted" } as const;

/** Instantiates an instrumented module (compile.ts) with the machine in charge of it. */
export async function createMachine(wasm: Uint8Array | WebAssembly.Module, imports: WasmImports = {}): Promise<Machine> {
  let onYield = (): void => {
    throw new Error("The module reached a stop outside of any context");
  };
  const instance = await instantiate(wasm, { ...imports, env: { ...imports["env"], yield: () => onYield() } });
  return new Machine(instance, (handler) => (onYield = handler));
}

export class Machine {
  readonly instance: WasmInstance;
  readonly #stackPointer: WebAssembly.Global;
  readonly #mainStackPointer: number;
  /** Word index of `stp_sim`. */
  readonly #hooks: number;
  readonly #startUnwind: WasmFunction;
  readonly #stopUnwind: WasmFunction;
  readonly #startRewind: WasmFunction;
  readonly #stopRewind: WasmFunction;
  readonly #settle: () => WasmValue;
  readonly #setCpu: WasmFunction;
  readonly #setLevel: WasmFunction;
  readonly #irqOff: WasmFunction;
  readonly #preemptOff: WasmFunction | undefined;

  readonly #contexts: LiveContext[] = [];
  readonly #freeSlots: Slot[] = [];
  /** The task that each CPU last ran; as long as the highest of those CPUs. */
  readonly #tasks: (LiveContext | undefined)[] = [];
  #running: LiveContext | undefined;
  #unwinding = false;
  #rewinding = false;

  constructor(instance: WasmInstance, setYieldHandler: (handler: () => void) => void) {
    const stackPointer = instance.exports["__stack_pointer"];
    if (!(stackPointer instanceof WebAssembly.Global)) throw new Error("The wasm module exports no __stack_pointer");
    this.instance = instance;
    this.#stackPointer = stackPointer;
    this.#mainStackPointer = Number(stackPointer.value);
    this.#hooks = instance.address("stp_sim") / 4;
    this.#startUnwind = instance.func("asyncify_start_unwind");
    this.#stopUnwind = instance.func("asyncify_stop_unwind");
    this.#startRewind = instance.func("asyncify_start_rewind");
    this.#stopRewind = instance.func("asyncify_stop_rewind");
    this.#settle = instance.func("stp_sim_settle");
    this.#setCpu = instance.func("stp_sim_set_cpu");
    this.#setLevel = instance.func("stp_sim_set_level");
    this.#irqOff = instance.func("stp_sim_irq_off");
    this.#preemptOff = instance.funcIfAny("stp_sim_preempt_off");
    setYieldHandler(() => this.#onYield());
  }

  /**
   * Takes memory for so many contexts at once now. Before a snapshot that is restored often: what is allocated after
   * it is forgotten by C but not by wasm, so that memory would grow with every run.
   */
  reserve(contexts: number): void {
    while (this.#freeSlots.length < contexts) this.#freeSlots.push(this.#allocateSlot());
  }

  /** Adds a context that has not begun. */
  spawn(spec: ContextSpec): SimContext {
    if (!(spec.cpu >= 0 && spec.cpu < LIMITS.CPUS_MAX.value)) throw new Error(`${spec.name} is on CPU ${spec.cpu}, which does not exist`);
    const slot = this.#freeSlots.pop() ?? this.#allocateSlot();
    const words = this.instance.words;
    words[slot.unwindBase / 4] = slot.unwindBase + 8;
    words[slot.unwindBase / 4 + 1] = slot.unwindBase + CONTEXT_UNWIND_BYTES;
    words[slot.stackBase / 4] = STACK_CANARY;
    const context: LiveContext = {
      name: spec.name,
      cpu: spec.cpu,
      level: spec.level,
      rank: CONTEXTS.indexOf(spec.level),
      slot,
      state: "ready",
      accesses: 0,
      result: undefined,
      access: undefined,
      entry: spec.call,
      stackPointer: slot.stackBase + CONTEXT_STACK_BYTES,
    };
    this.#contexts.push(context);
    return context;
  }

  /**
   * Runs a context until its `until`-th access (counted from its start) is about to happen, or to its end.
   * At most `accesses_max` accesses; a context that stopped early for that, or spins, may be stepped again.
   */
  step(context: SimContext, until: number | "end", accesses_max = STEP_ACCESSES_MAX): StepResult {
    const live = this.#own(context);
    const obstacle = this.obstacle(context) ?? (until !== "end" && until < live.accesses ? "behind" : undefined);
    if (obstacle) return { state: "illegal", obstacle };
    if (until === live.accesses && live.state === "suspended") return STOPPED;
    const granted = until === "end" ? accesses_max : Math.min(until - live.accesses, accesses_max);
    if (granted < 1 || granted > 0x7fff_ffff) throw new Error(`Cannot run ${live.name} for ${granted} accesses`);
    return this.#run(live, granted, until);
  }

  /** Why a context may not run now, or undefined if it may. */
  obstacle(context: SimContext): Obstacle | undefined {
    const live = this.#own(context);
    if (live.state === "ended" || live.state === "trapped") return "ended";
    for (const other of this.#contexts) {
      if (other === live || other.cpu !== live.cpu || other.state !== "suspended") continue;
      if (other.rank > live.rank) return "interrupted";
      if (other.rank === live.rank && live.level !== "task") return "same-level";
    }
    if (live.level === "task") return this.#taskObstacle(live);
    if (live.state === "ready" && live.level !== "nmi" && this.#irqOff(live.cpu) !== 0) return "irq-off";
    return undefined;
  }

  /** Plain writes, and atomics that changed memory, so far; modulo 2^32. A spinner waits for one of these. */
  get writes(): number {
    return this.instance.words[this.#hooks + STATE_WORDS.writes]!;
  }

  /** Source line of the access before which a context is stopped, if its unit was instrumented. */
  site(context: SimContext): Site | undefined {
    return context.access && readSite(this.instance, context.access.site);
  }

  /** Forgets all contexts, wherever they are. C state is the caller's to reset. */
  reset(): void {
    for (const context of this.#contexts) this.#freeSlots.push(context.slot); // an ended one is not among them
    while (this.#contexts.pop());
    this.#tasks.fill(undefined);
  }

  /** For snapshot.ts: what linear memory does not hold. */
  saveState(): MachineState {
    return {
      contexts: this.#contexts.map((context) => ({ ...context })),
      originals: [...this.#contexts],
      freeSlots: [...this.#freeSlots],
      tasks: [...this.#tasks],
    };
  }

  /** For snapshot.ts: contexts keep their identity; those spawned since are forgotten. */
  restoreState(state: MachineState): void {
    state.originals.forEach((context, index) => Object.assign(context, state.contexts[index]));
    this.#contexts.splice(0, Infinity, ...state.originals);
    this.#freeSlots.splice(0, Infinity, ...state.freeSlots);
    this.#tasks.splice(0, Infinity, ...state.tasks);
  }

  #taskObstacle(task: LiveContext): Obstacle | undefined {
    const current = this.#tasks[task.cpu];
    if (!current || current === task || current.state !== "suspended") return undefined;
    const pinned = this.#irqOff(task.cpu) !== 0 || (this.#preemptOff?.(task.cpu) ?? 0) !== 0;
    return pinned ? "preempt-off" : undefined;
  }

  #run(context: LiveContext, granted: number, until: number | "end"): StepResult {
    this.#setCpu(context.cpu);
    this.#setLevel(context.rank);
    if (context.rank === 0) this.#tasks[context.cpu] = context;
    this.instance.words[this.#hooks + STATE_WORDS.fuel] = granted;
    this.#stackPointer.value = context.stackPointer;
    this.#running = context;
    this.#unwinding = false;
    if (context.state === "suspended") {
      this.#rewinding = true;
      this.#startRewind(context.slot.unwindBase);
    }
    let failure: { readonly cause: unknown } | undefined;
    try {
      this.#enter(context);
    } catch (cause) {
      failure = { cause };
    }
    failure = this.#leave(context, granted) ?? failure;
    if (this.#unwinding) this.#stopUnwind();
    if (failure) return this.#trap(context, failure.cause);
    return this.#unwinding ? this.#suspend(context, until) : this.#end(context);
  }

  #enter(context: LiveContext): void {
    const result = context.entry();
    if (this.#unwinding) return;
    if (context.entry !== this.#settle) context.result = result;
    if (this.instance.words[this.#hooks + STATE_WORDS.half] === 0) return;
    // Its last access is only half done (hooks.c), and there is no next hook to finish it.
    context.entry = this.#settle;
    context.entry();
  }

  /** Back to the host; tells whether the context has damaged its surroundings. */
  #leave(context: LiveContext, granted: number): { readonly cause: unknown } | undefined {
    const words = this.instance.words;
    context.accesses += granted - words[this.#hooks + STATE_WORDS.fuel]!;
    words[this.#hooks + STATE_WORDS.fuel] = FUEL_OFF;
    context.stackPointer = Number(this.#stackPointer.value);
    this.#stackPointer.value = this.#mainStackPointer;
    this.#running = undefined;
    this.#rewinding = false;
    if (words[context.slot.stackBase / 4] === STACK_CANARY && context.stackPointer > context.slot.stackBase) return undefined;
    return { cause: new Error(`it overran its stack of ${CONTEXT_STACK_BYTES} bytes`) };
  }

  #trap(context: LiveContext, cause: unknown): StepResult {
    context.state = "trapped";
    context.access = undefined;
    this.instance.words[this.#hooks + STATE_WORDS.half] = 0;
    return { state: "trapped", cause };
  }

  #suspend(context: LiveContext, until: number | "end"): StepResult {
    context.state = "suspended";
    context.access = this.#readAccess();
    if (context.access.kind === ACCESS_KINDS.RELAX) return SPINNING;
    return context.accesses === until ? STOPPED : EXHAUSTED;
  }

  #end(context: LiveContext): StepResult {
    context.state = "ended";
    context.access = undefined;
    this.#freeSlots.push(context.slot);
    this.#contexts.splice(this.#contexts.indexOf(context), 1);
    return ENDED;
  }

  #readAccess(): Access {
    const words = this.instance.words;
    const at = this.#hooks;
    return {
      kind: words[at + STATE_WORDS.kind]!,
      address: words[at + STATE_WORDS.address]!,
      size: words[at + STATE_WORDS.size]!,
      order: words[at + STATE_WORDS.order]!,
      site: words[at + STATE_WORDS.site]!,
    };
  }

  #onYield(): void {
    if (this.#rewinding) {
      this.#rewinding = false;
      this.#stopRewind();
      return;
    }
    if (!this.#running) throw new Error("The module reached a stop outside of any context");
    this.#unwinding = true;
    this.#startUnwind(this.#running.slot.unwindBase);
  }

  #allocateSlot(): Slot {
    // The stack grows down towards its own unwind buffer: an overrun hits nobody else first.
    const unwindBase = Number(this.instance.func("stp_sim_alloc")(CONTEXT_UNWIND_BYTES + CONTEXT_STACK_BYTES));
    if (unwindBase === 0) throw new Error("The module has no memory left for another context");
    return { unwindBase, stackBase: unwindBase + CONTEXT_UNWIND_BYTES };
  }

  #own(context: SimContext): LiveContext {
    return context as LiveContext; // only spawn makes them
  }
}
