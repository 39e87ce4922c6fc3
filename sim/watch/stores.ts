/**
 * Stores that are not yet seen: what a missing barrier allows.
 *
 * Machines make stores visible late, compilers make them late; both only up to the next barrier. Each CPU has a window of
 * its last stores that no barrier has forced out and that nobody else has met. A schedule may hold one of them back
 * while others run (`d2`: the context's third store, as other CPUs may see it; `c2`: as the compiler may have placed it, so
 * that interrupts of the same CPU see it, too); with it go those that must not be seen before it.
 *
 * It observes events to keep the windows; run.ts holds stores back when a context is left, and lets them go before their
 * CPU runs again (`d`: it sees its own stores), or their context (`c`: only there does the store stand). Each CPU has one
 * delay at a time. It never delays a load.
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS, ORDERS, orderOf, sizeOfAccess, STATE_WORDS } from "../access.ts";
import type { SimContext } from "../machine.ts";
import type { WasmInstance } from "../wasi.ts";

const { READ, WRITE, ATOMIC, VOLATILE, FENCE, QUIET } = ACCESS_KINDS;

/** Stores of a CPU that may be delayed at a time. */
export const WINDOW_STORES_MAX = 8;

/** Whose order a delay follows: other CPUs' view, or the compiler's for everyone. */
export type DelayKind = "d" | "c";

export interface Hold {
  readonly kind: DelayKind;
  /** The context's n-th store, from 0. */
  readonly store: number;
}

interface Store {
  readonly context: SimContext;
  readonly number: number;
  readonly address: number;
  readonly size: number;
  /** What was there before. */
  readonly low: number;
  readonly high: number;
  readonly isVolatile: boolean;
  /** Sequentially consistent loads come after it. */
  readonly isSeqCst: boolean;
  /** Stores behind a write barrier after this one have a greater epoch; those behind a compiler's barrier a greater stretch. */
  readonly epoch: number;
  readonly stretch: number;
  /** Events of its CPU before it. */
  readonly at: number;
}

/** What a CPU has stored and may not be seen yet. Changed in place: this is the path of every event. */
interface Window {
  stores: Store[];
  epoch: number;
  /** Grows where the compiler moves nothing across: barriers, atomics, calls. */
  stretch: number;
  inFunction: number;
  events: number;
  /** Event number of its last volatile access: the compiler keeps the order among those. */
  lastVolatile: number;
}

/** What is held back of a CPU now. */
interface Held {
  readonly kind: DelayKind;
  readonly context: SimContext;
  /** In the order of the stores. */
  readonly stores: readonly { readonly address: number; readonly bytes: Uint8Array }[];
}

export interface StoresState {
  readonly windows: readonly Window[];
  readonly held: readonly (Held | undefined)[];
  readonly counts: ReadonlyMap<string, number>;
}

export class Stores {
  #windows: Window[];
  /** By CPU. */
  #held: (Held | undefined)[];
  #counts = new Map<string, number>();
  readonly #cpus: number;

  constructor(cpus: number) {
    this.#cpus = cpus;
    this.#windows = Array.from({ length: cpus }, emptyWindow);
    this.#held = new Array<Held | undefined>(cpus).fill(undefined);
  }

  begin(): void {
    for (let cpu = 0; cpu < this.#cpus; cpu++) this.#windows[cpu] = emptyWindow();
    this.#held.fill(undefined);
    this.#counts.clear();
  }

  note(context: SimContext, words: Uint32Array, at: number): void {
    const what = words[at + NOTE_WORDS.what]!;
    const kind = kindOf(what);
    const window = this.#windows[context.cpu]!;
    if (kind === QUIET) for (const one of this.#windows) one.stores = [];
    if (kind === FENCE) fence(window, orderOf(what));
    if ((kind & (READ | WRITE)) === 0) return;
    const address = words[at + NOTE_WORDS.address]!;
    const size = sizeOfAccess(what);
    this.#meet(context.cpu, address, size);
    window.events++;
    const inFunction = words[words[at + NOTE_WORDS.site]! / 4 + 1]!;
    if ((kind & ATOMIC) !== 0 || inFunction !== window.inFunction) window.stretch++;
    window.inFunction = inFunction;
    if (kind & ATOMIC) order(window, kind, orderOf(what), address, size);
    if (kind & VOLATILE) window.lastVolatile = window.events;
    if (kind & WRITE) this.#store(context, window, words, at, kind, address, size);
  }

  migrated(context: SimContext): void {
    this.#windows[context.cpu]!.stores = [];
  }

  /** The stores of a context that may be held back now while a context of that CPU runs, of those that matter; latest first. */
  delayable(context: SimContext, cpu: number, matters: (address: number, size: number) => boolean = () => true): Hold[] {
    const window = this.#windows[context.cpu]!;
    const { stores } = window;
    if (stores.length === 0 || this.#held[context.cpu]) return NO_HOLDS;
    const kind: DelayKind = cpu === context.cpu ? "c" : "d";
    const halfDone = context.access && context.access.kind & ACCESS_KINDS.HALF && context.access.kind & WRITE ? stores.at(-1) : undefined;
    const holds: Hold[] = [];
    for (let i = stores.length - 1; i >= 0; i--) {
      const store = stores[i]!;
      // The compiler's delay of what was stored last is an earlier stop, and nothing else.
      if (store.context !== context || store === halfDone || (kind === "c" && (!isLoose(window, store) || store.at === window.events))) continue;
      if (!matters(store.address, store.size)) continue;
      holds.push({ kind, store: store.number });
    }
    return holds;
  }

  /** Holds it back, and those that may not be seen before it. False if it cannot be. */
  hold(instance: WasmInstance, context: SimContext, hold: Hold): boolean {
    const window = this.#windows[context.cpu]!;
    const at = window.stores.findIndex((store) => store.context === context && store.number === hold.store);
    const first = window.stores[at];
    if (!first || this.#held[context.cpu] || (hold.kind === "c" && !isLoose(window, first))) return false;
    const later = window.stores.slice(at).filter((store) => store === first || store.epoch > first.epoch || overlaps(store, first.address, first.size));
    const bytes = instance.bytes;
    this.#held[context.cpu] = { kind: hold.kind, context, stores: later.map(({ address, size }) => ({ address, bytes: bytes.slice(address, address + size) })) };
    for (const store of later.toReversed()) {
      for (let i = 0; i < store.size; i++) bytes[store.address + i] = ((i < 4 ? store.low : store.high) >>> (8 * (i & 3))) & 0xff;
    }
    return true;
  }

  /** Before a context runs: what it must see is there. */
  settle(instance: WasmInstance, context: SimContext): void {
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const held = this.#held[cpu];
      if (held && (held.context === context || (held.kind === "d" && cpu === context.cpu))) this.#release(instance, cpu, held);
    }
  }

  /** All that was stored is there. False if it was before. */
  settleAll(instance: WasmInstance): boolean {
    let any = false;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const held = this.#held[cpu];
      if (held) this.#release(instance, cpu, held);
      any ||= held !== undefined;
    }
    return any;
  }

  save(): StoresState {
    return { windows: this.#windows.map(copyOf), held: [...this.#held], counts: new Map(this.#counts) };
  }

  restore(state: StoresState): void {
    this.#windows = state.windows.map(copyOf);
    this.#held = [...state.held];
    this.#counts = new Map(state.counts);
  }

  #release(instance: WasmInstance, cpu: number, { stores }: Held): void {
    for (const { address, bytes } of stores) instance.bytes.set(bytes, address);
    instance.words[instance.address("stp_sim") / 4 + STATE_WORDS.writes]!++; // memory has changed: who spins may go on
    this.#held[cpu] = undefined;
    this.#windows[cpu]!.stores = [];
  }

  #store(context: SimContext, window: Window, words: Uint32Array, at: number, kind: number, address: number, size: number): void {
    const number = this.#counts.get(context.name) ?? 0;
    this.#counts.set(context.name, number + 1);
    if ((kind & ATOMIC) !== 0 && (kind & READ) !== 0) return; // seen at once
    if (window.stores.length === WINDOW_STORES_MAX) window.stores.shift();
    window.stores.push({
      context, number, address, size,
      low: words[at + NOTE_WORDS.low]!,
      high: words[at + NOTE_WORDS.high]!,
      isVolatile: (kind & (VOLATILE | ATOMIC)) !== 0,
      isSeqCst: (kind & ATOMIC) !== 0 && orderOf(words[at + NOTE_WORDS.what]!) === ORDERS.SEQ_CST,
      epoch: window.epoch,
      stretch: window.stretch,
      at: window.events,
    });
  }

  /** Another CPU has met what is in a window: it was seen, and all that had to be seen before it. */
  #meet(cpu: number, address: number, size: number): void {
    for (let other = 0; other < this.#cpus; other++) {
      if (other !== cpu && !this.#held[other]) commit(this.#windows[other]!, address, size);
    }
  }
}

const NO_HOLDS: Hold[] = [];

function emptyWindow(): Window {
  return { stores: [], epoch: 0, stretch: 0, inFunction: 0, events: 0, lastVolatile: 0 };
}

function copyOf(window: Window): Window {
  return { ...window, stores: [...window.stores] };
}

function fence(window: Window, by: number): void {
  window.stretch++;
  if (by === ORDERS.SEQ_CST) window.stores = [];
  else if (by === ORDERS.RELEASE || by === ORDERS.ACQ_REL) window.epoch++;
}

/** An atomic orders what came before it. */
function order(window: Window, kind: number, by: number, address: number, size: number): void {
  if ((kind & WRITE) === 0) {
    if (by === ORDERS.SEQ_CST) window.stores = window.stores.filter((store) => !store.isSeqCst);
    return;
  }
  const changes = (kind & READ) !== 0;
  const releases = by === ORDERS.RELEASE || by === ORDERS.ACQ_REL || by === ORDERS.SEQ_CST;
  if ((changes && releases) || by === ORDERS.SEQ_CST) window.stores = [];
  else if (releases) window.epoch++;
  else if (changes) commit(window, address, size);
}

/** Whether the compiler could still place it here: nothing since that it moves nothing across. */
function isLoose(window: Window, store: Store): boolean {
  return store.stretch === window.stretch && !(store.isVolatile && window.lastVolatile > store.at);
}

/** What is stored there was seen, and with it all that a write barrier puts before it. */
function commit(window: Window, address: number, size: number): void {
  const { stores } = window;
  for (let i = stores.length - 1; i >= 0; i--) {
    const last = stores[i]!;
    if (!overlaps(last, address, size)) continue;
    window.stores = stores.filter((store) => store !== last && !overlaps(store, address, size) && store.epoch >= last.epoch);
    return;
  }
}

function overlaps(store: Store, address: number, size: number): boolean {
  return store.address < address + size && address < store.address + store.size;
}
