/**
 * When a map call may be refused with EBUSY (M6, M10): decided by who was at the map meanwhile, without the model.
 *
 * A call of the same CPU must have been interrupted, which only an nmi can: interrupts are off while a map is held (but by
 * who adds to statistics without a key, whose part is that CPU's and level's own). A call
 * of another CPU must have been there, and whoever was refused must have waited as long as M6 says. In a per-CPU map it
 * is about the parts that both need (M13).
 * Sibling: serial.ts finds the serial order, in which a permitted refusal may stand anywhere.
 */
import { ERRORS, LIMITS, REPLAY_MAPS, type ReplayMap } from "../../spec/protocol.ts";
import type { ScheduleStep } from "../../sim/schedule.ts";
import { formatOperation, type Operation } from "../operations.ts";
import { CONCURRENT_LOCK_SPINS_MAX, CONCURRENT_LOCK_SPINS_NMI_MAX, type MadeOperation, type Observation, type Span } from "./bench.ts";
import { isMapCall, partsOf } from "./check.ts";
import type { ConcurrentProgram } from "./program.ts";
import type { Trouble } from "./trouble.ts";

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

export const EBUSY = -BigInt(ERRORS.EBUSY.code);

/** A walk, as far as there is room for so many (M10). What prints a map or a part of it makes one. */
export const WALKERS: ReadonlySet<string> = new Set(["map_walk", "print_map", "print_hist"]);

/** A call, or a map_hold with all up to its release, that may have held parts of the map. */
interface Holder {
  readonly context: number;
  readonly cpu: number;
  readonly begin: number;
  readonly end: number;
  readonly isHold: boolean;
  /** It keeps interrupts off, so that only an nmi interrupts it. */
  readonly isSilent: boolean;
}

/** Which refusals of a run are permitted. */
export class Permits {
  readonly #program: ConcurrentProgram;
  readonly #made: readonly MadeOperation[];
  readonly #delayed: boolean;

  /** `delayed`: another CPU's store was held back, so that the end of its walk may not be seen yet. */
  constructor(program: ConcurrentProgram, { made }: Observation, delayed = false) {
    this.#program = program;
    this.#delayed = delayed;
    this.#made = made.flat();
  }

  /** The first refusal that no rule permits. `steps`: of the run. */
  firstWrong(steps: readonly ScheduleStep[]): Trouble | undefined {
    const refused = this.#made.filter((made) => made.result === EBUSY && isMapCall(made.op));
    for (const made of refused) if (!this.mayBeRefused(made)) return this.#trouble(made, "though no other call on that map was in progress that it could have met");
    return this.#impatient(refused, steps);
  }

  /** Whether somebody was at its map while it, or one step of it, was in progress. */
  mayBeRefused(made: MadeOperation, during: Span = made): boolean {
    const holders = this.#holdersMet(made, during);
    return holders.length > 0 || this.#isHeldSinceSetup(made) || this.#walksMet(made) >= LIMITS.MAP_WALKS_MAX.value;
  }

  /** A call that was refused for another CPU's sake without having waited (M6). */
  #impatient(refused: readonly MadeOperation[], steps: readonly ScheduleStep[]): Trouble | undefined {
    for (const [index, { name, level, cpu }] of this.#program.contexts.entries()) {
      const forOthers = refused.filter((made) => made.context === index && !this.#isForOwnCpu(made, cpu));
      const spins = steps.filter((step) => step.context === name && step.until === "spin").length;
      const tries = level === "nmi" ? CONCURRENT_LOCK_SPINS_NMI_MAX : CONCURRENT_LOCK_SPINS_MAX;
      if (spins < tries * forOthers.length) return this.#trouble(forOthers[0]!, `for a call of another CPU, having waited for ${spins} tries and not ${tries}`);
    }
    return undefined;
  }

  /** Refused at once: by a call that it interrupted, by what holds the map anyway, or for want of a walk. */
  #isForOwnCpu(made: MadeOperation, cpu: number): boolean {
    return this.#holdersMet(made).some((holder) => holder.cpu === cpu) || this.#isHeldSinceSetup(made) || this.#walksMet(made) >= LIMITS.MAP_WALKS_MAX.value;
  }

  /** Whoever had the map at a time when it could have made the call fail. */
  #holdersMet(made: MadeOperation, during: Span = made): Holder[] {
    const { cpu, level } = this.#program.contexts[made.context]!;
    return this.#holders(made.op.target, partsOf(made.op, cpu)).filter((holder) => {
      const overlaps = holder.begin < during.end && during.begin < holder.end;
      if (holder.isHold) return overlaps;
      if (holder.context === made.context) return false;
      return holder.cpu === cpu ? (level === "nmi" || !holder.isSilent) && holder.begin < during.begin && during.end < holder.end : overlaps;
    });
  }

  /** Of any of these parts of a map. */
  #holders(target: number, parts: number): Holder[] {
    return this.#made.flatMap((made): Holder[] => {
      const { op, context, begin } = made;
      const { cpu } = this.#program.contexts[context]!;
      if (!isMapCall(op) || op.target !== target || (partsOf(op, cpu) & parts) === 0) return [];
      if (op.name !== "map_hold") return [{ context, cpu, begin, end: made.end, isHold: false, isSilent: op.name !== "map_stat_add" || MAPS[target]!.keys.length > 0 }];
      return made.result === 0n ? [{ context, cpu, begin, end: this.#releaseOf(made), isHold: true, isSilent: true }] : [];
    });
  }

  #releaseOf(hold: MadeOperation): number {
    const release = this.#made.find(({ context, index, op }) => context === hold.context && index > hold.index && op.name === "map_release" && op.target === hold.op.target);
    return release?.end ?? Infinity;
  }

  #walksMet(made: MadeOperation): number {
    if (!WALKERS.has(made.op.name)) return 0;
    return this.#made.filter((other) => other.context !== made.context && WALKERS.has(other.op.name) && other.op.target === made.op.target && other.begin < made.end && (this.#delayed || made.begin < other.end)).length;
  }

  #isHeldSinceSetup({ op, context }: MadeOperation): boolean {
    const needed = partsOf(op, this.#program.contexts[context]!.cpu);
    const last = new Map<number, Operation>();
    for (const made of this.#program.setup) if (made.target === op.target && (made.name === "map_hold" || made.name === "map_release")) last.set(made.cpu, made);
    return [...last.values()].some((made) => made.name === "map_hold" && (partsOf(made, made.cpu) & needed) !== 0);
  }

  #trouble({ context, op }: MadeOperation, why: string): Trouble {
    return { rule: WALKERS.has(op.name) ? "M10" : "M6", detail: `${this.#program.contexts[context]!.name} is refused with EBUSY in "${formatOperation(op)}" ${why}` };
  }
}
