/**
 * The observers of a run, together: races, memory, locks, delayed stores, and a hash of everything that happened.
 *
 * Siblings: finding.ts says what they answer; machine.ts tells them what happens.
 */
import { NOTE_SIZE } from "../access.ts";
import type { SimContext } from "../machine.ts";
import type { WasmInstance } from "../wasi.ts";
import type { Finding, Observer } from "./finding.ts";
import { LockDetector, type LockState } from "./locks.ts";
import { MemoryDetector, type MemoryState } from "./memory.ts";
import { RaceDetector, type RaceState } from "./race.ts";
import { Sharing } from "./sharing.ts";
import { Stores, type StoresState } from "./stores.ts";

export interface WatchOptions {
  /** CPUs of the run: contexts are on 0 to cpus - 1. */
  readonly cpus: number;
  /** What to look for besides memory and locks; both unless told. */
  readonly races?: boolean;
  readonly delays?: boolean;
}

interface WatchState {
  readonly hash: number;
  readonly races: RaceState | undefined;
  readonly stores: StoresState | undefined;
  readonly memory: MemoryState;
  readonly locks: LockState;
}

export class Watch implements Observer {
  readonly stores: Stores | undefined;
  /** Over all runs: it is not part of a snapshot. */
  readonly sharing = new Sharing();
  readonly #races: RaceDetector | undefined;
  readonly #memory = new MemoryDetector();
  readonly #locks = new LockDetector();
  #hash = 0;

  constructor({ cpus, races = true, delays = true }: WatchOptions) {
    this.#races = races ? new RaceDetector(cpus) : undefined;
    this.stores = delays ? new Stores(cpus) : undefined;
  }

  /** Of every event so far, what memory held before it included: two runs that have the same did the same. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  begin(instance: WasmInstance): void {
    this.#hash = 0;
    this.#races?.begin();
    this.#memory.begin(instance);
    this.#locks.begin();
    this.stores?.begin();
  }

  begun(context: SimContext): void {
    this.#absorb(context.cpu);
  }

  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined {
    for (let i = 0; i < NOTE_SIZE; i++) this.#absorb(words[at + i]!);
    this.sharing.note(context, words, at);
    this.stores?.note(context, words, at);
    return this.#memory.note(context, words, at) ?? this.#races?.note(context, words, at) ?? this.#locks.note(context, words, at);
  }

  migrated(context: SimContext, cpu: number): void {
    this.#absorb(cpu);
    this.#races?.migrated(context, cpu);
    this.stores?.migrated(context);
  }

  ended(context: SimContext): Finding | undefined {
    return this.#locks.ended(context);
  }

  save(): WatchState {
    return { hash: this.#hash, races: this.#races?.save(), stores: this.stores?.save(), memory: this.#memory.save(), locks: this.#locks.save() };
  }

  restore(state: unknown): void {
    const { hash, races, stores, memory, locks } = state as WatchState; // only save() makes them
    this.#hash = hash;
    if (races) this.#races?.restore(races);
    if (stores) this.stores?.restore(stores);
    this.#memory.restore(memory);
    this.#locks.restore(locks);
  }

  #absorb(word: number): void {
    this.#hash = Math.imul(this.#hash ^ word, 0x01000193) ^ (this.#hash >>> 15);
  }
}
