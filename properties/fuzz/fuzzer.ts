/**
 * The fuzzer of one thread: takes an input, changes it, runs it, and keeps it if it reaches something new.
 *
 * All that it draws comes from its seed; how far it comes depends on the time that it is given.
 * Siblings: thread.ts runs it, fuzz.ts runs the threads.
 */
import { DOUBLED_EVERY } from "../../sim/explore/explore.ts";
import { runSchedule, type Outcome } from "../../sim/run.ts";
import type { ScheduleStep } from "../../sim/schedule.ts";
import type { Bench } from "../concurrent/bench.ts";
import { cellsOf } from "../concurrent/cells.ts";
import { drawSchedule, mutateSchedule, runLoosely } from "../concurrent/drive.ts";
import { ProgramGenerator } from "../concurrent/generate.ts";
import { Judge } from "../concurrent/judge.ts";
import { mutateProgram } from "../concurrent/mutate.ts";
import type { ConcurrentProgram } from "../concurrent/program.ts";
import type { Found } from "../concurrent/survey.ts";
import type { Model } from "../model.ts";
import type { Features } from "./features.ts";

/** One in so many inputs is made anew and not from the corpus. */
const FRESH_ONE_IN = 8;
const MUTATIONS_MAX = 3;

export interface Input {
  readonly program: ConcurrentProgram;
  readonly schedule: readonly ScheduleStep[];
}

/** What one execution came to. */
export interface Executed {
  readonly input: Input;
  /** It has reached something that nothing had reached before. */
  readonly isNew: boolean;
  readonly found: Found | undefined;
}

interface Kept extends Input {
  /** Events of each context in its run. */
  readonly events: ReadonlyMap<string, number>;
}

export class Fuzzer {
  readonly #bench: Bench;
  readonly #judge: Judge;
  readonly #features: Features;
  readonly #generator: ProgramGenerator;
  readonly #counters: Uint8Array;
  readonly #corpus: Kept[] = [];
  #executions = 0;

  constructor(bench: Bench, model: Model, features: Features, seed: number) {
    this.#bench = bench;
    this.#judge = new Judge(bench, model);
    this.#features = features;
    this.#generator = new ProgramGenerator(seed);
    this.#counters = new Uint8Array(bench.coverage.edges);
  }

  /** Takes an input that another thread has found. */
  take(input: Input): void {
    this.#corpus.push({ ...input, events: new Map() });
  }

  /** Runs an input as it is, or as far as it can still be followed. */
  replay({ program, schedule }: Input): Executed {
    const outcome = runSchedule(this.#bench.course(program), schedule);
    return this.#finish(program, outcome.verdict === "illegal" ? runLoosely(this.#bench.course(program), schedule, this.#generator.draw) : outcome);
  }

  /** Makes an input and runs it. */
  next(): Executed {
    const { draw } = this.#generator;
    const parent = this.#corpus.length > 0 && draw(FRESH_ONE_IN) !== 0 ? this.#corpus[draw(this.#corpus.length)]! : { program: this.#generator.program(), schedule: [], events: new Map<string, number>() };
    const program = draw(2) === 0 ? this.#mutated(parent.program) : parent.program;
    const names = program.contexts.map(({ name }) => name);
    const schedule = parent.schedule.length > 0 && draw(2) === 0 ? mutateSchedule(parent.schedule, names, draw) : drawSchedule(names, parent.events, draw);
    return this.#finish(program, runLoosely(this.#bench.course(program), schedule, draw));
  }

  #mutated(program: ConcurrentProgram): ConcurrentProgram {
    const { draw } = this.#generator;
    let mutant = program;
    for (let i = 1 + draw(MUTATIONS_MAX); i > 0; i--) {
      const other = this.#corpus.length > 0 ? this.#corpus[draw(this.#corpus.length)]!.program : program;
      mutant = mutateProgram(mutant, other, this.#generator);
    }
    return mutant;
  }

  #finish(program: ConcurrentProgram, outcome: Outcome): Executed {
    this.#bench.coverage.read(this.#counters);
    const { hash } = this.#bench.watch;
    const input: Input = { program, schedule: outcome.steps };
    const trouble = this.#judge.judge(program, outcome);
    if (trouble) return { input, isNew: false, found: { ...input, trouble } };
    const isNew = this.#features.add(this.#counters, this.#judge.observation ? cellsOf(program, this.#judge.observation) : []);
    if (isNew) this.#corpus.push({ ...input, events: new Map(outcome.contexts.map(({ name, accesses }) => [name, accesses])) });
    if (++this.#executions % DOUBLED_EVERY !== 0) return { input, isNew, found: undefined };
    const again = runSchedule(this.#bench.course(program), outcome.steps);
    const isSame = again.verdict === outcome.verdict && this.#bench.watch.hash === hash;
    return { input, isNew, found: isSame ? undefined : { ...input, trouble: { rule: "machine", detail: "The machine is not deterministic: the same schedule ran otherwise the second time" } } };
  }
}
