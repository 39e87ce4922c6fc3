/**
 * The bodies that kprobe hits are measured with, and the proof that a tracer had every hit. Pure.
 *
 * Siblings: a body has one name on all sides, NAME.bt and NAME.stp here, runtime-c/bench/NAME.c; target.c makes the calls
 */
import { StpError } from "../../spec/errors.ts";
import { ticksPerOperation, type Measurements } from "./figures.ts";

/** Calls without a probe. */
export const BARE_CALLS = 20_000;
const CALLS = 20_000;
/** SystemTap's reader loses its place in the output after 8 KiB. */
const PRINTING_CALLS = 400;

/** What shows how many hits there were: numbers that the tracer says at its end, or a line for each hit. A near-empty body says nothing. */
type Proof = "numbers" | "lines" | "none";

export interface Body {
  /** Of the files, and of the loop in rows.ts. */
  readonly name: string;
  readonly proof: Proof;
  readonly calls: number;
}

export const BODIES: readonly Body[] = [
  { name: "kprobe", proof: "none", calls: CALLS },
  { name: "kprobe_map", proof: "numbers", calls: CALLS },
  { name: "kprobe_map_per_cpu", proof: "numbers", calls: CALLS },
  { name: "kprobe_map_comm", proof: "numbers", calls: CALLS },
  { name: "kprobe_printf", proof: "lines", calls: PRINTING_CALLS },
];

/** `counted N` of our programs and the scripts, `@[KEY]: N` of bpftrace. */
const NUMBER = /^(?:counted|@\w*\[[^\]]*\]:) (\d+)$/gm;
/** As the bodies print it: comm and pid of meter.c. */
const LINE = /^meter \d+$/gm;

/** Hits that `text`, which a tracer wrote, shows; undefined where there is no such proof. */
export function shownHits(proof: Proof, text: string): number | undefined {
  if (proof === "numbers") return [...text.matchAll(NUMBER)].reduce((sum, [, count]) => sum + Number(count), 0);
  return proof === "lines" ? [...text.matchAll(LINE)].length : undefined;
}

/** Throws StpError unless the tracer had each call of the body: by what it says, and because no call was as cheap as one without a probe. */
export function requireAllHits(tracer: string, { name, proof, calls }: Body, text: string, measurements: Measurements): void {
  const hits = shownHits(proof, text);
  if (hits !== undefined && hits !== calls) throw new StpError(`Cannot measure: ${tracer} had ${hits} of ${calls} hits of ${name}`);
  const { cheapest } = measurements.get(name) ?? {};
  const bare = ticksPerOperation(measurements, "call_bare");
  const least = bare + ticksPerOperation(measurements, name, "call_bare") / 2;
  if (cheapest === undefined || cheapest < least) throw new StpError(`Cannot measure: a call with ${tracer}'s ${name} costs ${cheapest ?? "nobody knows what"}, one without ${bare}; a hit was missed`);
}
