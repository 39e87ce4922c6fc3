/**
 * The bench: one session of the probed program on the machine, in states from which runs begin, and the actors that
 * may take part in a run.
 *
 * Siblings: alone.ts, interleaved.ts, faults.ts use it.
 */
import { decodeRecords } from "../../spec/recording/record.ts";
import { offsetOf } from "../../spec/layout.ts";
import { EVENT_FLAGS, LIMITS, SESSION_PROVIDERS, type Context } from "../../spec/protocol.ts";
import { encodeEvent } from "../../spec/recording/event.ts";
import type { ContextSpec, Machine, SimContext } from "../machine.ts";
import { runSchedule, type Course, type Outcome } from "../run.ts";
import { Sandbox, type LedgerRow, type ProbeInfo, type WorldEvent } from "../sandbox.ts";
import { restoreSnapshot, takeSnapshot, type Snapshot } from "../snapshot.ts";
import { pointOf, type TraceEvent } from "../trace.ts";
import type { WasmValue } from "../wasi.ts";
import type { Observer } from "../watch/finding.ts";
import { Watch } from "../watch/watch.ts";
import { HIT_ACTIONS_MAX, HIT_OUTPUT_BYTES_MAX } from "./rules.ts";

export const CHECK_CPUS = 2;
/** Holds what two hits and the end probes may print. */
export const CHECK_RING_BYTES = 4 * HIT_OUTPUT_BYTES_MAX;
/** Hits before the checked ones in a scenario with state "warm". */
export const WARM_HITS = 32;
/** Contexts of one run. */
export const ACTORS_MAX = 8;

/** What a run begins from: nothing hit yet, many hits, a ring that nobody reads and that is full; or what was before the last lone hit. */
export type State = "fresh" | "warm" | "full" | "before";

/** Something that happens in a run. */
export type Deed =
  | { readonly kind: "hit"; readonly probe: ProbeInfo; readonly event: WorldEvent }
  | { readonly kind: "read"; readonly of: number } // the reader of a CPU's ring takes what is there
  | { readonly kind: "stop" } // ^C
  | { readonly kind: "unload" }; // stop, and all memory given back

export interface Actor {
  /** As it is called in schedules. */
  readonly name: string;
  readonly cpu: number;
  readonly level: Context;
  readonly deed: Deed;
}

/** What can be seen from outside when a run has ended. */
export interface Observed {
  /** All that was printed, sorted: runs differ in who prints first. */
  readonly text: string;
  readonly rows: readonly { readonly cpu: number; readonly probe: number; readonly row: LedgerRow }[];
  /** How the end probes fared. */
  readonly end: Outcome;
}

export class Bench {
  readonly machine: Machine;
  readonly sandbox: Sandbox;
  readonly watch = new Watch({ cpus: CHECK_CPUS });
  readonly #events: readonly TraceEvent[];
  readonly #states = new Map<State, Snapshot>();
  readonly #calls: Readonly<Record<"hit" | "read" | "stop" | "fini", (...args: number[]) => WasmValue>>;

  constructor(machine: Machine, events: readonly TraceEvent[]) {
    this.machine = machine;
    this.#events = events;
    this.sandbox = new Sandbox(machine.instance, CHECK_CPUS, CHECK_RING_BYTES);
    for (let cpu = 0; cpu < CHECK_CPUS; cpu++) this.sandbox.beginReading(cpu);
    for (const { index, provider } of this.probes) if (SESSION_PROVIDERS.includes(provider)) this.sandbox.showOwn(index, this.#events.find((event) => event.provider === provider) ?? madeUpEvent("stpd"));
    this.sandbox.place(0, "task");
    machine.reserve(ACTORS_MAX);
    const { instance } = machine;
    this.#calls = { hit: instance.func("stp_sim_hit"), read: instance.func("stp_sim_read"), stop: instance.func("stp_sim_stop"), fini: instance.func("stp_sim_fini") };
  }

  get probes(): readonly ProbeInfo[] {
    return this.sandbox.probes;
  }

  /** Probes that the world hits. */
  get hitProbes(): readonly ProbeInfo[] {
    return this.probes.filter((probe) => !SESSION_PROVIDERS.includes(probe.provider));
  }

  /** Events for a probe: those of the trace, or made-up tasks. */
  eventsOf(probe: ProbeInfo): readonly WorldEvent[] {
    const traced = this.#events.filter((event) => pointOf(event) === pointOf(probe));
    return traced.length > 0 ? traced : [madeUpEvent("one"), madeUpEvent("two")];
  }

  /** Two events of a probe, of different tasks if there are any. */
  pairOf(probe: ProbeInfo, first: WorldEvent): WorldEvent {
    return this.eventsOf(probe).find((candidate) => !sameTask(candidate, first)) ?? first;
  }

  /** Keeps the present as a state. */
  keep(state: State): void {
    this.machine.reset();
    this.#states.set(state, takeSnapshot(this.machine));
  }

  has(state: State): boolean {
    return this.#states.has(state);
  }

  back(state: State): void {
    restoreSnapshot(this.machine, this.#states.get(state)!);
  }

  /** Runs of some actors from a state. */
  course(state: State, actors: readonly Actor[], watched = true): Course {
    const { machine, watch } = this;
    const prepare = (): SimContext[] => {
      this.back(state);
      machine.watch(watched ? watch : undefined);
      machine.reset();
      return actors.map((actor) => machine.spawn(this.spec(actor)));
    };
    return watched ? { machine, watch, prepare } : { machine, prepare };
  }

  /** What an actor is to the machine; its event stands where its context looks for it. */
  spec({ name, cpu, level, deed }: Actor, actions_max = HIT_ACTIONS_MAX): ContextSpec {
    const { hit, read, stop, fini } = this.#calls;
    switch (deed.kind) {
      case "hit":
        this.sandbox.show({ ...deed.event, cpu, context: level });
        return { name, cpu, level, call: () => hit(deed.probe.index), actions_max };
      case "read":
        return { name, cpu, level, call: () => read(deed.of) };
      case "stop":
        return { name, cpu, level, call: () => stop() };
      case "unload":
        return { name, cpu, level, call: () => fini() }; // which stops first
    }
  }

  /** Runs a call as a task that nothing interrupts. */
  alone(call: () => WasmValue | void, { cpu = 0, actions_max, observer }: { readonly cpu?: number; readonly actions_max?: number; readonly observer?: Observer } = {}): Outcome {
    const prepare = (): SimContext[] => {
      this.machine.watch(observer);
      this.machine.reset();
      return [this.machine.spawn({ name: "T0", cpu, level: "task", call: () => call() as WasmValue, ...(actions_max === undefined ? {} : { actions_max }) })];
    };
    return runSchedule({ machine: this.machine, prepare }, "T0");
  }

  /** Ends the session if need be, and looks. */
  observe(): Observed {
    const end = this.alone(() => this.#calls.stop());
    const texts: string[] = [];
    const rows: { cpu: number; probe: number; row: LedgerRow }[] = [];
    for (let cpu = 0; cpu < CHECK_CPUS; cpu++) {
      this.#calls.read(cpu);
      for (const record of decodeRecords(this.sandbox.taken(cpu))) if (record.type === "print") texts.push(new TextDecoder().decode(record.payload));
      for (let probe = 0; probe <= this.probes.length; probe++) rows.push({ cpu, probe, row: this.sandbox.row(cpu, probe) });
    }
    return { text: texts.sort().join(""), rows, end };
  }
}

const COMM_OFFSET = offsetOf("event", "comm");
/** A pointer to where no user program has memory. */
const BAD_POINTER = 0x0000_7f00_dead_0000n;

/** When made-up hits happen: all at one time, so that what they print does not depend on their order. */
const MADE_UP_NS = 1_000_000_000n;

function madeUpEvent(comm: string): WorldEvent {
  const args = Array.from({ length: LIMITS.EVENT_ARGS.value }, () => BAD_POINTER);
  const seen = encodeEvent({ pid: 0, tid: 0, uid: 0, comm, args, time_ns: MADE_UP_NS, flags: EVENT_FLAGS.made_up });
  return { cpu: 0, context: "task", time_ns: 0n, seen };
}

function sameTask(a: WorldEvent, b: WorldEvent): boolean {
  return Buffer.compare(a.seen.subarray(COMM_OFFSET, COMM_OFFSET + 16), b.seen.subarray(COMM_OFFSET, COMM_OFFSET + 16)) === 0;
}
