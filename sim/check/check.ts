/**
 * stp check: is a probe safe? Alone, with loading that fails, and interleaved with itself, with its reader, with its own end.
 *
 * Siblings: rules.ts says what it is held to; alone.ts, faults.ts and scenarios.ts what is tried, judge.ts what is right.
 */
import { StpError } from "../../spec/errors.ts";
import { DOUBLED_EVERY } from "../explore/explore.ts";
import { createMachine } from "../machine.ts";
import { Run, runSchedule, type Course, type Outcome } from "../run.ts";
import { formatSchedule, type ScheduleStep } from "../schedule.ts";
import { shrinkSchedule } from "../shrink-schedule.ts";
import type { ProbeInfo } from "../sandbox.ts";
import type { TraceEvent } from "../trace.ts";
import { ALONE, checkAlone, type Needs } from "./alone.ts";
import { Bench, CHECK_CPUS } from "./bench.ts";
import { checkLoading } from "./faults.ts";
import { Judge, verdictOf } from "./judge.ts";
import { scenarios, type Scenario, type ScenarioOptions } from "./scenarios.ts";
import type { Side } from "../watch/finding.ts";
import { placesOf, type CheckFailure } from "./rules.ts";

/** Breaches of one rule at the same places that are kept. */
const SAME_MAX = 1;

export interface CheckResult {
  readonly schedules: number;
  /** Runs that failed. */
  readonly failed: number;
  readonly scenarios: number;
  /** One of each kind, its schedule shrunk. */
  readonly failures: readonly CheckFailure[];
  /** Losses over all runs, permitted ones too. */
  readonly losses: Readonly<Record<string, number>>;
  readonly needs: readonly Needs[];
  /** Loads in each of which one allocation failed. */
  readonly loads: number;
}

export interface CheckOptions extends Partial<ScenarioOptions> {
  /** Instrumented module of the probe. */
  readonly wasm: Uint8Array;
  /** Events that the probe may meet, in order; may be empty. */
  readonly events: readonly TraceEvent[];
  /** Only this one, as a failure names it. */
  readonly only?: { readonly scenario: string; readonly schedule: string };
  /** Stop at the first failure, and do not shrink it. */
  readonly first?: boolean;
  readonly progress?: (schedules: number) => void;
  /** Told the program's probes before anything runs; may throw. */
  readonly onProbes?: (probes: readonly ProbeInfo[]) => void;
  /** Told how to run the first failure again, for a picture. */
  readonly onFailure?: (failure: CheckFailure, course: Course) => void;
}

const DEFAULTS: ScenarioOptions = { bound: 1, runs: 400, seed: 1 };

/** Checks. Throws StpError if `only` names no schedule. */
export async function checkProbe(options: CheckOptions): Promise<CheckResult> {
  const machine = await createMachine(options.wasm);
  const loading = checkLoading(machine);
  const bench = new Bench(machine, options.events);
  options.onProbes?.(bench.probes);
  const alone = checkAlone(bench, options.onFailure);
  const judge = new Judge(bench);
  const checker = new Checker(bench, judge, options);
  const found = [...loading.failures, ...alone.failures];
  const base = { schedules: 1, failed: found.length, scenarios: 1, failures: found, losses: judge.losses, needs: alone.needs, loads: loading.allocations };
  if (found.length > 0 || options.only?.scenario === ALONE) return base;
  fillRings(bench);
  const { bound, runs, seed } = { ...DEFAULTS, ...options };
  for (const scenario of scenarios(bench, { bound, runs, seed })) {
    if (options.only && options.only.scenario !== scenario.name) continue;
    if (options.only) checker.replay(scenario, options.only.schedule);
    else if (!checker.explore(scenario)) break;
  }
  return { ...base, ...checker.totals, losses: judge.losses };
}

/** Where a schedule leaves its contexts. */
function stopsOf(course: Course, steps: readonly ScheduleStep[]): Side[] {
  const run = new Run(course);
  return steps.flatMap((step) => {
    run.take(step);
    const context = run.contexts.find(({ name }) => name === step.context);
    if (typeof step.until !== "number" || !context?.access) return [];
    return [{ context: context.name, cpu: context.cpu, site: context.access.site, caller: context.caller, what: "is left" }];
  });
}

/** The state in which nobody has read for long. */
function fillRings(bench: Bench): void {
  const [probe] = bench.hitProbes;
  if (!probe) return;
  bench.back("warm");
  const hit = bench.machine.instance.func("stp_sim_hit");
  for (let cpu = 0; cpu < CHECK_CPUS; cpu++) {
    bench.sandbox.show({ ...bench.eventsOf(probe)[0]!, cpu, context: "task" });
    for (let before = -1; bench.sandbox.readable(cpu) > before; ) {
      before = bench.sandbox.readable(cpu);
      bench.alone(() => hit(probe.index), { cpu });
    }
  }
  bench.keep("full");
}

class Checker {
  #schedules = 0;
  #failed = 0;
  #scenarios = 0;
  readonly #failures: CheckFailure[] = [];
  readonly #seen = new Map<string, number>();
  readonly #bench: Bench;
  readonly #judge: Judge;
  readonly #options: CheckOptions;

  constructor(bench: Bench, judge: Judge, options: CheckOptions) {
    this.#bench = bench;
    this.#judge = judge;
    this.#options = options;
  }

  get totals(): Pick<CheckResult, "schedules" | "failed" | "scenarios" | "failures"> {
    return { schedules: this.#schedules, failed: this.#failed, scenarios: this.#scenarios, failures: this.#failures };
  }

  /** False: enough. */
  explore(scenario: Scenario): boolean {
    this.#scenarios++;
    const { state, actors } = scenario;
    const expected = scenario.compares ? this.#judge.serial(state, actors) : undefined;
    const course = this.#bench.course(state, actors);
    return scenario.explorer(course, (outcome) => {
      this.#schedules++;
      if (this.#schedules % 64 === 0) this.#options.progress?.(this.#schedules);
      const { hash } = this.#bench.watch;
      let breach = this.#breach(scenario, outcome, expected);
      if (!breach && this.#schedules % DOUBLED_EVERY === 0) breach = this.#doubled(scenario, outcome, hash);
      if (breach) this.#fail(scenario, outcome, breach, expected);
      return !(breach && this.#options.first);
    });
  }

  replay(scenario: Scenario, schedule: string): void {
    const { state, actors } = scenario;
    const expected = scenario.compares ? this.#judge.serial(state, actors) : undefined;
    const outcome = runSchedule(this.#bench.course(state, actors), schedule);
    if (outcome.verdict === "illegal") throw new StpError(`Cannot replay "${schedule}" in scenario ${scenario.name}: ${outcome.detail}`);
    this.#schedules++;
    this.#scenarios++;
    const breach = this.#breach(scenario, outcome, expected);
    if (!breach) return;
    this.#failed++;
    this.#keep({ ...breach, scenario: scenario.name, schedule }, scenario);
  }

  #keep(failure: CheckFailure, scenario: Scenario): void {
    this.#failures.push(failure);
    this.#options.onFailure?.(failure, this.#bench.course(scenario.state, scenario.actors));
  }

  #breach(scenario: Scenario, outcome: Outcome, expected: Parameters<typeof verdictOf>[4]): ReturnType<typeof verdictOf> {
    if (outcome.verdict === "illegal") return undefined;
    const unloaded = outcome.verdict === "completed" && scenario.actors.some(({ deed }) => deed.kind === "unload");
    return unloaded ? undefined : verdictOf(this.#bench, this.#judge, outcome, scenario.actors, expected);
  }

  /** The same schedule again has to do the same. */
  #doubled(scenario: Scenario, outcome: Outcome, hash: number): ReturnType<typeof verdictOf> {
    const again = runSchedule(this.#bench.course(scenario.state, scenario.actors), outcome.steps);
    if (again.verdict === outcome.verdict && this.#bench.watch.hash === hash) return undefined;
    return { rule: "X2", detail: `the machine is not deterministic: the same schedule ran otherwise the second time (${again.detail || again.verdict})`, places: [] };
  }

  #fail(scenario: Scenario, outcome: Outcome, breach: NonNullable<ReturnType<typeof verdictOf>>, expected: Parameters<typeof verdictOf>[4]): void {
    this.#failed++;
    const key = [breach.rule, ...breach.places.map(({ path, line }) => `${path}:${line}`), breach.places.length === 0 ? scenario.name.split("/").at(-1) : ""].join(" ");
    const seen = this.#seen.get(key) ?? 0;
    this.#seen.set(key, seen + 1);
    if (seen >= SAME_MAX) return;
    if (this.#options.first) return void this.#failures.push({ ...breach, scenario: scenario.name, schedule: formatSchedule(outcome.steps) });
    const course = this.#bench.course(scenario.state, scenario.actors);
    const steps = shrinkSchedule(outcome.steps, (candidate) => this.#breach(scenario, runSchedule(course, candidate), expected)?.rule === breach.rule);
    const smallest = this.#breach(scenario, runSchedule(course, steps), expected) ?? breach;
    const places = smallest.places.length > 0 ? smallest.places : placesOf(this.#bench.machine.instance, stopsOf(course, steps));
    this.#keep({ ...smallest, places, scenario: scenario.name, schedule: formatSchedule(steps) || `${scenario.actors[0]!.name}:*` }, scenario);
  }
}
