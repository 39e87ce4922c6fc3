/**
 * What a guest does while a probe runs, and what it counted itself.
 *
 * Sibling: guest/workload.c, which does it.
 */
import { StpError } from "../spec/errors.ts";
import { nearest } from "../spec/nearest.ts";

/** Modes; how many processes and what count each has if none is given. */
const MODES = {
  opens: { processes: 3, count: 3400 },
  io: { processes: 3, count: 100 },
  syscalls: { processes: 2, count: 300 },
  wakeups: { processes: 4, count: 200 },
  faults: { processes: 2, count: 400 },
  alloc: { processes: 2, count: 200 },
  spin: { processes: 2, count: 1000 },
  interval: { processes: 2, count: 250 },
  links: { processes: 1, count: 5 },
} as const satisfies Record<string, { readonly processes: number; readonly count: number }>;

export type WorkloadMode = keyof typeof MODES;
export const WORKLOAD_MODES = Object.keys(MODES) as readonly WorkloadMode[];

export interface Workload {
  readonly mode: WorkloadMode;
  readonly processes: number;
  /** Of what, the mode says: `workload` without arguments prints it. */
  readonly count: number;
}

/** As in guest/work/work.h. */
const PROCESSES_MAX = 64;
const COUNT_MAX = 1_000_000;

/** The workload of a text such as `io`, `io 3` or `io 3 100`. Throws StpError if there is no such mode, or a number is out of its range. */
export function readWorkload(text: string): Workload {
  const [mode = "", processes, count, ...more] = text.trim().split(/\s+/);
  const refuse = (why: string): StpError => new StpError(`Cannot take the workload "${text}": ${why}; give a mode and, if wanted, processes and count, as "opens 3 3400"`);
  if (!Object.hasOwn(MODES, mode)) throw refuse(`there is no mode ${mode}, the nearest are ${nearest(mode, WORKLOAD_MODES, 3).join(", ")}`);
  if (more.length > 0) throw refuse("it has more than three parts");
  const known = MODES[mode as WorkloadMode];
  const number = (digits: string | undefined, otherwise: number, max: number): number => {
    if (digits === undefined) return otherwise;
    if (!/^[1-9]\d{0,8}$/.test(digits) || Number(digits) > max) throw refuse(`${digits} is not a number from 1 to ${max}`);
    return Number(digits);
  };
  const workload = { mode: mode as WorkloadMode, processes: number(processes, known.processes, PROCESSES_MAX), count: number(count, known.count, COUNT_MAX) };
  if (mode === "wakeups" && workload.processes % 2 !== 0) throw refuse("its processes wake each other in pairs, so their number is even");
  return workload;
}

export const DEFAULT_WORKLOAD = readWorkload("opens");

/** What a process of the workload says about itself: a line of it, by name. */
export type WorkloadFacts = Readonly<Record<string, string>> & { readonly comm: string };

/** Lines of `workload: comm=wl-0 opens=1234`. */
export function parseWorkload(text: string): WorkloadFacts[] {
  return [...text.matchAll(/^workload: (comm=.*)$/gm)].map((match) => Object.fromEntries(match[1]!.split(" ").map((fact) => fact.split("=", 2))) as WorkloadFacts);
}

/** One line of it, for people: "wl-0 opens=1234". */
export function describeFacts({ comm, ...facts }: WorkloadFacts): string {
  return [comm, ...Object.entries(facts).map(([name, value]) => `${name}=${value}`)].join(" ");
}
