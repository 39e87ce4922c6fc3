/** From what a guest measured to figures. Pure. Siblings: meter.c, bench.stp and runtime-c/bench/bench.c print the lines. */
import { StpError } from "../../spec/errors.ts";

/** One loop: so many operations took so many ticks, the loop itself included. */
export interface Measurement {
  readonly operations: number;
  readonly ticks: number;
  /** Ticks of the cheapest operation, where that is known. */
  readonly cheapest?: number;
}

/** By the name of the loop. */
export type Measurements = ReadonlyMap<string, Measurement>;

/** The lines `bench NAME OPERATIONS TICKS [CHEAPEST]` of a text, SystemTap's warnings too; the others are left alone. Throws StpError if a name comes twice. */
export function parseMeasurements(text: string): Measurements {
  const found = new Map<string, Measurement>();
  for (const [, name = "", operations, ticks, cheapest] of text.matchAll(/^(?:WARNING: )?bench (\w+) (\d+) (\d+)(?: (\d+))?$/gm)) {
    if (found.has(name)) throw new StpError(`Cannot read the measurements: ${name} is there twice`);
    found.set(name, { operations: Number(operations), ticks: Number(ticks), ...(cheapest !== undefined && { cheapest: Number(cheapest) }) });
  }
  return found;
}

/** Ticks of one operation of `loop`, less those of one turn of `less`. Throws StpError if either was not measured, or nothing is left. */
export function ticksPerOperation(measurements: Measurements, loop: string, less?: string): number {
  const left = perTurn(measurements, loop) - (less === undefined ? 0 : perTurn(measurements, less));
  if (left <= 0) throw new StpError(`Cannot compute the figures: ${loop} costs no more than ${less ?? "nothing"}; its work was not done`);
  return left;
}

function perTurn(measurements: Measurements, loop: string): number {
  const measured = measurements.get(loop);
  if (!measured || measured.operations === 0) throw new StpError(`Cannot compute the figures: ${loop} was not measured`);
  return measured.ticks / measured.operations;
}

/** Rounded for people and for comparing: no more digits than repeat. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
