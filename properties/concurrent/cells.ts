/**
 * Cells: which operation has returned what, at which context level. All that the spec allows are to be reached.
 */
import { CONTEXTS, ERRORS, OPERATIONS, type ErrorName, type OperationName } from "../../spec/protocol.ts";
import type { Observation } from "./bench.ts";
import { OPERATION_NAMES } from "./pairs.ts";
import type { ConcurrentProgram } from "./program.ts";

const ERROR_NAMES: ReadonlyMap<number, ErrorName> = new Map((Object.keys(ERRORS) as ErrorName[]).map((name) => [ERRORS[name].code, name]));

/** Every cell that a rule allows: `map_add EFULL irq`. A ring is read by a task alone. */
export const LEGAL_CELLS: readonly string[] = OPERATION_NAMES.flatMap((name) => {
  const results = ["ok", ...OPERATIONS[name].errors];
  const levels = name === "ring_read" ? CONTEXTS.slice(0, 1) : CONTEXTS;
  return results.flatMap((result) => levels.map((level) => `${name} ${result} ${level}`));
});

const INDEXES: ReadonlyMap<string, number> = new Map(LEGAL_CELLS.map((cell, index) => [cell, index]));

/** Indexes in LEGAL_CELLS of what a run has reached. What the spec does not allow there is the judge's affair. */
export function cellsOf(program: ConcurrentProgram, { made }: Pick<Observation, "made">): number[] {
  return made.flatMap((calls, context) =>
    calls.flatMap(({ op, result }) => {
      const index = INDEXES.get(`${op.name as OperationName} ${result < 0n ? (ERROR_NAMES.get(Number(-result)) ?? result) : "ok"} ${program.contexts[context]!.level}`);
      return index === undefined ? [] : [index];
    }),
  );
}
