/**
 * One run: contexts taken step by step, by a schedule or by an explorer that decides as it goes.
 *
 * It keeps the steps, so that every run has a schedule that replays it, and it never chooses but in one case: when all
 * that may run spin, each is tried in turn until one goes on or it is a deadlock.
 * Siblings: schedule.ts has the strings; machine.ts runs; watch/ observes; explore/ decides.
 */
import { ACCESS_KINDS } from "./access.ts";
import type { Machine, Obstacle, SimContext, StepResult } from "./machine.ts";
import { parseSchedule, type ScheduleStep } from "./schedule.ts";
import { restoreSnapshot, takeSnapshot, type Snapshot } from "./snapshot.ts";
import type { Finding, Side } from "./watch/finding.ts";
import type { Watch } from "./watch/watch.ts";

/**
 * Rounds in which every runnable context spins and none changes memory, before it is called a deadlock. More than the
 * tries after which anyone in the sandbox gives up (probe.ts).
 */
export const SPIN_ROUNDS_MAX = 64;
/** Events of all contexts of one run, before it is called a hang. */
export const RUN_ACCESSES_MAX = 1_000_000;

export type Verdict =
  | "completed"
  | "deadlock" // every context that may run spins
  | "hang" // RUN_ACCESSES_MAX reached, or a loop that does not end
  | "trap" // C did what wasm forbids: bad address, unreachable, too deep a stack
  | "broken" // a law of finding.ts
  | "illegal"; // the schedule asks for what a CPU cannot do, or does not fit the program

export interface Outcome {
  readonly verdict: Verdict;
  /** One sentence; "" if completed. */
  readonly detail: string;
  /** Set if illegal: why the step could not be taken; "past-end" if its context ended before the event it names. */
  readonly obstacle?: Obstacle | "past-end" | "unknown" | "no-hold";
  /** Set if broken. */
  readonly finding?: Finding;
  /** Where a hang or a trap is. */
  readonly side?: Side;
  /** As given, with the events each has made and its result. */
  readonly contexts: readonly SimContext[];
  /** Replays the run. */
  readonly steps: readonly ScheduleStep[];
}

/** A program made ready: what runs, and how to begin again. */
export interface Course {
  readonly machine: Machine;
  /** Must be what the machine is watched by. */
  readonly watch?: Watch;
  /** Puts the C state back, resets the machine, and spawns the contexts of one run. */
  readonly prepare: () => readonly SimContext[];
}

type Stop = Omit<Outcome, "contexts" | "steps">;

const NO_CPUS: readonly number[] = [];
const COMPLETED: Stop = { verdict: "completed", detail: "" };
const NOT_IDLE: Idle = { writes: -1, rounds: 1, tried: [] };

/** Who may be runnable after a stir: those with a timer, those that wait for a store, or one spinner for one more try. */
export type Stirred = "time" | "stores" | "spinner";

/** Vain tries since memory last changed, or somebody had something to do. */
interface Idle {
  readonly writes: number;
  readonly rounds: number;
  /** Who has tried in this round. */
  readonly tried: readonly SimContext[];
}

/** How a context came to stand still. */
export type Progress = "stopped" | "ended" | "spinning" | "over";

export interface Fork {
  readonly snapshot: Snapshot;
  readonly steps: readonly ScheduleStep[];
  readonly spins: ReadonlyMap<SimContext, number>;
  readonly idle: Idle;
}

export class Run {
  readonly machine: Machine;
  readonly contexts: readonly SimContext[];
  /** Where contexts began: a task that migrates goes nowhere else. Empty if none does. */
  readonly cpus: readonly number[];
  readonly #watch: Watch | undefined;
  #steps: ScheduleStep[] = [];
  /** The last step, as long as nobody else holds it. */
  #open: { -readonly [K in keyof ScheduleStep]: ScheduleStep[K] } | undefined;
  /** What had been written when a context last spun: it waits for more. */
  #spins = new Map<SimContext, number>();
  #stop: Stop | undefined;
  #idle: Idle = NOT_IDLE;

  constructor(course: Course) {
    this.machine = course.machine;
    this.#watch = course.watch;
    this.contexts = course.prepare();
    this.cpus = this.contexts.some((context) => context.migrates) ? [...new Set(this.contexts.map((context) => context.cpu))] : NO_CPUS;
  }

  /** Set once the run can go no further. */
  get isOver(): boolean {
    return this.#stop !== undefined;
  }

  /** Events so far, of all contexts. */
  get events(): number {
    let events = 0;
    for (const context of this.contexts) events += context.accesses;
    return events;
  }

  /** Whether all have waited, and whoever runs now only looks again: nothing has been written since. */
  get isIdle(): boolean {
    return this.#idle.writes === this.machine.writes;
  }

  /** Those that may run now and have a reason to: a spinner has none until memory has changed. */
  runnable(): SimContext[] {
    const runnable: SimContext[] = []; // a loop: this is the path of every choice
    for (const context of this.contexts) if (this.#mayRun(context)) runnable.push(context);
    return runnable;
  }

  #mayRun(context: SimContext): boolean {
    return context.state !== "ended" && this.#spins.get(context) !== this.machine.writes && this.machine.obstacle(context) === undefined;
  }

  /** What may be held back if this context is left now for that one; if `reduced`, only what others are known to touch. */
  delayable(context: SimContext, next: SimContext, reduced = false): readonly NonNullable<ScheduleStep["hold"]>[] {
    const sharing = reduced ? this.#watch?.sharing : undefined;
    const matters = sharing && ((address: number, size: number): boolean => sharing.conflicts(context, ACCESS_KINDS.WRITE, address, size));
    return this.#watch?.stores?.delayable(context, next.cpu, matters) ?? [];
  }

  /** Whether the event before which a context is stopped can matter to another one, as far as is known. */
  matters(context: SimContext): boolean {
    const { access } = context;
    if (!access || !this.#watch) return true;
    if (access.kind & ACCESS_KINDS.CPU) return context.migrates || this.contexts.some((other) => other !== context && other.cpu === context.cpu);
    return this.#watch.sharing.conflicts(context, access.kind, access.address, access.size);
  }

  /** Holds a store of the context that ran last back. False if it cannot be. */
  hold(context: SimContext, hold: NonNullable<ScheduleStep["hold"]>): boolean {
    const last = this.#steps.at(-1);
    if (last?.context !== context.name || !this.#watch?.stores?.hold(this.machine.instance, context, hold)) return false;
    this.#steps[this.#steps.length - 1] = { ...last, hold };
    return true;
  }

  /** Where a context may go on now, its own CPU first. */
  placesOf(context: SimContext): readonly number[] {
    if (!context.migrates) return [context.cpu];
    return [context.cpu, ...this.cpus.filter((cpu) => cpu !== context.cpu && !this.#pinned(context, cpu) && !this.machine.obstacle(context, cpu))];
  }

  #pinned(context: SimContext, cpu: number): Obstacle | undefined {
    return this.cpus.includes(cpu) ? this.machine.pinned(context, cpu) : "pinned";
  }

  /** Moves a preempted task. False if it cannot be. */
  migrate(context: SimContext, cpu: number): boolean {
    if (context.cpu === cpu) return true;
    const obstacle = this.#pinned(context, cpu) ?? this.machine.migrate(context, cpu);
    if (obstacle) this.#stop = illegal(context, obstacle);
    else this.#steps.push({ context: context.name, until: context.accesses, cpu });
    return !obstacle;
  }

  /** Runs a context until its n-th event is about to happen, to its end, or until it spins. A timer is waited for. */
  advance(context: SimContext, until: number | "end"): Progress {
    if (this.#stop) return "over";
    const stores = this.#watch?.stores;
    if (stores && this.#spins.get(context) === this.machine.writes) stores.settleAll(this.machine.instance); // nothing new: what was stored is seen at last
    else stores?.settle(this.machine.instance, context);
    if (context.due_ns > 0 && this.machine.obstacle(context) === "not-due") this.machine.idleUntil(context.due_ns);
    if (this.#spins.size > 0) this.#spins.delete(context);
    const result = this.machine.step(context, until, this.#accessesLeft());
    this.#note(context, result.state === "spinning" ? "spin" : result.state === "stopped" || result.state === "illegal" ? until : "end");
    if (result.state === "spinning") this.#spins.set(context, this.machine.writes);
    this.#stop = stopOf(context, result);
    return this.#stop ? "over" : (result.state as Progress);
  }

  /**
   * When nobody is runnable: time passes to the next timer, or what was held back is seen, or one of those that spin tries
   * again, each in turn. Undefined if all have tried often enough: it is a deadlock.
   */
  stir(): Stirred | undefined {
    if (this.#stop) return undefined;
    const due = this.contexts.filter((context) => context.state === "ready" && this.machine.obstacle(context) === "not-due");
    if (due.length > 0) {
      this.machine.idleUntil(Math.min(...due.map((context) => context.due_ns)));
      return "time";
    }
    if (this.#watch?.stores?.settleAll(this.machine.instance)) return "stores";
    return this.#tryAgain() ? "spinner" : undefined;
  }

  /** One step of a schedule; while its context spins, the others run. */
  take(step: ScheduleStep): void {
    const context = this.contexts.find((candidate) => candidate.name === step.context);
    if (!context) return void (this.#stop = { verdict: "illegal", obstacle: "unknown", detail: `No context is called ${step.context}` });
    if (step.cpu !== undefined && !this.migrate(context, step.cpu)) return;
    if (context.state === "ended" && step.until === "end") return this.#keep(context, step); // others have helped it there while they spun
    if (step.until === "spin") this.advance(context, "end");
    else this.#insist(context, step.until);
    if (this.#stop) return;
    if (typeof step.until === "number" && context.state === "ended") this.#stop = { verdict: "illegal", obstacle: "past-end", detail: `${context.name} ended after ${context.accesses} events, before its event ${step.until}` };
    else this.#keep(context, step);
  }

  /** Runs what has not ended, in the order of the contexts. */
  finish(): Outcome {
    this.#open = undefined;
    while (!this.#stop) {
      let left: SimContext | undefined;
      let next: SimContext | undefined;
      for (const context of this.contexts) {
        if (context.state !== "ended") left ??= context;
        if (!next && this.#mayRun(context)) next = context;
      }
      if (!left) break;
      if (next) this.advance(next, "end");
      else if (!this.stir()) this.#stop ??= illegal(left, this.machine.obstacle(left) ?? "ended");
    }
    this.#watch?.stores?.settleAll(this.machine.instance);
    return Object.assign({ contexts: this.contexts, steps: this.#replayable() }, this.#stop ?? COMPLETED);
  }

  /** Where it is now, to come back to. An old fork may be given that is no longer needed. */
  fork(old?: Fork): Fork {
    this.#open = undefined;
    return { snapshot: takeSnapshot(this.machine, old?.snapshot), steps: [...this.#steps], spins: new Map(this.#spins), idle: this.#idle };
  }

  back({ snapshot, steps, spins, idle }: Fork): void {
    this.#idle = idle;
    restoreSnapshot(this.machine, snapshot);
    this.#steps = [...steps];
    this.#open = undefined;
    this.#spins = new Map(spins);
    this.#stop = undefined;
  }

  #keep(context: SimContext, { hold }: ScheduleStep): void {
    if (hold && !this.hold(context, hold)) this.#stop = { verdict: "illegal", obstacle: "no-hold", detail: `Store ${hold.store} of ${context.name} cannot be held back there` };
  }

  /** Runs a context there; while it spins, the others run until it can go on. */
  #insist(context: SimContext, until: number | "end"): void {
    while (this.advance(context, until) === "spinning") {
      for (let others = this.runnable(); !others.includes(context); others = this.runnable()) {
        if (others.length > 0) this.advance(others[0]!, "end");
        else if (!this.stir()) return;
        if (this.#stop) return;
      }
    }
  }

  /** Lets the next of those that spin try again. */
  #tryAgain(): boolean {
    const { writes } = this.machine;
    const spinning = this.contexts.filter((context) => this.#spins.has(context) && this.machine.obstacle(context) === undefined);
    if (spinning.length === 0) return false;
    if (this.#idle.writes !== writes) this.#idle = { ...NOT_IDLE, writes };
    let next = spinning.find((context) => !this.#idle.tried.includes(context));
    if (!next) {
      if (this.#idle.rounds === SPIN_ROUNDS_MAX) {
        this.#stop = { verdict: "deadlock", detail: `All that may run spin (${this.#left()}), and nothing that they wait for can change` };
        return false;
      }
      this.#idle = { writes, rounds: this.#idle.rounds + 1, tried: [] };
      next = spinning[0]!;
    }
    this.#idle = { ...this.#idle, tried: [...this.#idle.tried, next] };
    this.#spins.delete(next);
    return true;
  }

  #left(): string {
    return this.contexts.filter((context) => context.state !== "ended").map((context) => context.name).join(", ");
  }

  /** The steps; of the vain tries at the end of a deadlock, the first of each context. */
  #replayable(): ScheduleStep[] {
    if (this.#stop?.verdict !== "deadlock") return [...this.#steps];
    const last = this.#steps.findLastIndex((step) => step.until !== "spin");
    return this.#steps.filter((step, index) => index <= last || this.#steps.findIndex((other, at) => at > last && other.context === step.context) === index);
  }

  /** The steps so far: going on with the same context is no new step. */
  #note(context: SimContext, until: ScheduleStep["until"]): void {
    const last = this.#steps.at(-1);
    if (this.#open && last === this.#open && last.context === context.name && last.hold === undefined && last.until !== "spin") this.#open!.until = until; // the path of every event: no new object
    else if (last?.context === context.name && last.hold === undefined && last.until !== "spin") this.#steps[this.#steps.length - 1] = this.#open = { ...last, until };
    else this.#steps.push((this.#open = { context: context.name, until }));
  }

  #accessesLeft(): number {
    return Math.max(1, RUN_ACCESSES_MAX - this.events);
  }
}

/** Runs fresh contexts by a schedule, and then to their ends. Never throws for what the schedule or the C does. */
export function runSchedule(course: Course, schedule: string | readonly ScheduleStep[]): Outcome {
  const run = new Run(course);
  for (const step of typeof schedule === "string" ? parseSchedule(schedule) : schedule) {
    run.take(step);
    if (run.isOver) break;
  }
  return run.finish();
}

function stopOf(context: SimContext, result: StepResult): Stop | undefined {
  switch (result.state) {
    case "stopped":
    case "ended":
    case "spinning":
      return undefined;
    case "exhausted":
      return { verdict: "hang", detail: `${context.name} has not ended after ${context.accesses} events: a loop in it does not end`, side: result.side };
    case "trapped":
      return { verdict: "trap", detail: `${context.name} trapped: ${result.cause instanceof Error ? result.cause.message : String(result.cause)}`, side: result.side };
    case "broken":
      return { verdict: "broken", detail: result.finding.detail, finding: result.finding };
    case "illegal":
      return illegal(context, result.obstacle);
  }
}

function illegal(context: SimContext, obstacle: Obstacle): Stop {
  return { verdict: "illegal", obstacle, detail: `${context.name} cannot run: ${OBSTACLE_TEXTS[obstacle]}` };
}

const OBSTACLE_TEXTS = {
  ended: "it has ended",
  interrupted: "what interrupted it has not ended",
  "same-level": "another interrupt of its level has not ended on its CPU",
  "irq-off": "interrupts are off on its CPU",
  "preempt-off": "another task of its CPU may not be switched away from",
  "not-due": "its timer has not expired",
  pinned: "it may not be moved to another CPU there",
  behind: "it is already past that event",
} as const satisfies Record<Obstacle, string>;
