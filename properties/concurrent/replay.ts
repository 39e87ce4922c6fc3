/** Files of concurrent programs: what a failure leaves behind, and its replay. */
import { StpError } from "../../spec/errors.ts";
import { depthFirst } from "../../sim/explore/depth-first.ts";
import { formatSchedule } from "../../sim/schedule.ts";
import { loadModel } from "../model.ts";
import { Bench, compileConcurrent, fits, type BenchOptions } from "./bench.ts";
import { wrongWith } from "./check.ts";
import { Judge } from "./judge.ts";
import { formatConcurrent, operationsIn, parseConcurrent } from "./program.ts";
import { exploreProgram, type Found } from "./survey.ts";
import type { Trouble } from "./trouble.ts";

/** Runs of a file without a schedule, for each number of preemptions. */
const RUNS_MAX = 100_000;

export interface ConcurrentReplay {
  readonly operations: number;
  /** Runs that were made: 1 if the file has a schedule. */
  readonly schedules: number;
  /** The schedule of the file, or of the failure. */
  readonly schedule: string | undefined;
  /** undefined: the runs agree with the model. */
  readonly trouble: Trouble | undefined;
}

/** The text of a failure's file. */
export function fileOf({ program, schedule, trouble }: Found): string {
  return formatConcurrent({ program, schedule, comments: [`${trouble.rule}: ${trouble.detail}`] });
}

/**
 * Runs a file's program by its schedule; without one, by every schedule of at most two preemptions until one fails.
 * Throws StpError, one sentence with `path`, if the text is no concurrent program, cannot be run, or has no such schedule.
 */
export async function replayConcurrentFile(path: string, text: string, options: BenchOptions = {}): Promise<ConcurrentReplay> {
  const { program, schedule, allocation } = parseConcurrent(text, path);
  if (allocation !== undefined) return replayAllocation(allocation, options);
  const wrong = wrongWith(program) ?? (fits(program) ? undefined : "its operations are too large");
  if (wrong !== undefined) throw new StpError(`Cannot replay ${path}: ${wrong}`);
  const bench = await Bench.create(await compileConcurrent(options));
  const judge = new Judge(bench, await loadModel());
  const operations = operationsIn(program);
  if (schedule) {
    const { outcome, trouble } = judge.replay(program, schedule);
    if (outcome.verdict === "illegal") throw new StpError(`Cannot replay ${path}: ${outcome.detail}`);
    return { operations, schedules: 1, schedule: formatSchedule(schedule), trouble };
  }
  let schedules = 0;
  for (const preemptions of [0, 1, 2]) {
    const explored = exploreProgram({ bench, judge, program, explorer: depthFirst({ preemptions, from: preemptions }), runs_max: RUNS_MAX });
    schedules += explored.schedules;
    if (explored.found) return { operations, schedules, schedule: formatSchedule(explored.found.schedule), trouble: explored.found.trouble };
  }
  return { operations, schedules, schedule: undefined, trouble: undefined };
}

async function replayAllocation(n: number, options: BenchOptions): Promise<ConcurrentReplay> {
  const wrong = (await Bench.create(await compileConcurrent(options))).failAllocation(n);
  const trouble = wrong === undefined || wrong === "none" ? undefined : { rule: "memory", detail: wrong };
  return { operations: 0, schedules: 1, schedule: undefined, trouble };
}
