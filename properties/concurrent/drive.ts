/**
 * Runs that follow a schedule loosely: what cannot be done there is left out, and the rest is drawn.
 *
 * So that a schedule still means something after its program has changed. The outcome's own steps replay the run.
 * Siblings: sim/run.ts; sim/explore/random.ts decides without a schedule.
 */
import type { Draw } from "../../sim/explore/random.ts";
import type { SimContext } from "../../sim/machine.ts";
import { Run, type Course, type Outcome } from "../../sim/run.ts";
import type { ScheduleStep } from "../../sim/schedule.ts";

/** Of a change of context, how often a store is held back: one in so many. */
const HOLD_ONE_IN = 4;
/** Switches that are drawn for a schedule at most. */
const SWITCHES_MAX = 6;

export function runLoosely(course: Course, steps: readonly ScheduleStep[], draw: Draw): Outcome {
  const run = new Run(course);
  let left: SimContext | undefined;
  const goOn = (context: SimContext, { until, hold }: Pick<ScheduleStep, "until" | "hold">): void => {
    if (left && left !== context && draw(HOLD_ONE_IN) === 0) holdSome(run, left, context, draw);
    run.advance(context, until === "spin" ? "end" : until);
    if (hold && !run.isOver) run.hold(context, hold);
    left = context;
  };
  for (const step of steps) {
    const context = run.contexts.find(({ name }) => name === step.context);
    if (!context || !run.runnable().includes(context) || (typeof step.until === "number" && step.until <= context.accesses)) continue;
    goOn(context, step);
    if (run.isOver) break;
  }
  while (!run.isOver) {
    const candidates = run.runnable();
    if (candidates.length > 0) goOn(candidates[draw(candidates.length)]!, { until: "end" });
    else if (!run.stir()) break;
  }
  return run.finish();
}

function holdSome(run: Run, left: SimContext, next: SimContext, draw: Draw): void {
  const holds = run.delayable(left, next);
  if (holds.length > 0) run.hold(left, holds[draw(holds.length)]!);
}

/** A schedule of a few switches at any places. `events`: what each context made in a run before, by name. */
export function drawSchedule(contexts: readonly string[], events: ReadonlyMap<string, number>, draw: Draw): ScheduleStep[] {
  const reached = new Map<string, number>();
  return Array.from({ length: 1 + draw(SWITCHES_MAX) }, () => {
    const context = contexts[draw(contexts.length)]!;
    const from = reached.get(context) ?? 0;
    const until = from + 1 + draw(Math.max(1, (events.get(context) ?? EVENTS_GUESSED) - from));
    reached.set(context, until);
    return { context, until };
  });
}

/** Of a context that has never run. */
const EVENTS_GUESSED = 60;

/** One or two steps of a schedule changed, left out or put in. */
export function mutateSchedule(steps: readonly ScheduleStep[], contexts: readonly string[], draw: Draw): ScheduleStep[] {
  const changed = [...steps];
  for (let i = 1 + draw(2); i > 0; i--) {
    const at = draw(changed.length + 1);
    const step = changed[at];
    if (!step || draw(3) === 0) changed.splice(at, 0, { context: contexts[draw(contexts.length)]!, until: 1 + draw(2 * EVENTS_GUESSED) });
    else if (draw(3) === 0) changed.splice(at, 1);
    else changed[at] = { context: step.context, until: typeof step.until === "number" ? Math.max(1, step.until + draw(9) - 4) : 1 + draw(2 * EVENTS_GUESSED) };
  }
  return changed;
}
