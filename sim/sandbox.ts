/**
 * A session of one probe program in the sandbox: what a module and stpd are on a kernel.
 *
 * Sibling: runtime-c/port/wasm32/sandbox.c, the other side of every call here.
 */
import { CONTEXTS, LOSS_CAUSES, LOSS_KINDS, type Context, type LossCause, type LossKind } from "../spec/protocol.ts";
import { sizeOf } from "../spec/layout.ts";
import type { WasmInstance } from "./wasi.ts";

/** A probe of the program. */
export interface ProbeInfo {
  readonly index: number;
  readonly provider: string;
  readonly target: string;
  /** Line of its STP_PROBE. */
  readonly line: number;
}

/** A hit that the world makes: where, when, and what the probe will see. */
export interface WorldEvent {
  readonly cpu: number;
  readonly context: Context;
  readonly time_ns: bigint;
  /** Bytes of struct event: task and arguments. */
  readonly seen: Uint8Array;
}

export interface LedgerKind {
  readonly attempted: bigint;
  readonly delivered: bigint;
  readonly lost: Readonly<Record<LossCause, bigint>>;
}

export type LedgerRow = Readonly<Record<LossKind, LedgerKind>>;

/** Ring of a virtual CPU. */
export const SANDBOX_RING_BYTES = 1 << 20;

const EVENT_BYTES = sizeOf("event");
const KINDS = Object.keys(LOSS_KINDS) as LossKind[];
const CAUSES = Object.keys(LOSS_CAUSES) as LossCause[];

/** Drives one instance. All of it is synchronous and deterministic. */
export class Sandbox {
  readonly instance: WasmInstance;
  readonly cpus: number;
  readonly probes: readonly ProbeInfo[];
  /** Address of each CPU's and level's struct event. */
  readonly #seen: readonly (readonly number[])[];

  /** Takes all memory of the session. Throws if that fails: the log says why. */
  constructor(instance: WasmInstance, cpus: number, ringBytes = SANDBOX_RING_BYTES) {
    this.instance = instance;
    this.cpus = cpus;
    const error = this.#call("stp_sim_init", cpus, ringBytes);
    if (error !== 0) throw new Error(`The session could not begin (${error}): ${this.log()}`);
    this.probes = Array.from({ length: this.#call("stp_sim_probes") }, (_, index) => this.#probe(index));
    this.#seen = Array.from({ length: cpus }, (_, cpu) => CONTEXTS.map((_level, level) => this.#call("stp_sim_seen", cpu, level)));
  }

  /** What the session logged so far. */
  log(): string {
    return this.instance.string(this.#call("stp_sim_log"));
  }

  /** Runs begin probes and attaches. */
  start(): void {
    const error = this.#call("stp_sim_start");
    if (error !== 0) throw new Error(`The session could not start (${error}): ${this.log()}`);
  }

  /** Puts the world in place for a hit: the CPU's task, arguments, and the time. */
  show(event: WorldEvent): void {
    this.instance.bytes.set(event.seen.subarray(0, EVENT_BYTES), this.#seen[event.cpu]![CONTEXTS.indexOf(event.context)]!);
    this.instance.func("stp_sim_set_time")(event.time_ns);
  }

  /** Maps of the program. */
  get maps(): number {
    return this.#call("stp_sim_maps");
  }

  /** Runs something while a map is held, as if it had interrupted a call of that CPU on it (M6). */
  whileHeld(map: number, cpu: number, run: () => void): void {
    this.#call("stp_sim_hold", map, cpu, 1);
    run();
    this.#call("stp_sim_hold", map, cpu, 0);
  }

  /** One uninterrupted hit of a probe. */
  hit(probe: number, event: WorldEvent): void {
    this.show(event);
    this.place(event.cpu, event.context);
    this.instance.func("stp_sim_hit")(probe);
  }

  /** Sets the CPU and context level of calls that no machine schedules. */
  place(cpu: number, context: Context): void {
    this.instance.func("stp_sim_set_cpu")(cpu);
    this.instance.func("stp_sim_set_level")(CONTEXTS.indexOf(context));
  }

  /** Detaches, and runs end probes on the current CPU. */
  stop(): void {
    this.instance.func("stp_sim_stop")();
  }

  /** Bytes that the reader of a CPU could take. */
  readable(cpu: number): number {
    return this.#call("stp_sim_readable", cpu) >>> 0;
  }

  /** The reader takes what is there, into the recording. */
  drain(cpu: number): void {
    this.#call("stp_sim_drain", cpu);
  }

  /** The reader takes what is there and throws it away: for runs that are rewound, which no file could be. */
  take(cpu: number): void {
    this.#call("stp_sim_take", cpu);
  }

  /** A copy of what is unread, if the ring has not gone round yet. */
  unread(cpu: number): Uint8Array {
    const size = this.readable(cpu);
    const address = this.#call("stp_sim_unread", cpu);
    return this.instance.bytes.slice(address, address + size);
  }

  /** Ledger row of a probe; the number of probes is the row "none". */
  row(cpu: number, probe: number): LedgerRow {
    const address = this.#call("stp_sim_row", cpu, probe);
    const words = 2 + CAUSES.length;
    const word = (index: number): bigint => this.instance.data.getBigUint64(address + 8 * index, true);
    const kind = (index: number): LedgerKind => ({
      attempted: word(index * words),
      delivered: word(index * words + 1),
      lost: Object.fromEntries(CAUSES.map((cause, i) => [cause, word(index * words + 2 + i)])) as Record<LossCause, bigint>,
    });
    return Object.fromEntries(KINDS.map((name, index) => [name, kind(index)])) as Record<LossKind, LedgerKind>;
  }

  /** Ends the session; its recording by file name. */
  finish(): Map<string, Uint8Array> {
    if (this.#call("stp_sim_finish") !== 0) throw new Error("The sandbox could not write its recording");
    const names = ["manifest.json", ...Array.from({ length: this.cpus }, (_, cpu) => `cpu${cpu}.data`)];
    return new Map(names.map((name) => [name, this.instance.readFile(`/${name}`) ?? new Uint8Array()]));
  }

  #probe(index: number): ProbeInfo {
    return {
      index,
      provider: this.instance.string(this.#call("stp_sim_probe_provider", index)),
      target: this.instance.string(this.#call("stp_sim_probe_target", index)),
      line: this.#call("stp_sim_probe_line", index),
    };
  }

  #call(name: string, ...args: number[]): number {
    return Number(this.instance.func(name)(...args));
  }
}
