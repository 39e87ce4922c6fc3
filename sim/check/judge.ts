/**
 * The judge: is what a run left what some serial order of the same deeds leaves, and does the ledger agree?
 *
 * Siblings: bench.ts has what can be seen; interleaved.ts makes the runs.
 */
import { LIMITS, type LossCause, type LossKind } from "../../spec/protocol.ts";
import { SPIN_ROUNDS_MAX, type Outcome } from "../run.ts";
import type { Actor, Bench, Observed, State } from "./bench.ts";
import { breachOf, type CheckFailure } from "./rules.ts";

/** Serial runs that are made for one scenario at most: orders, times refusals. */
const SERIAL_RUNS_MAX = 400;

type Breach = Omit<CheckFailure, "scenario" | "schedule">;

/** What the deeds print one after the other. */
interface Serial {
  readonly complete: ReadonlySet<string>;
  /** With some nmi refused on some map. */
  readonly refused: ReadonlySet<string>;
}

export class Judge {
  /** Over all runs, permitted ones too. */
  readonly losses: Record<string, number> = {};
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /**
   * What the deeds print in every order; and the same if nmis found one of the maps held: all calls of such an nmi on that
   * map are then refused, and nothing else is (M6).
   */
  serial(state: State, actors: readonly Actor[]): Serial {
    const [complete, refused] = [new Set<string>(), new Set<string>()];
    const maps = this.#bench.sandbox.maps;
    let left = SERIAL_RUNS_MAX;
    for (const order of permutations(actors)) {
      for (const held of holdings(order, maps)) {
        if (left-- === 0) return { complete, refused };
        (held.some((map) => map !== undefined) ? refused : complete).add(this.#textOf(state, order, held));
      }
    }
    return { complete, refused };
  }

  /** What is wrong with a run that was completed; undefined if nothing is. */
  judge(actors: readonly Actor[], expected: Serial | undefined): Breach | undefined {
    const observed = this.#bench.observe();
    const ending = breachOf(this.#bench.machine.instance, observed.end);
    if (ending) return { ...ending, detail: `the end probes: ${ending.detail}` };
    // More walks of one map than it has room for are refused, too, whoever makes them (M10).
    const crowded = actors.filter(({ deed }) => deed.kind === "hit").length > LIMITS.MAP_WALKS_MAX.value;
    const ledger = this.#ledger(observed, crowded || actors.some(({ level }) => level === "nmi"));
    if (typeof ledger === "object") return ledger;
    if (crowded && ledger === "refused") return undefined;
    if (!expected || expected.complete.has(observed.text) || (ledger === "refused" && expected.refused.has(observed.text))) return undefined;
    const orders = [...expected.complete].map((text) => JSON.stringify(text)).join(" or ");
    return breach("P3", `the program printed ${JSON.stringify(observed.text)}; one after the other the hits print ${orders}`);
  }

  #textOf(state: State, order: readonly Actor[], held: readonly (number | undefined)[]): string {
    const { machine, sandbox } = this.#bench;
    const contexts = this.#bench.course(state, order, false).prepare();
    contexts.forEach((context, i) => {
      const run = (): void => {
        // For a grace period, which nobody prolongs here; or for what will never come, which the runs will tell.
        for (let rounds = 0; rounds < SPIN_ROUNDS_MAX && machine.step(context, "end").state === "spinning"; rounds++);
      };
      const map = held[i];
      if (map === undefined) run();
      else sandbox.whileHeld(map, context.cpu, run);
    });
    return this.#bench.observe().text;
  }

  #ledger({ rows }: Observed, mayRefuse: boolean): Breach | "refused" | "complete" {
    let refused = false;
    for (const { probe, row } of rows) {
      for (const kind of Object.keys(row) as LossKind[]) {
        const { attempted, delivered, lost } = row[kind];
        const losses = (Object.entries(lost) as [LossCause, number][]).filter(([, count]) => count > 0);
        for (const [cause, count] of losses) this.losses[cause] = (this.losses[cause] ?? 0) + count;
        if (attempted !== delivered + losses.reduce((sum, [, count]) => sum + count, 0)) return breach("X4", `${kind}: attempted ${attempted}, delivered ${delivered}, lost ${JSON.stringify(losses.map(([cause, count]) => `${cause} ${count}`))}`);
        if (probe === this.#bench.probes.length && attempted > 0) return breach("X3", `${attempted} calls of kind ${kind} stand in the row of no probe`);
        if (lost.nested > 0) return breach("X1", "a hit was refused though nothing ran at its level of its CPU");
        // Interrupts are off while a map is held: no softirq or irq of its CPU can find it so, and other CPUs wait.
        if (lost.busy > 0 && !mayRefuse) return breach("M6", "a map call was refused, and no nmi was there to interrupt one");
        refused ||= lost.busy > 0;
      }
    }
    return refused ? "refused" : "complete";
  }
}

function breach(rule: CheckFailure["rule"], detail: string): Breach {
  return { rule, detail, places: [] };
}

/** A run that was stopped has broken a law; one that was completed is judged. */
export function verdictOf(bench: Bench, judge: Judge, outcome: Outcome, actors: readonly Actor[], expected: Serial | undefined): Breach | undefined {
  return breachOf(bench.machine.instance, outcome) ?? judge.judge(actors, expected);
}

function* permutations<T>(list: readonly T[]): Generator<T[]> {
  if (list.length === 0) yield [];
  for (let i = 0; i < list.length; i++) for (const rest of permutations(list.toSpliced(i, 1))) yield [list[i]!, ...rest];
}

/** For each nmi one of the maps or none; for the others none. */
function* holdings(actors: readonly Actor[], maps: number): Generator<(number | undefined)[]> {
  if (actors.length === 0) return yield [];
  const [first, ...rest] = actors;
  const choices = [undefined, ...(first!.level === "nmi" ? Array.from({ length: maps }, (_, map) => map) : [])];
  for (const others of holdings(rest, maps)) for (const choice of choices) yield [choice, ...others];
}
