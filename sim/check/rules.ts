/** What a probe is held to, and how a breach is told. Siblings: alone.ts, interleaved.ts and faults.ts look for breaches. */
import type { Finding, FindingKind, Side } from "../watch/finding.ts";
import type { Outcome } from "../run.ts";
import { readSite, type Site } from "../sites.ts";
import type { WasmInstance } from "../wasi.ts";

/** Calls and rounds of loops of the author's code in one hit. */
export const HIT_ACTIONS_MAX = 1000;
/** The same for a begin or end probe, which interrupts nobody. */
export const SESSION_ACTIONS_MAX = 10 * HIT_ACTIONS_MAX;
/** What one hit may print, in bytes with record headers: the ring of a CPU has to hold many of them. */
export const HIT_OUTPUT_BYTES_MAX = 8_192;
/** Stack of one hit, the runtime's own included, in bytes: what the kernel warns of in one frame. */
export const HIT_STACK_BYTES_MAX = 2_048;

/** Numbers are rules of spec/SEMANTICS.md, words are laws of any kernel code. */
export const CHECKED_RULES = {
  X1: "a hit is refused only if its level of its CPU is taken",
  X2: "every hit ends: no deadlock, hang or trap",
  X3: "what a hit does is entered in its own row of the ledger",
  X4: "attempted = delivered + lost, for every probe, CPU and kind",
  M6: "a map call is refused only if it interrupted another on that map",
  P3: "what is printed is what some serial order of the hits prints",
  loss: "alone, with room for all it has, a hit loses nothing",
  budget: `a hit makes at most ${HIT_ACTIONS_MAX} calls and rounds of loops, and prints at most ${HIT_OUTPUT_BYTES_MAX} bytes`,
  stack: `a hit needs at most ${HIT_STACK_BYTES_MAX} bytes of stack`,
  race: "two CPUs never touch the same memory unordered, one of them writing",
  memory: "only memory that is the program's own is read and written, and all is given back",
  locking: "locks are taken in one order and given back by their owner",
  context: "nothing sleeps, takes memory, or leaves interrupts or preemption off",
} as const;
export type CheckedRule = keyof typeof CHECKED_RULES;

/** One breach. With `scenario` and `schedule` it replays. */
export interface CheckFailure {
  readonly rule: CheckedRule;
  readonly detail: string;
  /** Where, the author's own lines first. */
  readonly places: readonly Place[];
  readonly scenario: string;
  readonly schedule: string;
}

export interface Place extends Site {
  /** "T0 on CPU 0 writes" */
  readonly what: string;
}

const RULE_OF_FINDING = {
  assertion: "X2", race: "race", memory: "memory", locking: "locking", context: "context", budget: "budget", stack: "stack",
} as const satisfies Record<FindingKind, CheckedRule>;

/** What a run that was stopped has broken; undefined if it was completed. */
export function breachOf(instance: WasmInstance, outcome: Outcome): Omit<CheckFailure, "scenario" | "schedule"> | undefined {
  const { verdict, detail, finding, side } = outcome;
  if (verdict === "completed") return undefined;
  if (finding) return findingBreach(instance, finding);
  const isBadAddress = verdict === "trap" && /out of bounds/.test(detail);
  return { rule: isBadAddress ? "memory" : "X2", detail, places: side ? placesOf(instance, [side]) : [] };
}

function findingBreach(instance: WasmInstance, finding: Finding): Omit<CheckFailure, "scenario" | "schedule"> {
  return { rule: RULE_OF_FINDING[finding.kind], detail: finding.detail, places: placesOf(instance, finding.sides) };
}

/** The places of sides: the author's line that led there, else the line itself. */
export function placesOf(instance: WasmInstance, sides: readonly Side[]): Place[] {
  return sides.flatMap(({ site, caller, context, cpu, what }) => {
    const at = readSite(instance, site);
    const from = readSite(instance, caller);
    const inRuntime = at?.path.startsWith("runtime-c/");
    const place = inRuntime && from ? from : (at ?? from);
    return place ? [{ ...place, what: `${context} on CPU ${cpu} ${what}${inRuntime && from ? ` in ${at!.function} (${at!.path}:${at!.line})` : ""}` }] : [];
  });
}
