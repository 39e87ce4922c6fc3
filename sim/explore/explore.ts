/**
 * Explores a course: runs what an explorer makes, judges each outcome, and doubles every 50th run.
 *
 * Siblings: explorer.ts; run.ts runs one schedule.
 */
import { runSchedule, type Course, type Outcome, type Verdict } from "../run.ts";
import { formatSchedule } from "../schedule.ts";
import type { Finding } from "../watch/finding.ts";
import type { Explorer } from "./explorer.ts";

/** Runs of one exploration. */
export const EXPLORE_RUNS_MAX = 10_000_000;
/** Each run of that number is made again by its schedule, and has to do the same. */
export const DOUBLED_EVERY = 50;
/** Different failures that are kept; of those that look alike, the first. */
export const FAILURES_MAX = 16;

export interface ExploreOptions {
  readonly course: Course;
  readonly explorer: Explorer;
  /** What is wrong after a run that completed, or undefined. It may use the machine: the run is over. */
  readonly check: (outcome: Outcome) => string | { readonly detail: string; readonly finding: Finding } | undefined;
  readonly runs_max?: number;
  /** Stop at the first failure. */
  readonly first?: boolean;
  readonly progress?: (runs: number) => void;
}

export interface ExploreFailure {
  /** Replays it: give it to runSchedule. */
  readonly schedule: string;
  readonly verdict: Verdict;
  readonly detail: string;
  readonly finding?: Finding;
}

export interface ExploreResult {
  /** Runs, doubled ones counted once. */
  readonly schedules: number;
  /** Runs that failed. */
  readonly failed: number;
  /** One of each kind. */
  readonly failures: readonly ExploreFailure[];
  /** True if the explorer made every run that it has. */
  readonly exhaustive: boolean;
}

export function explore({ course, explorer, check, runs_max = EXPLORE_RUNS_MAX, first = false, progress }: ExploreOptions): ExploreResult {
  const failures = new Map<string, ExploreFailure>();
  let [schedules, failed] = [0, 0];
  const exhaustive = explorer(course, (outcome) => {
    schedules++;
    progress?.(schedules);
    const hash = course.watch?.hash;
    let failure = failureOf(outcome, check);
    if (!failure && hash !== undefined && schedules % DOUBLED_EVERY === 0) failure = doubled(course, outcome, hash);
    if (failure) {
      failed++;
      const key = keyOf(failure);
      if (!failures.has(key) && failures.size < FAILURES_MAX) failures.set(key, failure);
    }
    return !(failure && first) && schedules < runs_max;
  });
  return { schedules, failed, failures: [...failures.values()], exhaustive };
}

/** What is wrong with a run, or undefined. */
export function failureOf(outcome: Outcome, check: ExploreOptions["check"]): ExploreFailure | undefined {
  const wrong = outcome.verdict === "completed" ? check(outcome) : outcome;
  if (wrong === undefined) return undefined;
  const { detail, finding } = typeof wrong === "string" ? { detail: wrong, finding: undefined } : wrong;
  return { schedule: formatSchedule(outcome.steps), verdict: outcome.verdict, detail, ...(finding ? { finding } : {}) };
}

/** The same schedule again. Anything but the same run is a fault of the machine. */
function doubled(course: Course, outcome: Outcome, hash: number): ExploreFailure | undefined {
  const schedule = formatSchedule(outcome.steps);
  const again = runSchedule(course, schedule);
  if (again.verdict === outcome.verdict && course.watch!.hash === hash) return undefined;
  return { schedule, verdict: again.verdict, detail: `The machine is not deterministic: the same schedule ran otherwise the second time (${again.detail || again.verdict})` };
}

/** Failures that look alike: the same places for a finding, else the same verdict and text. */
function keyOf({ verdict, detail, finding }: ExploreFailure): string {
  if (finding) return [finding.kind, ...finding.sides.map((side) => side.site).sort()].join(" ");
  return `${verdict} ${detail.replace(/\d+/g, "N")}`;
}
