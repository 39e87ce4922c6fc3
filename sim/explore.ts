/**
 * Explorers: sources of schedules, and the loop that runs them and checks each outcome.
 *
 * A source sees the outcome of each schedule before it makes the next one; it is bounded by itself, and by runs_max.
 * Siblings: schedule.ts runs one schedule.
 */
import type { Machine, SimContext } from "./machine.ts";
import { formatSchedule, runSchedule, RUN_ACCESSES_MAX, type Outcome, type ScheduleStep } from "./schedule.ts";

/** Runs of one exploration. */
export const EXPLORE_RUNS_MAX = 10_000_000;

/** Yields schedules, is given their outcomes, returns when it has no more. */
export type ScheduleSource = Generator<readonly ScheduleStep[], void, Outcome>;

export interface ExploreOptions {
  readonly machine: Machine;
  readonly source: ScheduleSource;
  /** Resets the C state and spawns the contexts of one run. */
  readonly prepare: () => readonly SimContext[];
  /** What is wrong after a run that completed, or undefined. */
  readonly check: (outcome: Outcome) => string | undefined;
  readonly runs_max?: number;
}

export interface ExploreFailure {
  /** Replays it: give it to runSchedule after `prepare`. */
  readonly schedule: string;
  readonly verdict: Outcome["verdict"];
  readonly detail: string;
}

export interface ExploreResult {
  /** Runs of legal schedules. */
  readonly schedules: number;
  /**
   * Schedules that asked for what a CPU cannot do, e.g. an interrupt while interrupts are off. Those by which a source
   * finds out where a context ends are not counted.
   */
  readonly illegal: number;
  readonly failures: readonly ExploreFailure[];
  /** False if runs_max ended it. */
  readonly exhaustive: boolean;
}

/** Runs all schedules of a source. */
export function explore(options: ExploreOptions): ExploreResult {
  const { machine, source, runs_max = EXPLORE_RUNS_MAX } = options;
  const failures: ExploreFailure[] = [];
  let [schedules, illegal] = [0, 0];
  let next = source.next();
  for (let runs = 0; !next.done && runs < runs_max; runs++) {
    const steps = next.value;
    machine.reset();
    const outcome = runSchedule(machine, options.prepare(), steps);
    if (outcome.verdict !== "illegal") {
      schedules++;
      const detail = outcome.verdict === "completed" ? options.check(outcome) : outcome.detail;
      if (detail !== undefined) failures.push({ schedule: formatSchedule(steps), verdict: outcome.verdict, detail });
    } else if (outcome.obstacle !== "past-end") {
      illegal++;
    }
    next = source.next(outcome);
  }
  return { schedules, illegal, failures, exhaustive: next.done === true };
}

/**
 * One context interrupted by another, once: before each access of the first in turn, and after its end.
 * The second runs to its end there. With n accesses these are n + 1 schedules, less those that are illegal.
 */
export function* oneInterruption(first: string, second: string, accesses_max = RUN_ACCESSES_MAX): ScheduleSource {
  for (let access = 1; access <= accesses_max; access++) {
    const outcome = yield [
      { context: first, until: access },
      { context: second, until: "end" },
      { context: first, until: "end" },
    ];
    if (outcome.obstacle === "past-end") break;
  }
  yield [
    { context: first, until: "end" },
    { context: second, until: "end" },
  ];
}

/** Every schedule of two contexts with at most one preemption: each interrupts the other. */
export function* onePreemption(first: string, second: string): ScheduleSource {
  yield* oneInterruption(first, second);
  yield* oneInterruption(second, first);
}
