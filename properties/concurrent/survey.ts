/**
 * Explores concurrent programs and judges every run.
 *
 * Siblings: pairs.ts and generate.ts make the programs, judge.ts says what is wrong.
 */
import { depthFirst } from "../../sim/explore/depth-first.ts";
import type { Explorer } from "../../sim/explore/explorer.ts";
import { DOUBLED_EVERY } from "../../sim/explore/explore.ts";
import { runSchedule } from "../../sim/run.ts";
import { formatSchedule, type ScheduleStep } from "../../sim/schedule.ts";
import type { Bench } from "./bench.ts";
import type { Judge } from "./judge.ts";
import type { ConcurrentProgram } from "./program.ts";
import type { Trouble } from "./trouble.ts";

/** Events of both contexts of a pair up to which it is explored with two preemptions; above with one. */
export const TWO_PREEMPTIONS_EVENTS_MAX = 90;
/** Runs of one program. */
export const PROGRAM_RUNS_MAX = 400_000;

export interface Found {
  readonly program: ConcurrentProgram;
  readonly schedule: readonly ScheduleStep[];
  readonly trouble: Trouble;
}

export interface Explored {
  readonly schedules: number;
  /** False if it ended at a failure, or after `runs_max`. */
  readonly exhaustive: boolean;
  /** The first failure. */
  readonly found: Found | undefined;
}

export interface ExploreProgramOptions {
  readonly bench: Bench;
  readonly judge: Judge;
  readonly program: ConcurrentProgram;
  readonly explorer: Explorer;
  readonly runs_max?: number;
}

/** Runs until the explorer has no more, or the first failure. Every 50th run is made twice, and has to do the same. */
export function exploreProgram({ bench, judge, program, explorer, runs_max = PROGRAM_RUNS_MAX }: ExploreProgramOptions): Explored {
  const course = bench.course(program);
  let schedules = 0;
  let found: Found | undefined;
  const exhaustive = explorer(course, (outcome) => {
    schedules++;
    let trouble = judge.judge(program, outcome);
    if (!trouble && schedules % DOUBLED_EVERY === 0) {
      const { hash } = bench.watch;
      const again = runSchedule(course, formatSchedule(outcome.steps));
      if (again.verdict !== outcome.verdict || bench.watch.hash !== hash) trouble = { rule: "machine", detail: "The machine is not deterministic: the same schedule ran otherwise the second time" };
    }
    if (trouble) found = { program, schedule: outcome.steps, trouble };
    return !trouble && schedules < runs_max;
  });
  return { schedules, exhaustive, found };
}

/** Every schedule with at most two preemptions, or one if that would be too many. */
export function explorerFor(bench: Bench, program: ConcurrentProgram): Explorer {
  const { contexts } = runSchedule(bench.course(program), "");
  const events = contexts.reduce((sum, { accesses }) => sum + accesses, 0);
  return depthFirst({ preemptions: events <= TWO_PREEMPTIONS_EVENTS_MAX ? 2 : 1, reduced: true });
}
