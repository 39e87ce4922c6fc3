/**
 * Every schedule with at most so many preemptions and delayed stores, depth first.
 *
 * A preemption leaves a context that could go on; what follows an end or a spin is a free choice. A context is preempted
 * before each of its events but the first, because nothing has happened before that one. Wherever a context is left, one
 * of its stores may be held back (watch/stores.ts), and a migrating task may go on on another CPU, or be moved there
 * though nobody else runs. For its next choice a run goes back to a snapshot, or is made again up to there if that is
 * short: see PREFIX_BYTES_PER_EVENT.
 *
 * Two reductions. A context's accesses to its own stack are no events (hooks.c): an access of another context there is a
 * finding (watch/memory.ts). If asked to, it also preempts only before what conflicts with another context's accesses, and
 * holds back only what others touch (watch/sharing.ts): a preemption before anything else does what the next one does.
 * What is shared is learned from the runs, and the search repeated until nothing new is.
 * Sibling: explorer.ts
 */
import type { SimContext } from "../machine.ts";
import { Run, type Course, type Fork, type Progress, type Stirred } from "../run.ts";
import type { Hold } from "../watch/stores.ts";
import type { Explorer, Visit } from "./explorer.ts";

/** Searches that one exploration makes because the one before learned something. */
export const SEARCHES_MAX = 4;
/** Stores that are held back in one run, unless told. */
export const DELAYS_DEFAULT = 1;

/** So much memory is copied twice, for a snapshot and back, in the time in which an event is run again and watched. */
export const PREFIX_BYTES_PER_EVENT = 2048;

export interface DepthFirstOptions {
  readonly preemptions: number;
  /** Stores that are held back in one run; DELAYS_DEFAULT unless told. */
  readonly delays?: number;
  /** Preempt only where it can matter. */
  readonly reduced?: boolean;
  /** Runs with fewer preemptions are left out: for a search that deepens step by step. */
  readonly from?: number;
}

export function depthFirst(options: DepthFirstOptions): Explorer {
  return (course, visit) => (options.reduced ? reduced(course, visit, options) : new Search(course, visit, options).all());
}

/** Learns from runs one after the other first, then searches until nothing new is learned. */
function reduced(course: Course, visit: Visit, options: DepthFirstOptions): boolean {
  const sharing = course.watch?.sharing;
  if (!sharing) return new Search(course, visit, options).all();
  sharing.begin(course.machine.instance);
  new Search(course, () => true, { preemptions: 0, delays: 0 }).all();
  for (let searches = 0; searches < SEARCHES_MAX; searches++) {
    const { version } = sharing;
    if (!new Search(course, visit, options).all()) return false;
    if (sharing.version === version) break;
  }
  return true;
}

/** What a run may still do. */
interface Left {
  readonly preemptions: number;
  readonly delays: number;
}

/** Who goes on, where, and what is held back of whoever is left. */
interface Switch {
  /** Index among the run's contexts. */
  readonly context: number;
  readonly cpu: number;
  readonly left?: number;
  readonly hold?: Hold;
}

/** Something that was done with a run; contexts by their index, as each run has its own. */
type Deed =
  | { readonly kind: "advance"; readonly context: number; until: number | "end" }
  | { readonly kind: "migrate"; readonly context: number; readonly cpu: number }
  | { readonly kind: "hold"; readonly context: number; readonly hold: Hold }
  | { readonly kind: "stir" };

/** A place to come back to. */
interface Mark {
  readonly run: Run;
  readonly fork: Fork | undefined;
  readonly deeds: number;
}

const NO_HOLDS: readonly Hold[] = [];

class Search {
  readonly #course: Course;
  readonly #visit: Visit;
  readonly #begin: Left;
  readonly #from: number;
  readonly #reduced: boolean;
  /** Longer prefixes are not run again. */
  readonly #prefix: number;
  #run: Run;
  /** What has been done with the run. */
  readonly #deeds: Deed[] = [];
  /** Forks that are no longer needed: their memory is. */
  readonly #spare: Fork[] = [];

  constructor(course: Course, visit: Visit, { preemptions, delays = DELAYS_DEFAULT, from = 0, reduced = false }: DepthFirstOptions) {
    this.#course = course;
    this.#visit = visit;
    this.#begin = { preemptions, delays };
    this.#from = from;
    this.#reduced = reduced;
    this.#prefix = course.machine.instance.bytes.length / PREFIX_BYTES_PER_EVENT;
    this.#run = new Run(course);
  }

  all(): boolean {
    return this.#choose(undefined, this.#begin);
  }

  /** A free choice of who goes on. `last`: who ended or spins. */
  #choose(last: number | undefined, left: Left): boolean {
    const candidates = this.#run.runnable();
    if (candidates.length > 0) return this.#each(this.#switches(last, candidates, left), left);
    const stirred = this.#do({ kind: "stir" });
    if (!stirred) return this.#leaf(left);
    if (stirred !== "spinner") return this.#choose(stirred === "time" ? last : undefined, left); // what was held back was of `last`
    const [next] = this.#run.runnable(); // when it tries does not matter, nor on which CPU: nothing has changed
    return next ? this.#go(this.#run.contexts.indexOf(next), left) : this.#leaf(left);
  }

  /** Runs a context event by event, if it may be preempted before some. */
  #go(index: number, left: Left): boolean {
    for (;;) {
      const context = this.#run.contexts[index]!;
      const begins = context.accesses === 0;
      const progress = this.#do({ kind: "advance", context: index, until: left.preemptions > 0 && this.#mayLeave(context) ? context.accesses + 1 : "end" });
      if (progress === "over") return this.#leaf(left);
      if (progress === "ended" || progress === "spinning") return this.#choose(index, left);
      if (!begins && (!this.#reduced || this.#run.matters(context)) && !this.#preempt(index, { ...left, preemptions: left.preemptions - 1 })) return false;
    }
  }

  #mayLeave(context: SimContext): boolean {
    const { contexts, cpus } = this.#run;
    return (context.migrates && cpus.length > 1) || contexts.some((other) => other !== context && other.state !== "ended");
  }

  /** Leaves a context for each other in turn, or for another CPU, and comes back. */
  #preempt(index: number, left: Left): boolean {
    const context = this.#run.contexts[index]!;
    const switches = this.#switches(index, this.#run.runnable().filter((other) => other !== context), left);
    if (!this.#run.isIdle) for (const cpu of this.#run.placesOf(context)) if (cpu !== context.cpu) switches.push({ context: index, cpu });
    if (switches.length === 0) return true;
    const mark = this.#mark();
    for (const to of switches) {
      if (!this.#take(to, left)) return false;
      this.#back(mark);
    }
    this.#forget(mark);
    return true;
  }

  #each(switches: readonly Switch[], left: Left): boolean {
    const mark = switches.length > 1 ? this.#mark() : undefined;
    for (const to of switches) {
      if (mark && to !== switches[0]) this.#back(mark);
      if (!this.#take(to, left)) return false;
    }
    if (mark) this.#forget(mark);
    return true;
  }

  #switches(last: number | undefined, candidates: readonly SimContext[], { delays }: Left): Switch[] {
    const { contexts } = this.#run;
    const switches: Switch[] = [];
    for (const candidate of candidates) {
      const context = contexts.indexOf(candidate);
      const holds = last !== undefined && last !== context && delays > 0 ? this.#run.delayable(contexts[last]!, candidate, this.#reduced) : NO_HOLDS;
      for (const cpu of this.#run.placesOf(candidate)) {
        switches.push({ context, cpu });
        for (const hold of holds) switches.push({ context, cpu, left: last!, hold });
      }
    }
    return switches;
  }

  /** False: enough. A switch that cannot be is none. */
  #take({ context, cpu, left: last, hold }: Switch, left: Left): boolean {
    if (last !== undefined && hold && !this.#do({ kind: "hold", context: last, hold })) return true;
    if (cpu !== this.#run.contexts[context]!.cpu && !this.#do({ kind: "migrate", context, cpu })) return true;
    return this.#go(context, hold ? { ...left, delays: left.delays - 1 } : left);
  }

  #leaf({ preemptions }: Left): boolean {
    const outcome = this.#run.finish();
    if (outcome.verdict === "illegal" || this.#begin.preemptions - preemptions < this.#from) return true;
    return this.#visit(outcome);
  }

  /** Does it, and remembers it. */
  #do(deed: Deed): Progress | Stirred | boolean | undefined {
    const last = this.#deeds.at(-1);
    if (deed.kind === "advance" && last?.kind === "advance" && last.context === deed.context && last.until !== "end") last.until = deed.until;
    else this.#deeds.push(deed);
    return this.#make(deed);
  }

  #make(deed: Deed): Progress | Stirred | boolean | undefined {
    const run = this.#run;
    switch (deed.kind) {
      case "advance":
        return run.advance(run.contexts[deed.context]!, deed.until);
      case "migrate":
        return run.migrate(run.contexts[deed.context]!, deed.cpu);
      case "hold":
        return run.hold(run.contexts[deed.context]!, deed.hold);
      case "stir":
        return run.stir();
    }
  }

  #mark(): Mark {
    const fork = this.#run.events > this.#prefix ? this.#run.fork(this.#spare.pop()) : undefined;
    return { run: this.#run, fork, deeds: this.#deeds.length };
  }

  #back({ run, fork, deeds }: Mark): void {
    this.#deeds.length = deeds; // the last one is what it was: nobody is left and goes on without a deed in between
    if (fork) {
      this.#run = run;
      run.back(fork);
    } else {
      this.#run = new Run(this.#course);
      for (const deed of this.#deeds) this.#make(deed);
    }
  }

  #forget({ fork }: Mark): void {
    if (fork) this.#spare.push(fork);
  }
}
