/** What is wrong with a concurrent run, and which rule of spec/SEMANTICS.md says so. Siblings: permit.ts, serial.ts, judge.ts */
import type { Operation } from "../operations.ts";

export interface Trouble {
  /** A rule's number, or a law of any kernel code: "race", "memory", "locking", "context", "X2" for a run that did not end. */
  readonly rule: string;
  /** One sentence. */
  readonly detail: string;
}

/** The rule by which calls of that kind are one after the other. */
export function ruleOf({ name }: Operation): string {
  return RULES[name] ?? PREFIXES.find(([prefix]) => name.startsWith(prefix))?.[1] ?? "O5";
}

const RULES: Readonly<Record<string, string>> = { map_walk: "M10", map_size: "M11", map_clear: "M11", print_map: "P5", print_hist: "P6", raise: "X7", catch: "X7", div: "X8", mod: "X8" };
const PREFIXES = [["map_", "M6"], ["probe_", "X1"], ["ring_", "T5"], ["print_", "P3"], ["str_", "B1"]] as const;

/** The rule that a line of a dump (dump.ts) belongs to. */
export function ruleOfDumpLine(line: string): string {
  const word = line.trim().split(" ")[0]!;
  if (word === "ledger") return "X4";
  if (word === "map" || word === "part" || word === "entry") return "M6";
  return word === "ring" || word === "record" ? "T5" : "X2";
}
