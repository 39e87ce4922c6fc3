/**
 * What an instrumented access looks like to the machine: `struct stp_sim_state` and `struct stp_sim_note`, read back.
 *
 * Siblings: runtime-c/port/wasm32/hooks.h spells the same names (machine.test.ts compares them).
 */

/** Bits of an access kind. */
export const ACCESS_KINDS = {
  READ: 1,
  WRITE: 2,
  ATOMIC: 4,
  VOLATILE: 8,
  RELAX: 16,
  HALF: 32,
  CPU: 64,
  FENCE: 128,
  LOCK: 256,
  UNLOCK: 512,
  TRY: 1024,
  LOOP: 2048,
  DRAIN: 4096,
  VIOLATION: 8192,
  QUIET: 16384,
  BLOCK: 32768,
} as const;

/** The `__ATOMIC_*` orders, and one that orders for contexts of the same CPU only. */
export const ORDERS = { RELAXED: 0, CONSUME: 1, ACQUIRE: 2, RELEASE: 3, ACQ_REL: 4, SEQ_CST: 5, COMPILER: 7 } as const;

/** Fields of `struct stp_sim_state`, as word indexes from its address. */
export const STATE_WORDS = {
  fuel: 0, half: 1, writes: 2, kind: 3, address: 4, size: 5, order: 6, site: 7,
  caller: 8, loops: 9, noting: 10, noted: 11, stackLow: 12, stackSize: 13, stackDeepest: 14, elapsed: 15, granted: 16, actions: 17,
} as const;

/** Fields of `struct stp_sim_note`, as word indexes from its address. */
export const NOTE_WORDS = { what: 0, address: 1, site: 2, caller: 3, low: 4, high: 5 } as const;
/** Words of a `struct stp_sim_note`. */
export const NOTE_SIZE = 6;

/** Parts of a note's `what`. */
export const kindOf = (what: number): number => what & 0xffff;
export const sizeOfAccess = (what: number): number => (what >>> 16) & 0xff;
export const orderOf = (what: number): number => what >>> 24;

/** An access that a context is about to make. */
export interface Access {
  /** ACCESS_KINDS, or-ed. */
  readonly kind: number;
  readonly address: number;
  /** Bytes. */
  readonly size: number;
  /** The `__ATOMIC_*` order of an atomic, else 0. */
  readonly order: number;
  /** Address of its site record (sites.ts); 0: unknown. */
  readonly site: number;
}
