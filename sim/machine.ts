/**
 * The machine: contexts on virtual CPUs inside one instrumented wasm instance, stopped and resumed at any access.
 *
 * It is pure: no clock, randomness, environment or file. It never chooses what runs next (schedule.ts does), and it
 * refuses what a real CPU could not do: interrupts nest, they do not switch.
 * Siblings: runtime-c/port/wasm32/hooks.c counts the accesses; snapshot.ts saves and restores all this.
 */
import { CONTEXTS, LIMITS, type Context } from "../spec/protocol.ts";
import { ACCESS_KINDS, NOTE_SIZE, STATE_WORDS, type Access } from "./access.ts";
import type { Finding, FindingKind, Observer, Side } from "./watch/finding.ts";
import { readSite, type Site } from "./sites.ts";
import { instantiate, type WasmFunction, type WasmImports, type WasmInstance, type WasmValue } from "./wasi.ts";

/** Shadow stack of a context, in bytes: a kernel stack. */
export const CONTEXT_STACK_BYTES = 16_384;
/** What asyncify may need to unwind a context, in bytes; a deeper call chain traps. */
export const CONTEXT_UNWIND_BYTES = 8_192;
/** Accesses that one step may make before it is called exhausted. */
export const STEP_ACCESSES_MAX = 1_000_000;
/** Rounds of loops in one step, before the context is said to be in an endless one. */
export const STEP_LOOPS_MAX = 1_000_000;

const FUEL_OFF = 0xffff_ffff;
const STACK_CANARY = 0x5370_5374;

export interface ContextSpec {
  /** Unique among the contexts of a run; schedule.ts wants `T0`, `I1`, … */
  readonly name: string;
  readonly cpu: number;
  readonly level: Context;
  /** Calls one wasm export, and does nothing else: it is called again at every resumption. */
  readonly call: () => WasmValue;
  /** Whether a task may be moved to another CPU while it is preempted. */
  readonly migrates?: boolean;
  /** A timer: it begins when so much virtual time has passed, not before. */
  readonly due_ns?: number;
  /** Calls and rounds of loops of the author's code (sites.ts) that it may make. */
  readonly actions_max?: number;
}

/** Why a context may not run now. */
export type Obstacle =
  | "ended" // it has nothing left to run
  | "interrupted" // a higher level has begun on its CPU and has not ended
  | "same-level" // a context of its own interrupt level has begun on its CPU
  | "irq-off" // it would interrupt a section that runs with interrupts off
  | "preempt-off" // another task of its CPU is in a section that may not be switched away from
  | "not-due" // its timer has not expired
  | "pinned" // it may not be moved to another CPU now
  | "behind"; // it is already past the access that the step names

export type StepResult =
  | { readonly state: "stopped" } // before the access that was asked for; see context.access
  | { readonly state: "ended" } // maybe before the access that was asked for
  | { readonly state: "spinning" } // it called cpu_relax(): only another context can help
  | { readonly state: "exhausted"; readonly side: Side } // it made accesses_max accesses, or STEP_LOOPS_MAX rounds of loops
  | { readonly state: "broken"; readonly finding: Finding } // it broke a rule: it will never run again
  | { readonly state: "trapped"; readonly cause: unknown; readonly side: Side } // wasm trap: it will never run again
  | { readonly state: "illegal"; readonly obstacle: Obstacle }; // nothing has run

/** A coroutine on a virtual CPU. Made by `Machine.spawn`; read-only for everyone else. */
export interface SimContext {
  readonly name: string;
  readonly cpu: number;
  readonly level: Context;
  readonly migrates: boolean;
  readonly due_ns: number;
  readonly state: "ready" | "suspended" | "ended" | "trapped";
  /** Accesses that it has reached: the last of them is made unless it is stopped there. */
  readonly accesses: number;
  /** What its export returned; undefined until it ends. */
  readonly result: WasmValue;
  /** The access before which it is stopped. */
  readonly access: Access | undefined;
  /** Site of the author's line that called last. */
  readonly caller: number;
  /** Most of its stack that was in use at an event, in bytes; only while an observer watches. */
  readonly stack_bytes: number;
  /** Actions that it may still make, if they are limited. */
  readonly actions_left: number;
}

interface Slot {
  readonly stackBase: number;
  readonly unwindBase: number;
}

interface LiveContext extends SimContext {
  readonly rank: number;
  readonly slot: Slot;
  cpu: number;
  state: SimContext["state"];
  accesses: number;
  result: WasmValue;
  access: Access | undefined;
  entry: () => WasmValue;
  stackPointer: number;
  stack_bytes: number;
  /** Site of the author's line that called last. */
  caller: number;
  actions_left: number;
  /** Its actions have a limit. */
  limited: boolean;
  /** What its CPU was like when it began: it has to leave it so. */
  irqOff: number;
  preemptOff: number;
}

/** Everything of the machine that is not in linear memory. */
export interface MachineState {
  readonly contexts: readonly Readonly<LiveContext>[];
  readonly originals: readonly LiveContext[];
  readonly freeSlots: readonly Slot[];
  readonly tasks: readonly (LiveContext | undefined)[];
  readonly observer: Observer | undefined;
  readonly observed: unknown;
}

/** `enum stp_sim_violation`. */
const VIOLATIONS = ["assertion", "context", "memory", "budget"] as const satisfies readonly FindingKind[];

const STOPPED = { state: "stopped" } as const;
const ENDED = { state: "ended" } as const;
const SPINNING = { state: "spinning" } as const;

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
  /** Word index of `stp_sim_notes`. */
  readonly #notes: number;
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
  #observer: Observer | undefined;
  #unwinding = false;
  #rewinding = false;

  constructor(instance: WasmInstance, setYieldHandler: (handler: () => void) => void) {
    const stackPointer = instance.exports["__stack_pointer"];
    if (!(stackPointer instanceof WebAssembly.Global)) throw new Error("The wasm module exports no __stack_pointer");
    this.instance = instance;
    this.#stackPointer = stackPointer;
    this.#mainStackPointer = Number(stackPointer.value);
    this.#hooks = instance.address("stp_sim") / 4;
    this.#notes = instance.address("stp_sim_notes") / 4;
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

  /** Has every event of every context told to an observer, or to nobody any more. */
  watch(observer: Observer | undefined): void {
    this.#observer = observer;
    this.instance.words[this.#hooks + STATE_WORDS.noting] = observer ? 1 : 0;
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
      migrates: spec.migrates === true && spec.level === "task",
      due_ns: spec.due_ns ?? 0,
      rank: CONTEXTS.indexOf(spec.level),
      slot,
      state: "ready",
      accesses: 0,
      result: undefined,
      access: undefined,
      entry: spec.call,
      stackPointer: slot.stackBase + CONTEXT_STACK_BYTES,
      stack_bytes: 0,
      caller: 0,
      actions_left: spec.actions_max ?? 0,
      limited: spec.actions_max !== undefined,
      irqOff: 0,
      preemptOff: 0,
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

  /** Why a context may not run now, or undefined if it may; on its CPU, or if it were on that one. */
  obstacle(context: SimContext, cpu = context.cpu): Obstacle | undefined {
    const live = this.#own(context);
    if (live.state === "ended" || live.state === "trapped") return "ended";
    for (const other of this.#contexts) {
      if (other === live || other.cpu !== cpu || other.state !== "suspended") continue;
      if (other.rank > live.rank) return "interrupted";
      if (other.rank === live.rank && live.level !== "task") return "same-level";
    }
    if (live.state === "ready" && live.due_ns > this.elapsed_ns) return "not-due";
    if (live.level === "task") return this.#taskObstacle(live, cpu);
    if (live.state === "ready" && live.level !== "nmi" && this.#irqOff(cpu) !== 0) return "irq-off";
    return undefined;
  }

  /** Plain writes, and atomics that changed memory, so far; modulo 2^32. A spinner waits for one of these. */
  get writes(): number {
    return this.instance.words[this.#hooks + STATE_WORDS.writes]!;
  }

  /** Virtual time since the snapshot or the instance began: an event takes one nanosecond. */
  get elapsed_ns(): number {
    return this.instance.words[this.#hooks + STATE_WORDS.elapsed]!;
  }

  /** Lets time pass while nothing runs. */
  idleUntil(elapsed_ns: number): void {
    const at = this.#hooks + STATE_WORDS.elapsed;
    if (elapsed_ns > this.instance.words[at]!) this.instance.words[at] = elapsed_ns;
  }

  /** Why a task may not be moved to that CPU now, or undefined if it may, or is there. */
  pinned(context: SimContext, cpu: number): Obstacle | undefined {
    const live = this.#own(context);
    if (cpu === live.cpu) return undefined;
    if (live.state === "ended" || live.state === "trapped") return "ended";
    if (!live.migrates || !(cpu >= 0 && cpu < LIMITS.CPUS_MAX.value)) return "pinned";
    if (this.#tasks[live.cpu] !== live) return undefined; // it waits for its CPU, whatever goes on there
    if (this.#irqOff(live.cpu) !== 0 || (this.#preemptOff?.(live.cpu) ?? 0) !== 0) return "pinned";
    for (const other of this.#contexts) if (other.cpu === live.cpu && other.state === "suspended" && other.rank > 0) return "interrupted";
    return undefined;
  }

  /** Moves a preempted task to another CPU. Why it cannot be, or undefined. */
  migrate(context: SimContext, cpu: number): Obstacle | undefined {
    const live = this.#own(context);
    const obstacle = this.pinned(context, cpu);
    if (obstacle || cpu === live.cpu) return obstacle;
    this.#observer?.migrated(live, cpu);
    if (this.#tasks[live.cpu] === live) this.#tasks[live.cpu] = undefined;
    live.cpu = cpu;
    return undefined;
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
    this.instance.words[this.#hooks + STATE_WORDS.elapsed] = 0;
    this.#observer?.begin(this.instance);
  }

  /** For snapshot.ts: what linear memory does not hold. */
  saveState(): MachineState {
    return {
      contexts: this.#contexts.map((context) => ({ ...context })),
      originals: [...this.#contexts],
      freeSlots: [...this.#freeSlots],
      tasks: [...this.#tasks],
      observer: this.#observer,
      observed: this.#observer?.save(),
    };
  }

  /** For snapshot.ts: contexts keep their identity; those spawned since are forgotten. */
  restoreState(state: MachineState): void {
    state.originals.forEach((context, index) => Object.assign(context, state.contexts[index]));
    this.#contexts.splice(0, Infinity, ...state.originals);
    this.#freeSlots.splice(0, Infinity, ...state.freeSlots);
    this.#tasks.splice(0, Infinity, ...state.tasks);
    this.#observer = state.observer;
    this.#observer?.restore(state.observed);
  }

  #taskObstacle(task: LiveContext, cpu: number): Obstacle | undefined {
    const current = this.#tasks[cpu];
    if (!current || current === task || current.state !== "suspended") return undefined;
    const pinned = this.#irqOff(cpu) !== 0 || (this.#preemptOff?.(cpu) ?? 0) !== 0;
    return pinned ? "preempt-off" : undefined;
  }

  #run(context: LiveContext, granted: number, until: number | "end"): StepResult {
    if (context.state === "ready") this.#begin(context);
    for (let left = granted; ; ) {
      const before = context.accesses;
      const failure = this.#resume(context, left);
      left -= context.accesses - before;
      const finding = this.#observer && this.#drain(context, this.#observer);
      if (finding) return this.#break(context, finding);
      if (failure) return this.#trap(context, failure.cause);
      if (!this.#unwinding) return this.#end(context);
      const kind = this.instance.words[this.#hooks + STATE_WORDS.kind]!;
      if (kind !== ACCESS_KINDS.DRAIN) return this.#suspend(context, kind, until);
      context.state = "suspended";
    }
  }

  #begin(context: LiveContext): void {
    context.irqOff = Number(this.#irqOff(context.cpu));
    context.preemptOff = Number(this.#preemptOff?.(context.cpu) ?? 0);
    this.#observer?.begun(context);
  }

  /** Runs until the next stop of any kind, or the end. */
  #resume(context: LiveContext, granted: number): { readonly cause: unknown } | undefined {
    this.#setCpu(context.cpu);
    this.#setLevel(context.rank);
    if (context.rank === 0) this.#tasks[context.cpu] = context;
    const words = this.instance.words;
    const at = this.#hooks;
    words[at + STATE_WORDS.fuel] = words[at + STATE_WORDS.granted] = granted;
    words[at + STATE_WORDS.loops] = STEP_LOOPS_MAX;
    words[at + STATE_WORDS.caller] = context.caller;
    words[at + STATE_WORDS.actions] = context.limited ? context.actions_left + 1 : 0;
    words[at + STATE_WORDS.stackLow] = context.slot.stackBase;
    words[at + STATE_WORDS.stackSize] = CONTEXT_STACK_BYTES;
    words[at + STATE_WORDS.stackDeepest] = context.stackPointer;
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
    return failure;
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
    const at = this.#hooks;
    const made = granted - words[at + STATE_WORDS.fuel]!;
    context.accesses += made;
    words[at + STATE_WORDS.elapsed]! += made;
    words[at + STATE_WORDS.fuel] = FUEL_OFF;
    words[at + STATE_WORDS.stackSize] = 0;
    context.caller = words[at + STATE_WORDS.caller]!;
    if (context.limited) context.actions_left = words[at + STATE_WORDS.actions]! - 1;
    const depth = context.slot.stackBase + CONTEXT_STACK_BYTES - words[at + STATE_WORDS.stackDeepest]!;
    if (depth > context.stack_bytes) context.stack_bytes = depth;
    context.stackPointer = Number(this.#stackPointer.value);
    this.#stackPointer.value = this.#mainStackPointer;
    this.#running = undefined;
    this.#rewinding = false;
    if (words[context.slot.stackBase / 4] === STACK_CANARY && context.stackPointer > context.slot.stackBase) return undefined;
    return { cause: new Error(`it overran its stack of ${CONTEXT_STACK_BYTES} bytes`) };
  }

  /** Tells the observer all that was noted; the first finding counts. */
  #drain(context: LiveContext, observer: Observer): Finding | undefined {
    const words = this.instance.words;
    const count = words[this.#hooks + STATE_WORDS.noted]!;
    words[this.#hooks + STATE_WORDS.noted] = 0;
    for (let i = 0; i < count; i++) {
      const finding = observer.note(context, words, this.#notes + i * NOTE_SIZE);
      if (finding) return finding;
    }
    return undefined;
  }

  #trap(context: LiveContext, cause: unknown): StepResult {
    this.#abandon(context);
    return { state: "trapped", cause, side: this.#here(context, "traps") };
  }

  #break(context: LiveContext, finding: Finding): StepResult {
    this.#abandon(context);
    return { state: "broken", finding };
  }

  #abandon(context: LiveContext): void {
    context.state = "trapped";
    context.access = undefined;
    this.instance.words[this.#hooks + STATE_WORDS.half] = 0;
  }

  #suspend(context: LiveContext, kind: number, until: number | "end"): StepResult {
    context.state = "suspended";
    if (kind === ACCESS_KINDS.VIOLATION) return this.#break(context, this.#violation(context));
    context.access = this.#readAccess();
    if (kind === ACCESS_KINDS.RELAX) return SPINNING;
    return context.accesses === until ? STOPPED : { state: "exhausted", side: this.#here(context, "does not end") };
  }

  /** What C itself objected to. */
  #violation(context: LiveContext): Finding {
    const { address, order } = this.#readAccess();
    return { kind: VIOLATIONS[order]!, detail: `${context.name} ${this.instance.string(address)}`, sides: [this.#here(context, "breaks the rule")] };
  }

  /** Where a context is that has just been left. */
  #here(context: LiveContext, what: string): Side {
    return { context: context.name, cpu: context.cpu, site: this.instance.words[this.#hooks + STATE_WORDS.site]!, caller: context.caller, what };
  }

  #end(context: LiveContext): StepResult {
    context.state = "ended";
    context.access = undefined;
    this.#freeSlots.push(context.slot);
    this.#contexts.splice(this.#contexts.indexOf(context), 1);
    const finding = this.#leftBehind(context) ?? this.#observer?.ended(context);
    return finding ? { state: "broken", finding } : ENDED;
  }

  /** A context has to leave its CPU as it found it. */
  #leftBehind(context: LiveContext): Finding | undefined {
    const left = Number(this.#irqOff(context.cpu)) !== context.irqOff ? "interrupts off" : Number(this.#preemptOff?.(context.cpu) ?? 0) !== context.preemptOff ? "preemption off" : undefined;
    if (left === undefined) return undefined;
    return { kind: "context", detail: `${context.name} ended and left ${left} on CPU ${context.cpu}`, sides: [this.#here(context, `ends with ${left}`)] };
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
