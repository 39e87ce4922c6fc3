/**
 * A session of one probe program in the sandbox: what a module and stpd are on a kernel.
 *
 * Sibling: runtime-c/port/wasm32/sandbox.c, the other side of every call here.
 */
import { CONTEXTS, LOSS_CAUSES, LOSS_KINDS, SESSION_LIMITS, type RingMode, type SessionLimit, type Context, type LossCause, type LossKind } from "../spec/protocol.ts";
import { StpError } from "../spec/errors.ts";
import type { WasmInstance } from "./wasi.ts";

/** A probe of the program. */
export interface ProbeInfo {
  readonly index: number;
  readonly provider: string;
  readonly target: string;
  /** Line of its STP_PROBE. */
  readonly line: number;
  /** It may be that its target is not there. */
  readonly optional: boolean;
}

/** A hit that the world makes: where, when, and what the probe will see. */
export interface WorldEvent {
  readonly cpu: number;
  readonly context: Context;
  readonly time_ns: bigint;
  /** An event's payload: task, arguments, looks. */
  readonly seen: Uint8Array;
}

export interface LedgerKind {
  readonly attempted: number;
  readonly delivered: number;
  readonly lost: Readonly<Record<LossCause, number>>;
}

export type LedgerRow = Readonly<Record<LossKind, LedgerKind>>;

/** A counter of losses; `cut`: something was shortened. */
export interface LossCounter {
  readonly cpu: number;
  readonly probe: number;
  readonly kind: LossKind;
  readonly cause: LossCause | "cut";
}

/** Limits of a session that are not the default. */
export type SessionLimits = Readonly<Partial<Record<SessionLimit, number>>>;

/** Ring of a virtual CPU. */
export const SANDBOX_RING_BYTES = 1 << 20;

const KINDS = Object.keys(LOSS_KINDS) as LossKind[];
const CAUSES = Object.keys(LOSS_CAUSES) as LossCause[];

/** Drives one instance. All of it is synchronous and deterministic. */
export class Sandbox {
  readonly instance: WasmInstance;
  readonly cpus: number;
  readonly probes: readonly ProbeInfo[];

  /** Takes all memory of the session. Throws StpError if that fails, with what the log says. */
  constructor(instance: WasmInstance, cpus: number, ringBytes = SANDBOX_RING_BYTES, limits: SessionLimits = {}, mode: RingMode = "discard") {
    this.instance = instance;
    this.cpus = cpus;
    Object.keys(SESSION_LIMITS).forEach((name, index) => this.#call("stp_sim_limit", index, limits[name as SessionLimit] ?? 0));
    this.#call("stp_sim_overwrite", mode === "overwrite" ? 1 : 0);
    const error = this.#call("stp_sim_init", cpus, ringBytes);
    if (error !== 0) throw new StpError(`The session cannot begin: ${this.log().trim() || `error ${error}`}`);
    this.probes = Array.from({ length: this.#call("stp_sim_probes") }, (_, index) => this.#probe(index));
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

  /** Puts the world in place for a hit: the CPU's task, arguments, what it will look at, and the time. */
  show(event: WorldEvent): void {
    this.#put(this.#call("stp_sim_show", event.cpu, CONTEXTS.indexOf(event.context), event.seen.length), event.seen);
    this.instance.func("stp_sim_set_time")(event.time_ns);
  }

  /** The same for a probe whose hit comes from the session. */
  showOwn(probe: number, { seen }: WorldEvent): void {
    this.#put(this.#call("stp_sim_show_own", probe, seen.length), seen);
  }

  #put(at: number, bytes: Uint8Array): void {
    if (at === 0) throw new Error(`The sandbox has no memory for an event of ${bytes.length} bytes`);
    this.instance.bytes.set(bytes, at);
  }

  /** Looks of bodies that no event had an answer for: they were given as faults. */
  get missing(): number {
    return this.#call("stp_sim_missing");
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

  /** Fills the reserves of maps, as a worker does outside of probes. */
  refill(): void {
    this.place(0, "task");
    this.instance.func("stp_sim_refill")();
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

  /** A reader that keeps nothing. */
  discard(cpu: number): void {
    this.#call("stp_sim_discard", cpu);
  }

  /** Makes room for a reader that is one of the contexts (`stp_sim_read`). */
  beginReading(cpu: number): void {
    if (this.#call("stp_sim_read_begin", cpu) !== 0) throw new Error("The sandbox has no memory for a reader");
  }

  /** What that reader took. */
  taken(cpu: number): Uint8Array {
    const address = this.#call("stp_sim_taken", cpu);
    return this.instance.bytes.slice(address, address + this.#call("stp_sim_taken_size", cpu));
  }

  /** Gives all memory of the session back, as unloading does. */
  fini(): void {
    this.instance.func("stp_sim_fini")();
  }

  /** What a ring that overwrites holds: whole records, oldest first (T6). */
  snapshot(cpu: number): Uint8Array {
    const at = this.#call("stp_sim_snapshot", cpu);
    const bytes = this.instance.bytes.slice(at, at + this.#call("stp_sim_snapshot_size"));
    this.#call("stp_sim_drop_snapshot", at);
    return bytes;
  }

  /** A copy of what is unread, if the ring has not gone round yet. */
  unread(cpu: number): Uint8Array {
    const size = this.readable(cpu);
    const address = this.#call("stp_sim_unread", cpu);
    return this.instance.bytes.slice(address, address + size);
  }

  /** Ledger row of a probe; the number of probes is the row "none". */
  row(cpu: number, probe: number): LedgerRow {
    const at = this.#call("stp_sim_row", cpu, probe) / 4;
    const words = this.instance.words;
    const count = (index: number): number => words[at + 2 * index]! + words[at + 2 * index + 1]! * 2 ** 32;
    const row: Partial<Record<LossKind, LedgerKind>> = {};
    for (const [k, kind] of KINDS.entries()) {
      const first = k * (2 + CAUSES.length);
      const lost: Partial<Record<LossCause, number>> = {};
      for (const [c, cause] of CAUSES.entries()) lost[cause] = count(first + 2 + c);
      row[kind] = { attempted: count(first), delivered: count(first + 1), lost: lost as Record<LossCause, number> };
    }
    return row as LedgerRow;
  }

  /** Where each counter of the ledger is that counts a loss or a cut, by address. */
  lossCounters(): Map<number, LossCounter> {
    const counters = new Map<number, LossCounter>();
    const words = 2 + CAUSES.length;
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      for (const { index: probe } of this.probes) {
        const row = this.#call("stp_sim_row", cpu, probe);
        KINDS.forEach((kind, k) => CAUSES.forEach((cause, c) => counters.set(row + 8 * (k * words + 2 + c), { cpu, probe, kind, cause })));
        counters.set(row + 8 * KINDS.length * words, { cpu, probe, kind: "string", cause: "cut" });
      }
    }
    return counters;
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
      optional: this.#call("stp_sim_probe_optional", index) !== 0,
    };
  }

  #call(name: string, ...args: number[]): number {
    return Number(this.instance.func(name)(...args));
  }
}
