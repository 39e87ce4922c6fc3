/**
 * Schedules: what runs next, written as a string that replays a run exactly.
 *
 *   T0:2 I1:* T0         run T0 until its 2nd event is about to happen, run I1 to its end, run T0 to its end
 *   T0:3 d#0 T1:* T0     the same, and while T1 runs other CPUs do not see T0's first store (stores.ts)
 *   T0:1 T1:* T0@1       T0 goes on on CPU 1
 *   T0:~ T1:*            run T0 until it waits for others (cpu_relax), then T1
 *
 * A name is a letter for the level (T task, S softirq, I irq, N nmi) and a number. After the last step, whatever has
 * not ended runs to its end, in the order of the contexts. A context that spins lets the others run until it can go on.
 * Siblings: run.ts takes the steps; explore/ makes them.
 */
import { StpError } from "../spec/errors.ts";
import type { Hold } from "./watch/stores.ts";

/** Steps of one schedule. */
export const SCHEDULE_STEPS_MAX = 100_000;

export interface ScheduleStep {
  readonly context: string;
  /** Run until this event (1 is its first) is about to happen, to the end, or until it spins. */
  readonly until: number | "end" | "spin";
  /** Moved to this CPU before. */
  readonly cpu?: number;
  /** When it is left, this store of it is held back until its CPU runs again. */
  readonly hold?: Hold;
}

/** Throws StpError, one sentence with the position, if the text is no schedule. */
export function parseSchedule(text: string): ScheduleStep[] {
  const words = [...text.matchAll(/\S+/g)];
  if (words.length > SCHEDULE_STEPS_MAX) throw new StpError(`A schedule has at most ${SCHEDULE_STEPS_MAX} steps, this one has ${words.length}`);
  const steps: ScheduleStep[] = [];
  for (const word of words) {
    const hold = /^([dc])#(\d{1,9})$/.exec(word[0]);
    const last = steps.at(-1);
    if (hold && last && !last.hold) steps[steps.length - 1] = { ...last, hold: { kind: hold[1] as Hold["kind"], store: Number(hold[2]) } };
    else steps.push(parseStep(word[0], word.index + 1));
  }
  return steps;
}

function parseStep(word: string, column: number): ScheduleStep {
  const parts = /^([TSIN]\d{1,4})(?:@(\d{1,2}))?(?::(\*|~|[1-9]\d{0,8}))?$/.exec(word);
  if (!parts) throw new StpError(`Bad step "${word}" at column ${column} of the schedule: expected a context such as T0, S1, I2 or N3, perhaps "@" and a CPU, then nothing, ":*", ":~" or ":" and a count from 1; or "d#" or "c#" and a store after a step`);
  const [, context, cpu, until] = parts;
  return { context: context!, until: until === undefined || until === "*" ? "end" : until === "~" ? "spin" : Number(until), ...(cpu === undefined ? {} : { cpu: Number(cpu) }) };
}

/** The canonical string: `:*` where a context begins and ends, bare where it is resumed to its end. */
export function formatSchedule(steps: readonly ScheduleStep[]): string {
  const begun = new Set<string>();
  const words = steps.flatMap(({ context, until, cpu, hold }) => {
    const name = cpu === undefined ? context : `${context}@${cpu}`;
    const word = until === "end" ? (begun.has(context) ? name : `${name}:*`) : `${name}:${until === "spin" ? "~" : until}`;
    begun.add(context);
    return hold ? [word, `${hold.kind}#${hold.store}`] : [word];
  });
  return words.join(" ");
}
