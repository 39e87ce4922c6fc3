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
  if (name === "map_walk") return "M10";
  if (name === "map_size" || name === "map_clear") return "M11";
  if (name.startsWith("map_")) return "M6";
  if (name.startsWith("probe_")) return "X1";
  if (name.startsWith("ring_")) return "T5";
  if (name.startsWith("print_")) return "P3";
  return name.startsWith("str_") ? "B1" : "O5";
}

/** The rule that a line of a dump (dump.ts) belongs to. */
export function ruleOfDumpLine(line: string): string {
  const word = line.trim().split(" ")[0]!;
  if (word === "ledger") return "X4";
  if (word === "map" || word === "entry") return "M6";
  return word === "ring" || word === "record" ? "T5" : "X2";
}
