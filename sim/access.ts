/**
 * What an instrumented access looks like to the machine: `struct stp_sim_state`, read back.
 *
 * Siblings: runtime-c/port/wasm32/hooks.h spells the same names (machine.test.ts compares them).
 */

/** Bits of an access kind. */
export const ACCESS_KINDS = { READ: 1, WRITE: 2, ATOMIC: 4, VOLATILE: 8, RELAX: 16, HALF: 32 } as const;

/** Fields of `struct stp_sim_state`, as word indexes from its address. */
export const STATE_WORDS = { fuel: 0, half: 1, writes: 2, kind: 3, address: 4, size: 5, order: 6, site: 7 } as const;

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
