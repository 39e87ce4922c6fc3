/** A machine with the litmus cases on it, and short names for what tests do with them. */
import type { Context } from "../../spec/protocol.ts";
import { explore, type ExploreResult, type ScheduleSource } from "../explore.ts";
import { createMachine, type ContextSpec, type Machine, type SimContext } from "../machine.ts";
import { runSchedule, type Outcome } from "../schedule.ts";
import { buildLitmus } from "./build.ts";

/** One context: its name gives the level, `cpu` is 0 unless told. */
export interface Part {
  readonly name: string;
  readonly cpu?: number;
  readonly run: string;
  readonly args?: readonly number[];
}

export interface LitmusCase {
  /** Prefix of the case's exports. */
  readonly name: string;
  readonly parts: readonly Part[];
  /** What is wrong after a completed run, or undefined. */
  readonly check: (outcome: Outcome, rig: LitmusRig) => string | undefined;
}

const LEVELS: Readonly<Record<string, Context>> = { T: "task", S: "softirq", I: "irq", N: "nmi" };

export class LitmusRig {
  readonly machine: Machine;
  readonly #begin = new WeakMap<LitmusCase, () => SimContext[]>();

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async create(level: "-O0" | "-O1" | "-O2" = "-O2"): Promise<LitmusRig> {
    return new LitmusRig(await createMachine((await buildLitmus(level)).wasm));
  }

  call(name: string, ...args: number[]): number | bigint | undefined {
    return this.machine.instance.func(name)(...args);
  }

  /** Fresh C state, fresh contexts. */
  prepare(litmus: LitmusCase): SimContext[] {
    let begin = this.#begin.get(litmus);
    if (!begin) this.#begin.set(litmus, (begin = this.#load(litmus)));
    return begin();
  }

  /** Looks up what a case exports, once: `prepare` is called for every run. */
  #load(litmus: LitmusCase): () => SimContext[] {
    const resets = ["port_reset", `${litmus.name}_reset`].map((name) => this.machine.instance.func(name));
    const specs: ContextSpec[] = litmus.parts.map(({ name, cpu = 0, run, args = [] }) => {
      const main = this.machine.instance.func(`${litmus.name}_${run}`);
      return { name, cpu, level: LEVELS[name[0]!]!, call: () => main(...args) };
    });
    return () => {
      this.machine.reset();
      for (const reset of resets) reset();
      return specs.map((spec) => this.machine.spawn(spec));
    };
  }

  /** One run by a schedule string; "" if all is well, else the verdict or what the check says. */
  replay(litmus: LitmusCase, schedule: string): string {
    const outcome = runSchedule(this.machine, this.prepare(litmus), schedule);
    return outcome.verdict === "completed" ? (litmus.check(outcome, this) ?? "") : outcome.verdict;
  }

  explore(litmus: LitmusCase, source: ScheduleSource): ExploreResult {
    return explore({ machine: this.machine, source, prepare: () => this.prepare(litmus), check: (outcome) => litmus.check(outcome, this) });
  }
}
