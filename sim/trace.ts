/// <reference lib="dom" />
/** A probe program over a trace: every event in order, none interrupted. */
import { SESSION_PROVIDERS } from "../spec/protocol.ts";
import { messageOf, StpError } from "../spec/errors.ts";
import type { Sandbox, WorldEvent } from "./sandbox.ts";

/** An event of a trace and the attach point that it came from. */
export interface TraceEvent extends WorldEvent {
  readonly provider: string;
  readonly target: string;
  /** Which of the probes at this point saw it, from 0. */
  readonly nth: number;
}

/** Unread bytes from which the sandbox's reader takes them. */
const DRAIN_BYTES = 64 * 1024;

/**
 * Runs the whole session: begin, events, end. Returns how many hits there were. Its recording is the caller's to finish.
 * Throws StpError if a probe traps.
 */
export function runTrace(sandbox: Sandbox, events: readonly TraceEvent[]): number {
  const byPoint = probesByPoint(sandbox);
  const recorded = new Map<string, number>();
  for (const event of events) recorded.set(pointOf(event), Math.max(recorded.get(pointOf(event)) ?? 0, event.nth + 1));
  let [hits, started] = [0, false];
  let where = "a begin probe";
  try {
    sandbox.place(0, "task");
    for (const traced of events) {
      const event = { ...traced, cpu: traced.cpu % sandbox.cpus };
      const probes = probesOf(byPoint.get(pointOf(event)) ?? [], event.nth, recorded.get(pointOf(event))!);
      if (SESSION_PROVIDERS.includes(event.provider)) {
        for (const probe of probes) sandbox.showOwn(probe, event);
        if (event.provider === "begin") sandbox.show(event);
        continue;
      }
      if (!started) {
        sandbox.show(event);
        sandbox.start();
        started = true;
      }
      where = `the probe of ${pointOf(event)}`;
      for (const probe of probes) {
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

/**
 * The program's probes that an event is for. At a point each takes what the probe of the same place saw live; those that the trace has no
 * counterpart for take what its first saw.
 */
function probesOf(probes: readonly number[], nth: number, recorded: number): readonly number[] {
  return [...probes.slice(nth, nth + 1), ...(nth === 0 ? probes.slice(recorded) : [])];
}

function probesByPoint(sandbox: Sandbox): Map<string, number[]> {
  const byPoint = new Map<string, number[]>();
  for (const probe of sandbox.probes) byPoint.set(pointOf(probe), [...(byPoint.get(pointOf(probe)) ?? []), probe.index]);
  return byPoint;
}
