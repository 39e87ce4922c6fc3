/**
 * Random schedules, for what is too large to be searched: PCT, and a uniform choice at random places.
 *
 * Both are given their randomness; each run is replayed by its schedule alone.
 * Sibling: explorer.ts
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { SimContext } from "../machine.ts";
import { Run } from "../run.ts";
import type { Explorer } from "./explorer.ts";

export interface RandomOptions {
  readonly runs: number;
  readonly seed: number;
  /** Places in a run at which something is decided anew; for PCT the depth of the bugs that it finds, less one. */
  readonly changes: number;
}

/** Number in [0, below). */
export type Draw = (below: number) => number;

export function createDraw(seed: number): Draw {
  const generator = xoroshiro128plus(seed);
  return (below) => (generator.next() >>> 0) % below;
}

/**
 * PCT: each context has a random priority, the highest that may runs; at random places the running one becomes the
 * lowest. A bug that needs d such places is found in each run with a probability of at least 1 / (n * k^d).
 */
export function pct(options: RandomOptions): Explorer {
  return randomly(options, (contexts, draw) => {
    const order = shuffled(contexts, draw);
    return {
      choose: (candidates) => order.find((context) => candidates.includes(context))!,
      change: (running) => void order.push(...order.splice(order.indexOf(running), 1)),
    };
  });
}

/** At random places, any that may run goes on, each with the same probability. */
export function uniform(options: RandomOptions): Explorer {
  return randomly(options, (_contexts, draw) => {
    let current: SimContext | undefined;
    return {
      choose: (candidates) => (current = current && candidates.includes(current) ? current : candidates[draw(candidates.length)]!),
      change: () => void (current = undefined),
    };
  });
}

interface Policy {
  choose(candidates: readonly SimContext[]): SimContext;
  /** Here something is decided anew. */
  change(running: SimContext): void;
}

function randomly(options: RandomOptions, makePolicy: (contexts: readonly SimContext[], draw: Draw) => Policy): Explorer {
  return (course, visit) => {
    const draw = createDraw(options.seed);
    let longest = 1;
    for (let i = 0; i < options.runs; i++) {
      const run = new Run(course);
      const places = new Set(Array.from({ length: options.changes }, () => 1 + draw(longest)));
      const events = drive(run, makePolicy(run.contexts, draw), places, draw);
      longest = Math.max(longest, events);
      const outcome = run.finish();
      if (outcome.verdict !== "illegal" && !visit(outcome)) return false;
    }
    return true;
  };
}

/** One run; the events that it had. */
function drive(run: Run, policy: Policy, places: ReadonlySet<number>, draw: Draw): number {
  const ahead = [...places].sort((a, b) => a - b);
  let events = 0;
  let left: SimContext | undefined;
  while (!run.isOver) {
    const candidates = run.runnable();
    if (candidates.length === 0 && run.stir()) continue;
    if (candidates.length === 0) break;
    const context = policy.choose(candidates);
    if (left && left !== context) holdSome(run, left, context, draw);
    const cpus = run.placesOf(context);
    if (cpus.length > 1) run.migrate(context, cpus[draw(cpus.length)]!);
    const before = context.accesses;
    const next = ahead[0];
    const progress = run.advance(context, next === undefined ? "end" : before + Math.max(1, next - events));
    events += context.accesses - before;
    if (next !== undefined && events >= next) {
      ahead.shift();
      if (progress !== "over") policy.change(context);
    }
    left = context;
  }
  return events;
}

/** Holds back one store of whoever is left, every other time. */
function holdSome(run: Run, left: SimContext, next: SimContext, draw: Draw): void {
  const holds = run.delayable(left, next);
  if (holds.length > 0 && draw(2) === 0) run.hold(left, holds[draw(holds.length)]!);
}

function shuffled<T>(list: readonly T[], draw: Draw): T[] {
  const rest = [...list];
  return Array.from(list, () => rest.splice(draw(rest.length), 1)[0]!);
}

