/**
 * Shrinks a failing concurrent program: fewer contexts, fewer operations, simpler ones; at last a shorter schedule.
 *
 * A smaller program fails if some schedule of it breaks the same rule: the old one as far as it still can be followed,
 * then every one with one preemption, then with two. Bounded by SHRINK_RUNS_MAX.
 * Siblings: properties/shrink.ts simplifies one operation, sim/shrink-schedule.ts the schedule.
 */
import { depthFirst } from "../../sim/explore/depth-first.ts";
import { createDraw } from "../../sim/explore/random.ts";
import type { ScheduleStep } from "../../sim/schedule.ts";
import { shrinkSchedule } from "../../sim/shrink-schedule.ts";
import type { Operation } from "../operations.ts";
import { simplerForms } from "../shrink.ts";
import type { Bench } from "./bench.ts";
import { wrongWith } from "./check.ts";
import { runLoosely } from "./drive.ts";
import type { Judge } from "./judge.ts";
import type { ConcurrentProgram } from "./program.ts";
import { exploreProgram, type Found } from "./survey.ts";

/** Runs of one shrinking, the schedule's own not counted. */
export const SHRINK_RUNS_MAX = 60_000;
/** Runs in search of a failing schedule of one program, by preemptions. */
const RUNS_MAX = [100, 800, 800] as const;

export function shrinkConcurrent(found: Found, bench: Bench, judge: Judge): Found {
  const shrinker = new Shrinker(found, bench, judge);
  shrinker.all();
  return shrinker.found;
}

class Shrinker {
  found: Found;
  readonly #bench: Bench;
  readonly #judge: Judge;
  #left = SHRINK_RUNS_MAX;

  constructor(found: Found, bench: Bench, judge: Judge) {
    this.found = found;
    this.#bench = bench;
    this.#judge = judge;
  }

  all(): void {
    this.#schedule();
    while (this.#firstOf(smaller(this.found.program)) || this.#firstOf(simpler(this.found.program)));
    this.#schedule();
  }

  /** Goes on with the first candidate that fails alike. */
  #firstOf(candidates: Iterable<ConcurrentProgram>): boolean {
    for (const program of candidates) {
      if (wrongWith(program) !== undefined) continue;
      if (this.#left <= 0) return false;
      const failing = this.#failing(program);
      if (!failing) continue;
      this.found = failing;
      return true;
    }
    return false;
  }

  #failing(program: ConcurrentProgram): Found | undefined {
    const { rule } = this.found.trouble;
    const outcome = runLoosely(this.#bench.course(program), this.found.schedule, createDraw(0));
    const trouble = this.#judge.judge(program, outcome);
    this.#left--;
    if (trouble?.rule === rule) return { program, schedule: outcome.steps, trouble };
    for (const [preemptions, runs_max] of RUNS_MAX.entries()) {
      const { found, schedules } = exploreProgram({ bench: this.#bench, judge: this.#judge, program, explorer: depthFirst({ preemptions, from: preemptions }), runs_max });
      this.#left -= schedules;
      if (found?.trouble.rule === rule) return found;
    }
    return undefined;
  }

  #schedule(): void {
    const { program, trouble: { rule } } = this.found;
    const fails = (steps: readonly ScheduleStep[]): boolean => this.#judge.replay(program, steps).trouble?.rule === rule;
    const schedule = shrinkSchedule(this.found.schedule, fails);
    const { trouble } = this.#judge.replay(program, schedule);
    if (trouble) this.found = { program, schedule, trouble };
  }
}

/** Without a context, a part of the setup, a clock step, an operation, or what belongs together. */
function* smaller(program: ConcurrentProgram): Generator<ConcurrentProgram> {
  const { contexts, setup, clock } = program;
  if (clock.length > 0) yield { ...program, clock: [] };
  for (const [at, { name }] of contexts.entries()) if (contexts.length > 1) yield { ...program, contexts: contexts.toSpliced(at, 1), clock: clock.filter((step) => step.context !== name) };
  if (setup.length > 0) yield { ...program, setup: [] };
  for (const less of fewer(setup)) yield { ...program, setup: less };
  for (const [at, context] of contexts.entries()) {
    for (const operations of fewer(context.operations)) yield { ...program, clock: [], contexts: contexts.with(at, { ...context, operations }) };
  }
}

const PAIRED: Readonly<Record<string, string>> = { probe_enter: "probe_exit", map_hold: "map_release" };

/** A pair without what is between, with it, a half, and each operation by itself. */
function* fewer(operations: readonly Operation[]): Generator<readonly Operation[]> {
  for (const [begin, op] of operations.entries()) {
    const end = operations.findIndex(({ name }, index) => index > begin && name === PAIRED[op.name]);
    if (end < 0) continue;
    yield operations.toSpliced(begin, end - begin + 1);
    yield operations.filter((_, index) => index !== begin && index !== end);
  }
  if (operations.length > 3) {
    const middle = operations.length >> 1;
    yield operations.slice(middle);
    yield operations.slice(0, middle);
  }
  for (const index of operations.keys()) yield operations.toSpliced(index, 1);
}

/** With one operation in a simpler form. Its CPU and the level of a hit stay: they are its context's. */
function* simpler(program: ConcurrentProgram): Generator<ConcurrentProgram> {
  const { contexts, setup } = program;
  const forms = function* (op: Operation): Generator<Operation> {
    for (const form of simplerForms(op)) if (form.cpu === op.cpu && (form.context === op.context || op.name !== "probe_enter")) yield form;
  };
  for (const [at, op] of setup.entries()) for (const form of forms(op)) yield { ...program, setup: setup.with(at, form) };
  for (const [at, context] of contexts.entries()) {
    for (const [index, op] of context.operations.entries()) {
      for (const form of forms(op)) yield { ...program, contexts: contexts.with(at, { ...context, operations: context.operations.with(index, form) }) };
    }
  }
}
