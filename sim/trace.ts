/// <reference lib="dom" />
/** A probe program over a trace: every event in order, none interrupted. */
import { messageOf, StpError } from "../spec/errors.ts";
import type { Sandbox, WorldEvent } from "./sandbox.ts";

/** An event of a trace and the attach point that it came from. */
export interface TraceEvent extends WorldEvent {
  readonly provider: string;
  readonly target: string;
}

/** Unread bytes from which the sandbox's reader takes them. */
const DRAIN_BYTES = 64 * 1024;

/**
 * Runs the whole session: begin, events, end. Returns how many hits there were. Its recording is the caller's to finish.
 * Throws StpError if a probe traps.
 */
export function runTrace(sandbox: Sandbox, events: Iterable<TraceEvent>): number {
  const byPoint = probesByPoint(sandbox);
  let [hits, started] = [0, false];
  let where = "a begin probe";
  try {
    sandbox.place(0, "task");
    for (const traced of events) {
      const event = { ...traced, cpu: traced.cpu % sandbox.cpus };
      if (!started) {
        sandbox.show(event);
        sandbox.start();
        started = true;
      }
      where = `the probe of ${pointOf(event)}`;
      for (const probe of byPoint.get(pointOf(event)) ?? []) {
        sandbox.hit(probe, event);
        hits++;
      }
      sandbox.refill();
      if (sandbox.readable(event.cpu) >= DRAIN_BYTES) sandbox.drain(event.cpu);
    }
    sandbox.place(0, "task");
    if (!started) sandbox.start();
    where = "an end probe";
    sandbox.stop();
    return hits;
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    throw new StpError(`Cannot run the probes to their end: ${where} trapped, at its hit ${hits + 1} (${messageOf(error)})`, { cause: error });
  }
}

/** Name of an attach point: what a trace and a program have in common. */
export function pointOf(point: { readonly provider: string; readonly target: string }): string {
  return `${point.provider} ${point.target}`;
}

function probesByPoint(sandbox: Sandbox): Map<string, number[]> {
  const byPoint = new Map<string, number[]>();
  for (const probe of sandbox.probes) byPoint.set(pointOf(probe), [...(byPoint.get(pointOf(probe)) ?? []), probe.index]);
  return byPoint;
}
