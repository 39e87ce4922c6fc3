/** A probe program over a trace: every event in order, none interrupted. */
import type { Sandbox, WorldEvent } from "./sandbox.ts";

/** An event of a trace and the attach point that it came from. */
export interface TraceEvent extends WorldEvent {
  readonly provider: string;
  readonly target: string;
}

/** Unread bytes from which the sandbox's reader takes them. */
const DRAIN_BYTES = 64 * 1024;

/** Runs the whole session: begin, events, end. Returns how many hits there were. Its recording is the caller's to finish. */
export function runTrace(sandbox: Sandbox, events: Iterable<TraceEvent>): number {
  const byPoint = probesByPoint(sandbox);
  let [hits, started] = [0, false];
  sandbox.place(0, "task");
  for (const traced of events) {
    const event = { ...traced, cpu: traced.cpu % sandbox.cpus };
    if (!started) {
      sandbox.show(event);
      sandbox.start();
      started = true;
    }
    for (const probe of byPoint.get(pointOf(event)) ?? []) {
      sandbox.hit(probe, event);
      hits++;
    }
    if (sandbox.readable(event.cpu) >= DRAIN_BYTES) sandbox.drain(event.cpu);
  }
  sandbox.place(0, "task");
  if (!started) sandbox.start();
  sandbox.stop();
  return hits;
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
