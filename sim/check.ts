/**
 * Is a probe safe? Every hit interrupted once by another hit, at every memory access, from every context level and from
 * another CPU; each outcome compared with the same hits one after the other.
 *
 * A run is right if what the program prints at its end is what some serial order of the same hits prints, refusals only
 * where a rule permits them, and the ledger balances.
 * Siblings: explore.ts (sources of schedules), sandbox.ts (the session)
 */
import { StpError } from "../spec/errors.ts";
import { decodeRecords } from "../spec/recording/record.ts";
import { type Context, type LossCause, type LossKind } from "../spec/protocol.ts";
import { explore, oneInterruption, type ExploreFailure, type ScheduleSource } from "./explore.ts";
import { createMachine, type Machine, type SimContext } from "./machine.ts";
import { Sandbox, type LedgerRow, type ProbeInfo, type WorldEvent } from "./sandbox.ts";
import { runSchedule } from "./schedule.ts";
import { restoreSnapshot, takeSnapshot, type Snapshot } from "./snapshot.ts";
import { pointOf, type TraceEvent } from "./trace.ts";
import type { WasmValue } from "./wasi.ts";

/** Hits before the checked ones in a scenario with state "warm". */
export const WARM_HITS = 32;
const CHECK_CPUS = 2;
const CHECK_RING_BYTES = 1 << 16;
const HIT_RANK_PROVIDERS_EXCLUDED = ["begin", "end"];

/** The scenario of a program that fails without any interruption. */
const ALONE = "alone";

/** Who interrupts T0, by the letter of its name in a schedule. */
const INTERRUPTERS = [
  { name: "S1", level: "softirq", cpu: 0 },
  { name: "I1", level: "irq", cpu: 0 },
  { name: "N1", level: "nmi", cpu: 0 },
  { name: "T1", level: "task", cpu: 1 },
] as const satisfies readonly { name: string; level: Context; cpu: number }[];
type Interrupter = (typeof INTERRUPTERS)[number];

/** Rules that every run is held to. */
export const CHECKED_RULES = {
  X1: "a hit is refused only if its level of its CPU is taken",
  X4: "attempted = delivered + lost, for every probe, CPU and kind",
  M6: "a map call is refused only if it interrupted another on that map",
  P3: "what is printed is what some serial order of the hits prints",
  X2: "every hit ends: no deadlock, hang or trap",
} as const;
export type CheckedRule = keyof typeof CHECKED_RULES;

export interface CheckFailure extends ExploreFailure {
  readonly rule: CheckedRule;
  /** Names what was interrupted by what, and in which state; with `schedule` it replays. */
  readonly scenario: string;
}

export interface CheckResult {
  readonly schedules: number;
  readonly illegal: number;
  readonly scenarios: number;
  readonly failures: readonly CheckFailure[];
  /** Losses over all runs, permitted ones too. */
  readonly losses: Readonly<Record<string, bigint>>;
}

export interface CheckOptions {
  /** Instrumented module of the probe. */
  readonly wasm: Uint8Array;
  /** Events that the probe may meet, in order; may be empty. */
  readonly events: readonly TraceEvent[];
  /** Only this one, as a failure names it. */
  readonly only?: { readonly scenario: string; readonly schedule: string };
  readonly progress?: (schedules: number) => void;
  /** Told the program's probes before anything runs; may throw. */
  readonly onProbes?: (probes: readonly ProbeInfo[]) => void;
}

interface Scenario {
  readonly name: string;
  readonly state: "fresh" | "warm";
  readonly first: { readonly probe: ProbeInfo; readonly event: WorldEvent };
  readonly second: { readonly probe: ProbeInfo; readonly event: WorldEvent };
}

/** Something that should have ended by itself. */
type Unended = Pick<ExploreFailure, "verdict" | "detail">;

/** What can be seen from outside when a run has ended. */
interface Observed {
  readonly text: string;
  readonly rows: readonly LedgerRow[];
  /** Why its end probes did not end. */
  readonly problem: Unended | undefined;
}

/** Checks. Throws StpError if `only` names no schedule. */
export async function checkProbe(options: CheckOptions): Promise<CheckResult> {
  const checker = new Checker(await createMachine(options.wasm), options.events);
  const { only, progress } = options;
  options.onProbes?.(checker.probes);
  const totals = { schedules: 0, illegal: 0, scenarios: 0, failures: [] as CheckFailure[] };
  if (checker.alone || only?.scenario === ALONE) {
    return { ...totals, schedules: 1, scenarios: 1, failures: checker.alone ? [checker.alone] : [], losses: checker.losses };
  }
  for (const scenario of checker.scenarios()) {
    for (const interrupter of INTERRUPTERS) {
      if (only && (only.scenario !== scenario.name || !only.schedule.includes(interrupter.name))) continue;
      const result = only ? checker.replay(scenario, interrupter, only.schedule) : checker.explore(scenario, interrupter);
      totals.schedules += result.schedules;
      totals.illegal += result.illegal;
      totals.failures.push(...result.failures);
      progress?.(totals.schedules);
    }
    totals.scenarios++;
  }
  return { ...totals, losses: checker.losses };
}

/** What the hits print without any interruption. */
interface Serial {
  readonly both: ReadonlySet<string>;
  /** With the interrupter refused on a map. */
  readonly refused: ReadonlySet<string>;
}

/** Of one scenario and interrupter. */
type Part = Pick<CheckResult, "schedules" | "illegal" | "failures">;

class Checker {
  readonly losses: Record<string, bigint> = {};
  readonly #machine: Machine;
  readonly #sandbox: Sandbox;
  readonly #events: readonly TraceEvent[];
  readonly #states: Readonly<Record<Scenario["state"], Snapshot>>;
  /** Set if begin probes or hits fail though nothing interrupts them: there is nothing to explore then. */
  readonly alone: CheckFailure | undefined;

  constructor(machine: Machine, events: readonly TraceEvent[]) {
    this.#machine = machine;
    this.#events = events;
    this.#sandbox = new Sandbox(machine.instance, CHECK_CPUS, CHECK_RING_BYTES);
    this.#sandbox.place(0, "task");
    machine.reserve(2);
    let problem = this.#toItsEnd(0, "a begin probe", () => this.#sandbox.start());
    const fresh = takeSnapshot(machine);
    const hits = this.#hitProbes();
    for (let i = 0; i < WARM_HITS && hits.length > 0 && problem === undefined; i++) {
      const probe = hits[i % hits.length]!;
      const cpu = i % CHECK_CPUS;
      this.#sandbox.show({ ...this.#eventsOf(probe)[i % this.#eventsOf(probe).length]!, cpu, context: "task" });
      problem = this.#toItsEnd(cpu, `hit ${i + 1}, of ${pointOf(probe)}`, () => machine.instance.func("stp_sim_hit")(probe.index));
    }
    this.#states = { fresh, warm: takeSnapshot(machine) };
    this.alone = problem === undefined ? undefined : { rule: "X2", scenario: ALONE, schedule: "T0:*", ...problem };
  }

  /** Runs a call that nothing interrupts, bounded as a run is. What is wrong if it does not end; undefined if it does. */
  #toItsEnd(cpu: number, what: string, call: () => WasmValue | void): Unended | undefined {
    this.#machine.reset();
    const context = this.#machine.spawn({ name: "T0", cpu, level: "task", call: () => call() as WasmValue });
    const { verdict, detail } = runSchedule(this.#machine, [context], "T0");
    return verdict === "completed" ? undefined : { verdict, detail: `${what}: ${detail}` };
  }

  get probes(): readonly ProbeInfo[] {
    return this.#sandbox.probes;
  }

  #hitProbes(): ProbeInfo[] {
    return this.#sandbox.probes.filter((probe) => !HIT_RANK_PROVIDERS_EXCLUDED.includes(probe.provider));
  }

  /** Events for a probe: those of the trace, or a made-up task. */
  #eventsOf(probe: ProbeInfo): readonly WorldEvent[] {
    const traced = this.#events.filter((event) => pointOf(event) === pointOf(probe));
    return traced.length > 0 ? traced : [madeUpEvent("one"), madeUpEvent("two")];
  }

  *scenarios(): Generator<Scenario> {
    for (const state of ["fresh", "warm"] as const) {
      for (const first of this.#hitProbes()) {
        for (const second of this.#hitProbes()) {
          const event = this.#eventsOf(first)[0]!;
          const other = this.#eventsOf(second).find((candidate) => !sameTask(candidate, event)) ?? event;
          for (const [kind, partner] of [["same", event], ["other", other]] as const) {
            yield { name: `${state}/${first.index}/${second.index}/${kind}`, state, first: { probe: first, event }, second: { probe: second, event: partner } };
          }
        }
      }
    }
  }

  explore(scenario: Scenario, interrupter: Interrupter): Part {
    return this.#run(scenario, interrupter, oneInterruption("T0", interrupter.name));
  }

  replay(scenario: Scenario, interrupter: Interrupter, schedule: string): Part {
    const expected = this.#serial(scenario, interrupter);
    const outcome = runSchedule(this.#machine, this.#prepare(scenario, interrupter), schedule);
    if (outcome.verdict === "illegal") throw new StpError(`Cannot replay "${schedule}" in scenario ${scenario.name}: ${outcome.detail}`);
    const failure = outcome.verdict === "completed" ? this.#judge(interrupter, expected) : `X2 ${outcome.detail}`;
    const failures = failure === undefined ? [] : [describe(scenario, { schedule, verdict: outcome.verdict, detail: failure })];
    return { schedules: 1, illegal: 0, failures };
  }

  #run(scenario: Scenario, interrupter: Interrupter, source: ScheduleSource): Part {
    const expected = this.#serial(scenario, interrupter);
    const result = explore({
      machine: this.#machine,
      source,
      prepare: () => this.#prepare(scenario, interrupter),
      check: () => this.#judge(interrupter, expected),
    });
    return { schedules: result.schedules, illegal: result.illegal, failures: result.failures.map((failure) => describe(scenario, failure)) };
  }

  /**
   * What the hits print one after the other, in both orders; and the same if the interrupter found one of the maps
   * held: all its calls on that map are then refused, and nothing else is (M6).
   */
  #serial(scenario: Scenario, interrupter: Interrupter): Serial {
    const text = (names: readonly string[], held?: number): string => {
      restoreSnapshot(this.#machine, this.#states[scenario.state]);
      for (const name of names) {
        const run = (): void => void runSchedule(this.#machine, this.#spawn(scenario, interrupter, [name]), name);
        if (held === undefined || name === "T0") run();
        else this.#sandbox.whileHeld(held, interrupter.cpu, run);
      }
      return this.#observe().text;
    };
    const orders = [["T0", interrupter.name], [interrupter.name, "T0"]];
    const maps = interrupter.level === "nmi" ? this.#sandbox.maps : 0;
    return {
      both: new Set(orders.map((names) => text(names))),
      refused: new Set(Array.from({ length: maps }, (_, map) => orders.map((names) => text(names, map))).flat()),
    };
  }

  #prepare(scenario: Scenario, interrupter: Interrupter): readonly SimContext[] {
    restoreSnapshot(this.#machine, this.#states[scenario.state]);
    return this.#spawn(scenario, interrupter, ["T0", interrupter.name]);
  }

  #spawn(scenario: Scenario, interrupter: Interrupter, names: readonly string[]): readonly SimContext[] {
    const hit = this.#machine.instance.func("stp_sim_hit");
    return names.map((name) => {
      const place = name === "T0" ? ({ cpu: 0, level: "task" } as const) : interrupter;
      const { probe, event } = name === "T0" ? scenario.first : scenario.second;
      this.#sandbox.show({ ...event, cpu: place.cpu, context: place.level });
      return this.#machine.spawn({ name, cpu: place.cpu, level: place.level, call: () => hit(probe.index) });
    });
  }

  #observe(): Observed {
    const problem = this.#toItsEnd(0, "the end probes", () => this.#sandbox.stop());
    const texts: string[] = [];
    const rows: LedgerRow[] = [];
    for (let cpu = 0; cpu < CHECK_CPUS; cpu++) {
      for (const record of decodeRecords(this.#sandbox.unread(cpu))) {
        if (record.type === "print") texts.push(new TextDecoder().decode(record.payload));
      }
      for (let probe = 0; probe <= this.#sandbox.probes.length; probe++) rows.push(this.#sandbox.row(cpu, probe));
    }
    return { text: texts.sort().join(""), rows, problem };
  }

  /** What is wrong, its rule first; undefined if nothing is. */
  #judge(interrupter: Interrupter, expected: Serial): string | undefined {
    const { text, rows, problem } = this.#observe();
    if (problem) return `X2 ${problem.detail}`;
    let refused = false;
    for (const row of rows) {
      for (const kind of Object.keys(row) as LossKind[]) {
        const { attempted, delivered, lost } = row[kind];
        const losses = Object.entries(lost) as [LossCause, bigint][];
        for (const [cause, count] of losses) if (count > 0n) this.losses[cause] = (this.losses[cause] ?? 0n) + count;
        if (attempted !== delivered + losses.reduce((sum, [, count]) => sum + count, 0n)) return `X4 ${kind}: attempted ${attempted}, delivered ${delivered}, lost ${JSON.stringify(losses.map(([cause, count]) => `${cause} ${count}`))}`;
        if (lost.nested > 0n) return "X1 a hit was refused though nothing ran at its level of its CPU";
        // Interrupts are off while a map is held: no softirq or irq of its CPU can find it so, and other CPUs wait.
        if (lost.busy > 0n && interrupter.level !== "nmi") return `M6 a map call was refused to ${interrupter.name}, which is no nmi and so interrupted none`;
        refused ||= lost.busy > 0n;
      }
    }
    if (expected.both.has(text) || (refused && expected.refused.has(text))) return undefined;
    return `P3 the program printed ${JSON.stringify(text)}; one after the other the hits print ${[...expected.both].map((one) => JSON.stringify(one)).join(" or ")}`;
  }
}

/** A judgement opens with its rule; what the machine says itself is a run that did not end. */
function describe(scenario: Scenario, failure: ExploreFailure): CheckFailure {
  const named = /^(X1|X2|X4|M6|P3) /.exec(failure.detail);
  return { ...failure, scenario: scenario.name, rule: (named?.[1] ?? "X2") as CheckedRule, detail: named ? failure.detail.slice(named[0].length) : failure.detail };
}

const COMM_OFFSET = 16;

function madeUpEvent(comm: string): WorldEvent {
  const seen = new Uint8Array(80);
  seen.set(new TextEncoder().encode(comm), COMM_OFFSET);
  return { cpu: 0, context: "task", time_ns: 0n, seen };
}

function sameTask(a: WorldEvent, b: WorldEvent): boolean {
  return Buffer.compare(a.seen.subarray(COMM_OFFSET, COMM_OFFSET + 16), b.seen.subarray(COMM_OFFSET, COMM_OFFSET + 16)) === 0;
}
