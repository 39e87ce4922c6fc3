/**
 * Concurrent programs: what the contexts of one run do, and the text in which such a program is kept.
 *
 *   # M6: what was seen                     comments
 *   setup cpu0 map_set ints [1] 5           in sequence, before any context runs
 *   context T0 cpu 0
 *     cpu0 probe_enter probe0 task
 *     cpu0 map_add ints [1] 1
 *     cpu0 probe_exit
 *   context N1 cpu 0
 *     cpu0 map_get ints [1]
 *   fault clock T0 1 -5000                  as T0 begins its operation 1 (from 0) the clock jumps by so many nanoseconds
 *   schedule T0:12 N1:* T0
 *
 * Or one line, "fault alloc 7": the seventh allocation of a session's init fails, and there is no program.
 *
 * Siblings: check.ts says which programs may be run; bench.ts runs them.
 */
import { StpError } from "../../spec/errors.ts";
import { CONTEXTS, type Context } from "../../spec/protocol.ts";
import { formatSchedule, parseSchedule, type ScheduleStep } from "../../sim/schedule.ts";
import { formatOperation, parseOperation, type Operation } from "../operations.ts";

/** First letter of a context's name, as schedules have it. */
export const LETTERS = { task: "T", softirq: "S", irq: "I", nmi: "N" } as const satisfies Record<Context, string>;

export interface ConcurrentContext {
  /** A letter for the level and a number: `T0`, `I1`. */
  readonly name: string;
  readonly level: Context;
  readonly cpu: number;
  readonly operations: readonly Operation[];
}

/** As an operation of a context begins, the clock jumps. */
export interface ClockStep {
  readonly context: string;
  readonly operation: number;
  readonly step_ns: number;
}

export interface ConcurrentProgram {
  readonly setup: readonly Operation[];
  readonly contexts: readonly ConcurrentContext[];
  readonly clock: readonly ClockStep[];
}

/** What a file holds. */
export interface ConcurrentFile {
  readonly program: ConcurrentProgram;
  /** undefined: none is given. */
  readonly schedule: readonly ScheduleStep[] | undefined;
  readonly comments: readonly string[];
  /** The allocation of init that fails, from 1; the program is empty then. */
  readonly allocation?: number;
}

/** Operations of a program, setup not counted. */
export function operationsIn(program: ConcurrentProgram): number {
  return program.contexts.reduce((sum, { operations }) => sum + operations.length, 0);
}

export function formatConcurrent({ program, schedule, comments, allocation }: ConcurrentFile): string {
  const lines = [
    ...comments.map((comment) => `# ${comment}`),
    ...program.setup.map((op) => `setup ${formatOperation(op)}`),
    ...program.contexts.flatMap(({ name, cpu, operations }) => [`context ${name} cpu ${cpu}`, ...operations.map((op) => `  ${formatOperation(op)}`)]),
    ...program.clock.map(({ context, operation, step_ns }) => `fault clock ${context} ${operation} ${step_ns}`),
    ...(allocation === undefined ? [] : [`fault alloc ${allocation}`]),
    ...(schedule ? [`schedule ${formatSchedule(schedule)}`] : []),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** True if a text is one of a concurrent program and not a plain trace of operations. */
export function isConcurrent(text: string): boolean {
  return /^(setup|context|fault|schedule)\b/m.test(text);
}

/** Throws StpError, one sentence with `path` and line, if the text is no concurrent program. */
export function parseConcurrent(text: string, path: string): ConcurrentFile {
  const parser = new Parser();
  text.split("\n").forEach((line, index) => {
    try {
      parser.line(line);
    } catch (error) {
      throw error instanceof StpError ? new StpError(`${path}:${index + 1}: ${error.message}`, { cause: error }) : error;
    }
  });
  return parser.file();
}

class Parser {
  readonly #comments: string[] = [];
  readonly #setup: Operation[] = [];
  readonly #contexts: (ConcurrentContext & { operations: Operation[] })[] = [];
  readonly #clock: ClockStep[] = [];
  #schedule: ScheduleStep[] | undefined;
  #allocation: number | undefined;

  line(line: string): void {
    const [, word, rest] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line)!;
    if (word === "") return;
    if (word!.startsWith("#")) this.#comments.push(line.trim().replace(/^#\s?/, ""));
    else if (word === "setup") this.#setup.push(parseOperation(rest!));
    else if (word === "context") this.#context(rest!);
    else if (word === "fault") this.#fault(rest!);
    else if (word === "schedule") this.#scheduled(rest!);
    else this.#operation(line);
  }

  file(): ConcurrentFile {
    const program = { setup: this.#setup, contexts: this.#contexts, clock: this.#clock };
    return { program, schedule: this.#schedule, comments: this.#comments, ...(this.#allocation === undefined ? {} : { allocation: this.#allocation }) };
  }

  #context(rest: string): void {
    const parts = /^([TSIN]\d{1,4}) cpu (\d{1,2})$/.exec(rest);
    if (!parts) throw new StpError(`Cannot read "context ${rest}": write a name such as T0, S1, I2 or N3, then "cpu" and its number`);
    const [, name, cpu] = parts;
    if (this.#contexts.some((context) => context.name === name)) throw new StpError(`Context ${name} is defined twice`);
    const level = CONTEXTS.find((context) => LETTERS[context] === name![0])!;
    this.#contexts.push({ name: name!, level, cpu: Number(cpu), operations: [] });
  }

  #operation(line: string): void {
    const context = this.#contexts.at(-1);
    if (!context) throw new StpError(`Operation "${line.trim()}" belongs to no context: write "setup" before it, or a line such as "context T0 cpu 0" above it`);
    context.operations.push(parseOperation(line));
  }

  #fault(rest: string): void {
    const allocation = /^alloc ([1-9]\d{0,3})$/.exec(rest);
    const clock = /^clock ([TSIN]\d{1,4}) (\d{1,3}) (-?\d{1,10})$/.exec(rest);
    if (allocation) this.#allocation = Number(allocation[1]);
    else if (clock) this.#clock.push({ context: clock[1]!, operation: Number(clock[2]), step_ns: Number(clock[3]) });
    else throw new StpError(`Cannot read "fault ${rest}": the faults are "clock" with a context, the number of its operation from 0 and nanoseconds, and "alloc" with the number of an allocation from 1`);
  }

  #scheduled(rest: string): void {
    if (this.#schedule) throw new StpError("A file has one schedule, this is the second");
    this.#schedule = parseSchedule(rest);
  }
}
