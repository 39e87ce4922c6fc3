/**
 * Judges runs of concurrent programs: what the machine's observers found, refusals, and the serial order.
 *
 * Runs that have shown the same are judged once: of the thousands of one exploration few differ.
 * Siblings: permit.ts, serial.ts
 */
import { runSchedule, type Outcome } from "../../sim/run.ts";
import type { ScheduleStep } from "../../sim/schedule.ts";
import { readSite } from "../../sim/sites.ts";
import type { Finding } from "../../sim/watch/finding.ts";
import type { Model } from "../model.ts";
import type { Bench, Observation } from "./bench.ts";
import { Permits } from "./permit.ts";
import type { ConcurrentProgram } from "./program.ts";
import { serialTrouble } from "./serial.ts";
import type { Trouble } from "./trouble.ts";

/** Judgements that are remembered at a time. */
const REMEMBERED_MAX = 100_000;

export class Judge {
  readonly #bench: Bench;
  readonly #model: Model;
  readonly #known = new Map<string, Trouble | undefined>();
  #program: ConcurrentProgram | undefined;
  /** What the last run has shown, if it was looked at: one that shows what is known is not. */
  observation: Observation | undefined;

  constructor(bench: Bench, model: Model) {
    this.#bench = bench;
    this.#model = model;
    model.discard(); // as bench.ts has the runtime compiled
  }

  /** What is wrong with the run that has just ended; undefined also if its schedule was illegal. */
  judge(program: ConcurrentProgram, outcome: Outcome): Trouble | undefined {
    this.observation = undefined;
    if (outcome.verdict === "illegal") return undefined;
    if (outcome.verdict !== "completed") return this.#stopped(outcome);
    if (program !== this.#program || this.#known.size > REMEMBERED_MAX) this.#known.clear();
    this.#program = program;
    const key = `${this.#bench.digest()} ${isDelayed(outcome.steps)} ${outcome.steps.flatMap(({ context, until }) => (until === "spin" ? [context] : [])).join()}`;
    if (this.#known.has(key)) return this.#known.get(key);
    const trouble = this.#completed(program, outcome.steps);
    this.#known.set(key, trouble);
    return trouble;
  }

  /** Runs a schedule and judges it. */
  replay(program: ConcurrentProgram, schedule: string | readonly ScheduleStep[]): { readonly outcome: Outcome; readonly trouble: Trouble | undefined } {
    const outcome = runSchedule(this.#bench.course(program), schedule);
    return { outcome, trouble: this.judge(program, outcome) };
  }

  #completed(program: ConcurrentProgram, steps: readonly ScheduleStep[]): Trouble | undefined {
    const observation = (this.observation = this.#bench.observe(program));
    const permits = new Permits(program, observation, isDelayed(steps));
    return permits.firstWrong(steps) ?? serialTrouble(this.#model, { program, observation, permits, delayed: isDelayed(steps) });
  }

  #stopped({ detail, finding }: Outcome): Trouble {
    return finding ? { rule: finding.kind, detail: `${finding.detail}${this.#places(finding)}` } : { rule: "X2", detail };
  }

  #places({ sides }: Finding): string {
    const places = sides.flatMap(({ site, context }) => {
      const place = readSite(this.#bench.machine.instance, site);
      return place ? [`${context} at ${place.path}:${place.line}`] : [];
    });
    return places.length > 0 ? ` (${places.join(", ")})` : "";
  }
}

function isDelayed(steps: readonly ScheduleStep[]): boolean {
  return steps.some(({ hold }) => hold?.kind === "d");
}
