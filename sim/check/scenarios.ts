/** Scenarios: who takes part in a run, and from which state. Siblings: bench.ts, interleaved.ts */
import type { Context } from "../../spec/protocol.ts";
import type { Explorer } from "../explore/explorer.ts";
import { depthFirst } from "../explore/depth-first.ts";
import { pct } from "../explore/random.ts";
import type { ProbeInfo, WorldEvent } from "../sandbox.ts";
import type { Actor, Bench, Deed, State } from "./bench.ts";

export interface Scenario {
  /** With a schedule it replays. */
  readonly name: string;
  readonly state: State;
  readonly actors: readonly Actor[];
  readonly explorer: Explorer;
  /** Whether what is printed is compared with serial orders: not if the session is gone, or output was lost anyway. */
  readonly compares: boolean;
}

export interface ScenarioOptions {
  /** Preemptions of the exhaustive part. */
  readonly bound: number;
  /** Runs of each random scenario. */
  readonly runs: number;
  readonly seed: number;
}

/** Who meets T0, by the name that it has in a schedule. */
const OTHERS = [
  { name: "S1", level: "softirq", cpu: 0 },
  { name: "I1", level: "irq", cpu: 0 },
  { name: "N1", level: "nmi", cpu: 0 },
  { name: "T1", level: "task", cpu: 1 },
] as const satisfies readonly { name: string; level: Context; cpu: number }[];
/** Deeds that are no hits, on the other CPU. */
const READER: Actor = { name: "T8", cpu: 1, level: "task", deed: { kind: "read", of: 0 } };
const STOP: Actor = { name: "T9", cpu: 1, level: "task", deed: { kind: "stop" } };
const UNLOAD: Actor = { name: "T9", cpu: 1, level: "task", deed: { kind: "unload" } };

/** Changes of mind in a random run. */
const PCT_CHANGES = 3;

export function* scenarios(bench: Bench, options: ScenarioOptions): Generator<Scenario> {
  const { bound, runs, seed } = options;
  const exhaustive = depthFirst({ preemptions: bound, reduced: true });
  const prompt = depthFirst({ preemptions: bound, delays: 0, reduced: true }); // what a delay shows does not depend on the maps' contents
  for (const state of ["fresh", "warm"] as const) {
    for (const [pair, first, second] of pairs(bench)) {
      for (const other of OTHERS) yield { name: `${state}/${pair}/${other.name}`, state, actors: [first, { ...other, deed: second }], explorer: state === "fresh" ? exhaustive : prompt, compares: true };
    }
  }
  for (const probe of bench.hitProbes) {
    const first = task0(bench, probe);
    const second = hit(probe, bench.pairOf(probe, bench.eventsOf(probe)[0]!));
    const N: Actor = { name: "N2", cpu: 0, level: "nmi", deed: second };
    const I: Actor = { name: "I1", cpu: 0, level: "irq", deed: second };
    const T: Actor = { name: "T1", cpu: 1, level: "task", deed: second };
    const label = String(probe.index);
    yield { name: `fresh/${label}/reader`, state: "fresh", actors: [first, READER], explorer: exhaustive, compares: true };
    yield { name: `fresh/${label}/stop`, state: "fresh", actors: [first, STOP], explorer: exhaustive, compares: true };
    yield { name: `warm/${label}/unload`, state: "warm", actors: [first, UNLOAD], explorer: exhaustive, compares: false };
    yield { name: `full/${label}/N1`, state: "full", actors: [first, { ...N, name: "N1" }], explorer: exhaustive, compares: false };
    const crowds = { nested: [first, I, N], crossed: [first, T, N], read: [first, I, T, READER], stopped: [first, I, T, STOP], unloaded: [first, N, T, UNLOAD] };
    for (const [name, actors] of Object.entries(crowds)) {
      yield { name: `warm/${label}/${name}`, state: "warm", actors, explorer: pct({ runs, seed, changes: PCT_CHANGES }), compares: name !== "unloaded" };
    }
  }
}

/** Each hit with each other, of the same task and of another. */
function* pairs(bench: Bench): Generator<readonly [string, Actor, Deed]> {
  for (const first of bench.hitProbes) {
    for (const second of bench.hitProbes) {
      const event = bench.eventsOf(first)[0]!;
      yield [`${first.index}/${second.index}/same`, task0(bench, first), hit(second, event)];
      yield [`${first.index}/${second.index}/other`, task0(bench, first), hit(second, bench.pairOf(second, event))];
    }
  }
}

function task0(bench: Bench, probe: ProbeInfo): Actor {
  return { name: "T0", cpu: 0, level: "task", deed: hit(probe, bench.eventsOf(probe)[0]!) };
}

function hit(probe: ProbeInfo, event: WorldEvent): Deed {
  return { kind: "hit", probe, event };
}
