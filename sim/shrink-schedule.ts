/**
 * Shrinks a failing schedule: fewer steps first, then fewer preemptions, then plainer and earlier ones.
 *
 * It only asks whether a schedule still fails, so it works for any machine and verdict. Each accepted schedule is less
 * than the one before by (steps, preemptions, optional fields, accesses), so that shrinking ends; tries_max ends it sooner.
 * Siblings: schedule.ts runs a schedule; picture.ts shows what is left.
 */
import type { ScheduleStep } from "./schedule.ts";

/** Schedules that one shrinking tries, if nobody says otherwise. */
export const SHRINK_TRIES_MAX = 2000;
/** Longest schedule of which every pair of steps is tried. */
const PAIRS_STEPS_MAX = 12;
/** Numbers that are tried one by one, from the least possible up, and from what bisection left down. */
const LINEAR_TRIES_MAX = 16;
/** Longest schedule that is remembered, so as not to be run twice. */
const REMEMBERED_STEPS_MAX = 64;

type Steps = readonly ScheduleStep[];
/** True if a run by the schedule still fails with the same verdict; false also if it is illegal. */
export type ScheduleFails = (steps: readonly ScheduleStep[]) => boolean;

/** Steps that leave their context on its way for another one; not those that leave it where it waits for others anyway. */
export function preemptionsOf(steps: readonly ScheduleStep[]): number {
  return steps.filter((_, index) => preempts(steps, index)).length;
}

function preempts(steps: Steps, index: number): boolean {
  const [step, next] = [steps[index]!, steps[index + 1]];
  return typeof step.until === "number" && next !== undefined && next.context !== step.context;
}

/** Most valuable first: what one removes, the later ones need not try. */
const PASSES: readonly ((steps: Steps, judge: Judge) => Steps)[] = [removeChunks, mergeSteps, removePairs, runOn, dropFields, stopEarlier];

/** A least schedule that still fails, or the least found with `tries_max` runs. `steps` itself is taken to fail, and not tried. */
export function shrinkSchedule(steps: readonly ScheduleStep[], fails: ScheduleFails, tries_max = SHRINK_TRIES_MAX): readonly ScheduleStep[] {
  const judge = new Judge(fails, tries_max);
  let current = steps;
  for (;;) {
    const before = current;
    for (const pass of PASSES) current = pass(current, judge);
    if (current === before || judge.spent) return current;
  }
}

/** Answers no once the tries are used up; a schedule that was tried costs no second try. */
class Judge {
  readonly #ask: ScheduleFails;
  readonly #answers = new Map<string, boolean>();
  #tries: number;

  constructor(ask: ScheduleFails, tries_max: number) {
    this.#ask = ask;
    this.#tries = tries_max;
  }

  /** For loops over many candidates: none will be accepted any more. */
  get spent(): boolean {
    return this.#tries <= 0;
  }

  fails(steps: Steps): boolean {
    const key = steps.length <= REMEMBERED_STEPS_MAX ? keyOf(steps) : undefined;
    const known = key === undefined ? undefined : this.#answers.get(key);
    if (known !== undefined) return known;
    if (this.spent) return false;
    this.#tries--;
    const answer = this.#ask(steps);
    if (key !== undefined) this.#answers.set(key, answer);
    return answer;
  }
}

function keyOf(steps: Steps): string {
  return JSON.stringify(steps, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}

/** Takes the first candidate that fails, and goes on with the candidates of that one; each must be less than what it is made from. */
function descend(steps: Steps, candidatesOf: (steps: Steps) => Iterable<Steps>, judge: Judge): Steps {
  let current = steps;
  for (;;) {
    const less = firstFailing(candidatesOf(current), judge);
    if (!less) return current;
    current = less;
  }
}

function firstFailing(candidates: Iterable<Steps>, judge: Judge): Steps | undefined {
  for (const candidate of candidates) {
    if (judge.fails(candidate)) return candidate;
    if (judge.spent) return undefined;
  }
  return undefined;
}

// Fewer steps.

/** Leaves out halves, quarters, … and at last single steps, from the end on: early ones bring the run where it fails. */
function removeChunks(steps: Steps, judge: Judge): Steps {
  let current = steps;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = current.length - size; at > -size && !judge.spent; at -= size) {
      const candidate = current.slice(0, Math.max(at, 0)).concat(current.slice(at + size));
      if (candidate.length < current.length && judge.fails(candidate)) current = candidate;
    }
  }
  return current;
}

/** Lets a context run at once as far as it did in two goes, before or after what ran between; or without that. */
function mergeSteps(steps: Steps, judge: Judge): Steps {
  return descend(steps, mergedForms, judge);
}

function* mergedForms(steps: Steps): Generator<Steps> {
  const next = new Map<string, number>();
  for (let first = steps.length - 1; first >= 0; first--) {
    const { context } = steps[first]!;
    const second = next.get(context);
    next.set(context, first);
    if (second === undefined) continue;
    const [before, between, after] = [steps.slice(0, first), steps.slice(first + 1, second), steps.slice(second + 1)];
    const merged = steps[second]!;
    if (between.length > 0) yield before.concat(merged, after);
    yield before.concat(merged, between, after);
    yield before.concat(between, merged, after);
  }
}

/** Leaves out any two steps at once, which one by one are both needed: the second takes back what the first did. */
function removePairs(steps: Steps, judge: Judge): Steps {
  return descend(steps, pairlessForms, judge);
}

function* pairlessForms(steps: Steps): Generator<Steps> {
  if (steps.length > PAIRS_STEPS_MAX) return;
  for (let second = steps.length - 1; second > 0; second--) {
    for (let first = second - 1; first >= 0; first--) yield steps.filter((_, index) => index !== first && index !== second);
  }
}

// Fewer preemptions.

/** Lets a context run to its end where it was left on its way. */
function runOn(steps: Steps, judge: Judge): Steps {
  return descend(steps, endedForms, judge);
}

function* endedForms(steps: Steps): Generator<Steps> {
  for (const [index, step] of steps.entries()) {
    if (preempts(steps, index)) yield steps.with(index, { ...step, until: "end" });
  }
}

// Plainer steps.

/** Drops whatever a step has besides its context and how far it runs: of all steps, of one, then field by field. */
function dropFields(steps: Steps, judge: Judge): Steps {
  return descend(steps, plainerForms, judge);
}

function* plainerForms(steps: Steps): Generator<Steps> {
  if (steps.every((step) => optionalFields(step).length === 0)) return;
  yield steps.map((step) => without(step, optionalFields(step)));
  for (const [index, step] of steps.entries()) {
    const fields = optionalFields(step);
    if (fields.length > 0) yield steps.with(index, without(step, fields));
    if (fields.length > 1) for (const field of fields) yield steps.with(index, without(step, [field]));
  }
}

function optionalFields(step: ScheduleStep): string[] {
  return Object.keys(step).filter((field) => field !== "context" && field !== "until");
}

function without(step: ScheduleStep, fields: readonly string[]): ScheduleStep {
  const kept = Object.entries(step).filter(([field]) => !fields.includes(field));
  return Object.fromEntries(kept) as ScheduleStep; // only optional fields are gone
}

// Earlier accesses.

function stopEarlier(steps: Steps, judge: Judge): Steps {
  /** The access at which an earlier step has left each context; it cannot go back behind that. */
  const reached = new Map<string, number>();
  let current = steps;
  for (const [index, step] of steps.entries()) {
    if (typeof step.until !== "number") continue;
    const stoppedAt = (until: number): Steps => current.with(index, { ...step, until });
    const least = leastAccess(reached.get(step.context) ?? 0, step.until, (access) => judge.fails(stoppedAt(access)));
    if (least < step.until) current = stoppedAt(least);
    if (judge.spent) break;
    reached.set(step.context, least);
  }
  return current;
}

/** The least number above `reached`, of those tried, that fails; accesses that fail need not lie side by side. */
function leastAccess(reached: number, until: number, fails: (access: number) => boolean): number {
  for (let access = reached + 1; access < until && access <= reached + LINEAR_TRIES_MAX; access++) if (fails(access)) return access;
  let [passing, failing] = [Math.min(until, reached + LINEAR_TRIES_MAX), until];
  while (failing - passing > 1) {
    const middle = Math.floor((passing + failing) / 2);
    if (fails(middle)) failing = middle;
    else passing = middle;
  }
  for (let access = failing - 1; access > reached && access >= failing - LINEAR_TRIES_MAX; access--) if (fails(access)) return access;
  return failing;
}
