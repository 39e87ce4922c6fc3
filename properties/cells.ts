/**
 * Cells: which operation returned what, and at which context level it was made. A long run is to reach all that the
 * rules allow, and none that they do not.
 *
 * What an operation may return is in spec/protocol.ts; here are only the rules by which some of that cannot be at some level.
 * Sibling: concurrent/cells.ts, where several contexts are at it at once.
 */
import { sizeOf } from "../spec/layout.ts";
import { CONTEXTS, ERRORS, OPERATIONS, REPLAY_CONFIG, REPLAY_MAPS, type Context, type ErrorName, type OperationName } from "../spec/protocol.ts";
import { AT_CONTEXT, AT_CPU, AT_TARGET } from "./writer.ts";

/** Where an operation is made: outside any probe of its CPU, or in one at that level. A probe_enter is at the level that it names. */
export const LEVELS = ["outside", ...CONTEXTS] as const;
export type Level = "outside" | Context;
export type Result = "ok" | ErrorName;

export interface Cell {
  readonly operation: OperationName;
  readonly result: Result;
  readonly level: Level;
}

/** Operations of a run that is to reach all cells. */
export const CELLS_OPERATIONS_MIN = 1_000_000;

/** Operations that are made in probes alone: outside any they return `ESTATE` before all else. (That of map_release says who holds the map.) */
const needsProbe = (operation: OperationName): boolean => operation !== "map_release" && (OPERATIONS[operation].errors as readonly ErrorName[]).includes("ESTATE");

/** Cells that the errors of an operation would allow and a rule does not. */
export const EXCLUSIONS: readonly { readonly rule: string; readonly reason: string; readonly excludes: (cell: Cell) => boolean }[] = [
  { rule: "X1", reason: "a hit that begins has a level", excludes: ({ operation, level }) => operation === "probe_enter" && level === "outside" },
  { rule: "X2, X7, X8, B1, P2, P3, P5, P6", reason: "in a probe it is not ESTATE", excludes: ({ operation, result, level }) => needsProbe(operation) && result === "ESTATE" && level !== "outside" },
  { rule: "X2, X6, X7, X8, B1, P2, P3, P5, P6", reason: "outside any probe ESTATE comes first", excludes: ({ operation, result, level }) => needsProbe(operation) && result !== "ESTATE" && level === "outside" },
  { rule: "X6", reason: "outside any probe there is no limit of actions", excludes: ({ result, level }) => result === "EBUDGET" && level === "outside" },
];

const NAMES = Object.keys(OPERATIONS) as OperationName[];
const RESULTS: readonly Result[] = ["ok", ...(Object.keys(ERRORS) as ErrorName[])];

/** Every cell that the rules allow. */
export const LEGAL_CELLS: readonly Cell[] = NAMES.flatMap((operation) =>
  (["ok", ...OPERATIONS[operation].errors] as Result[]).flatMap((result) =>
    LEVELS.map((level) => ({ operation, result, level })).filter((cell) => !EXCLUSIONS.some(({ excludes }) => excludes(cell))),
  ),
);

/** What a run has reached. */
export interface CellReport {
  readonly reached: number;
  readonly legal: number;
  /** Legal cells that it did not reach, as `map_add EFULL irq`. */
  readonly missing: readonly string[];
  /** Cells that it reached and that are not legal. */
  readonly illegal: readonly string[];
}

const CODES = Math.max(...NAMES.map((name) => OPERATIONS[name].code)) + 1;
/** The last one is for errors that there are not. */
const OUTCOMES = Math.max(...Object.values(ERRORS).map(({ code }) => code)) + 2;
const OUTCOME_OF = (result: Result): number => (result === "ok" ? 0 : ERRORS[result].code);
const indexOf = (code: number, outcome: number, level: number): number => (code * OUTCOMES + outcome) * LEVELS.length + level;
const LEGAL_INDEXES: ReadonlyMap<number, Cell> = new Map(LEGAL_CELLS.map((cell) => [indexOf(OPERATIONS[cell.operation].code, OUTCOME_OF(cell.result), LEVELS.indexOf(cell.level)), cell]));

const ENTER = OPERATIONS.probe_enter.code;
const EXIT = OPERATIONS.probe_exit.code;
/** By code, the first target that is refused (O2). 0: the code itself is. */
const TARGETS = Int32Array.from({ length: CODES }, (_, code) => {
  const name = NAMES.find((candidate) => OPERATIONS[candidate].code === code);
  if (name === undefined) return 0;
  if (name === "probe_enter") return REPLAY_CONFIG.probes;
  return (OPERATIONS[name].uses as readonly string[]).includes("target") ? REPLAY_MAPS.length : 256;
});
const HEADER_2 = AT_CPU / 4;
const SHIFT_CONTEXT = (AT_CONTEXT - AT_CPU) * 8;
const SHIFT_TARGET = (AT_TARGET - AT_CPU) * 8;
const BATCH_HEADER_WORDS = sizeOf("batch_header") / 4;
const RESULT_WORDS = sizeOf("op_result") / 4;

/** Counts cells while a run goes on; what O2 refuses is in none. */
export class CellCounter {
  readonly #counts = new Float64Array(CODES * OUTCOMES * LEVELS.length);
  /** For each CPU the levels of its active probes, bit i: level i. */
  readonly #active = new Int32Array(REPLAY_CONFIG.cpus);

  /** A fresh session follows. */
  begin(): void {
    this.#active.fill(0);
  }

  /** Counts what a batch gave. Both begin at a multiple of 4 bytes in their memory. */
  count(batch: Uint8Array, results: Uint8Array): void {
    const ops = new Int32Array(batch.buffer, batch.byteOffset, batch.length >> 2);
    const out = new Int32Array(results.buffer, results.byteOffset, results.length >> 2);
    for (let at = BATCH_HEADER_WORDS, i = 0; i < out.length; i += RESULT_WORDS) {
      const first = ops[at]!;
      const second = ops[at + HEADER_2]!;
      at += first >>> 18; // its size is in the upper half
      const code = first & 0xffff;
      const cpu = second & 0xff;
      const context = (second >> SHIFT_CONTEXT) & 0xff;
      if (code >= CODES || cpu >= REPLAY_CONFIG.cpus || ((second >> SHIFT_TARGET) & 0xff) >= TARGETS[code]! || (code === ENTER && context >= CONTEXTS.length)) continue;
      const outcome = out[i + 1]! >= 0 ? 0 : Math.min(-out[i]! >>> 0, OUTCOMES - 1);
      const active = this.#active[cpu]!;
      const level = code === ENTER ? context + 1 : 32 - Math.clz32(active);
      this.#counts[(code * OUTCOMES + outcome) * LEVELS.length + level]!++;
      if (code === ENTER && outcome === 0) this.#active[cpu] = active | (1 << context);
      else if (code === EXIT && outcome === 0) this.#active[cpu] = active & ~(1 << (level - 1));
    }
  }

  /** How often a cell was reached. */
  times({ operation, result, level }: Cell): number {
    return this.#counts[indexOf(OPERATIONS[operation].code, OUTCOME_OF(result), LEVELS.indexOf(level))]!;
  }

  report(): CellReport {
    const missing = LEGAL_CELLS.filter((cell) => this.times(cell) === 0).map(cellName);
    const illegal = Array.from(this.#counts, (count, index) => (count > 0 && !LEGAL_INDEXES.has(index) ? illegalName(index) : "")).filter((name) => name !== "");
    return { reached: LEGAL_CELLS.length - missing.length, legal: LEGAL_CELLS.length, missing, illegal };
  }
}

function cellName({ operation, result, level }: Cell): string {
  return `${operation} ${result} ${level}`;
}

function illegalName(index: number): string {
  const code = Math.floor(index / (OUTCOMES * LEVELS.length));
  const outcome = Math.floor(index / LEVELS.length) % OUTCOMES;
  const operation = NAMES.find((name) => OPERATIONS[name].code === code)!;
  const result = RESULTS.find((candidate) => OUTCOME_OF(candidate) === outcome) ?? "an unknown error";
  return `${operation} ${result} ${LEVELS[index % LEVELS.length]}`;
}
