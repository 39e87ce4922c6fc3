/**
 * Schedules: what runs next, written as a string that replays a run exactly.
 *
 *   T0:2 I1:* T0    run T0 until its 2nd access is about to happen, run I1 to its end, run T0 to its end
 *
 * A name is a letter for the level (T task, S softirq, I irq, N nmi) and a number. After the last step, whatever has
 * not ended runs to its end, in the order of the contexts. A context that spins lets the others run until it can go on.
 * Siblings: explore.ts makes schedules; machine.ts takes the steps.
 */
import { StpError } from "../spec/errors.ts";
import { LIMITS } from "../spec/protocol.ts";
import type { Machine, Obstacle, SimContext, StepResult } from "./machine.ts";

/**
 * Rounds in which every runnable context spins and none changes memory, before it is called a deadlock. More than the
 * tries after which an nmi gives up; whoever else has to give up was stuck.
 */
export const SPIN_ROUNDS_MAX = 2 * LIMITS.LOCK_SPINS_NMI_MAX.value;
/** Accesses of all contexts of one run, before it is called a hang. */
export const RUN_ACCESSES_MAX = 1_000_000;
/** Steps of one schedule. */
export const SCHEDULE_STEPS_MAX = 100_000;

export interface ScheduleStep {
  readonly context: string;
  /** Run until this access (1 is its first) is about to happen, or to the end. */
  readonly until: number | "end";
}

export type Verdict =
  | "completed"
  | "deadlock" // every context that may run spins
  | "hang" // RUN_ACCESSES_MAX reached
  | "trap" // C did what wasm forbids: bad address, unreachable, too deep a stack
  | "illegal"; // the schedule asks for what a CPU cannot do, or does not fit the program

export interface Outcome {
  readonly verdict: Verdict;
  /** One sentence; "" if completed. */
  readonly detail: string;
  /** Set if illegal: why the step could not be taken; "past-end" if its context ended before the access it names. */
  readonly obstacle?: Obstacle | "past-end" | "unknown";
  /** As given, with the accesses each has made and its result. */
  readonly contexts: readonly SimContext[];
}

/** Throws StpError, one sentence with the position, if the text is no schedule. */
export function parseSchedule(text: string): ScheduleStep[] {
  const words = [...text.matchAll(/\S+/g)];
  if (words.length > SCHEDULE_STEPS_MAX) throw new StpError(`A schedule has at most ${SCHEDULE_STEPS_MAX} steps, this one has ${words.length}`);
  return words.map((word) => {
    const parts = /^([TSIN]\d{1,4})(?::(\*|[1-9]\d{0,8}))?$/.exec(word[0]);
    if (!parts) throw new StpError(`Bad step "${word[0]}" at column ${word.index + 1} of the schedule: expected a context such as T0, S1, I2 or N3, then nothing, ":*" or ":" and a count from 1`);
    const until = parts[2];
    return { context: parts[1]!, until: until === undefined || until === "*" ? "end" : Number(until) };
  });
}

/** The canonical string: `:*` where a context begins and ends, bare where it is resumed to its end. */
export function formatSchedule(steps: readonly ScheduleStep[]): string {
  const begun = new Set<string>();
  const words = steps.map(({ context, until }) => {
    const word = until === "end" ? (begun.has(context) ? context : `${context}:*`) : `${context}:${until}`;
    begun.add(context);
    return word;
  });
  return words.join(" ");
}

/** Runs fresh contexts by a schedule, and then to their ends. Never throws for what the schedule or the C does. */
export function runSchedule(machine: Machine, contexts: readonly SimContext[], schedule: string | readonly ScheduleStep[]): Outcome {
  const steps = typeof schedule === "string" ? parseSchedule(schedule) : schedule;
  for (const { context: name, until } of steps) {
    const context = contextNamed(contexts, name);
    if (!context) return { verdict: "illegal", obstacle: "unknown", detail: `No context is called ${name}`, contexts };
    if (context.state === "ended" && until === "end") continue; // others have helped it there while they spun
    const stop = advance(machine, contexts, context, until);
    if (stop) return { ...stop, contexts };
    if (until !== "end" && context.state === "ended") {
      return { verdict: "illegal", obstacle: "past-end", detail: `${name} ended after ${context.accesses} accesses, before its access ${until}`, contexts };
    }
  }
  const stop = finish(machine, contexts);
  return stop ? { ...stop, contexts } : { verdict: "completed", detail: "", contexts };
}

type Stop = Omit<Outcome, "contexts">;

// Loops rather than closures from here on: this is the path of every run of an exploration.

function contextNamed(contexts: readonly SimContext[], name: string): SimContext | undefined {
  for (const context of contexts) if (context.name === name) return context;
  return undefined;
}

function finish(machine: Machine, contexts: readonly SimContext[]): Stop | undefined {
  for (;;) {
    let blocked: Stop | undefined;
    let next: SimContext | undefined;
    for (const context of contexts) {
      if (context.state === "ended") continue;
      const obstacle = machine.obstacle(context);
      if (obstacle) {
        blocked ??= illegal(context, obstacle);
        continue;
      }
      next = context;
      break;
    }
    if (!next) return blocked;
    const stop = advance(machine, contexts, next, "end");
    if (stop) return stop;
  }
}

/** Takes one step of a schedule; while its context spins, the others run. Undefined if the step was reached. */
function advance(machine: Machine, contexts: readonly SimContext[], context: SimContext, until: number | "end"): Stop | undefined {
  let idleRounds = 0;
  for (;;) {
    const writes = machine.writes;
    const result = machine.step(context, until, accessesLeft(contexts));
    if (result.state !== "spinning") return stopOf(context, result);
    const helped = help(machine, contexts, context);
    if (typeof helped === "object") return helped;
    idleRounds = helped || machine.writes !== writes ? 0 : idleRounds + 1;
    if (idleRounds >= SPIN_ROUNDS_MAX) return { verdict: "deadlock", detail: `${context.name} and all that may run spin, and nothing that they wait for can change` };
  }
}

/** Runs all others that may run to their ends or until they spin, too. True if one ended. */
function help(machine: Machine, contexts: readonly SimContext[], spinner: SimContext): Stop | boolean {
  let ended = false;
  for (const other of contexts) {
    if (other === spinner || machine.obstacle(other)) continue;
    const result = machine.step(other, "end", accessesLeft(contexts));
    if (result.state === "ended") ended = true;
    else if (result.state !== "spinning") return stopOf(other, result) ?? false;
  }
  return ended;
}

function stopOf(context: SimContext, result: StepResult): Stop | undefined {
  switch (result.state) {
    case "stopped":
    case "ended":
    case "spinning":
      return undefined;
    case "exhausted":
      return { verdict: "hang", detail: `The run made ${RUN_ACCESSES_MAX} accesses, and ${context.name} has not ended` };
    case "trapped":
      return { verdict: "trap", detail: `${context.name} trapped: ${result.cause instanceof Error ? result.cause.message : String(result.cause)}` };
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
  behind: "it is already past that access",
} as const satisfies Record<Obstacle, string>;

function accessesLeft(contexts: readonly SimContext[]): number {
  let left = RUN_ACCESSES_MAX;
  for (const context of contexts) left -= context.accesses;
  return Math.max(1, left);
}
