/**
 * What can be wrong in a run besides its result, and who looks for it.
 *
 * Siblings: watch.ts puts the observers together; machine.ts tells them what happens.
 */
import type { WasmInstance } from "../wasi.ts";
import type { SimContext } from "../machine.ts";

/** Which law was broken. */
export type FindingKind =
  | "assertion" // the code's own
  | "race" // conflicting accesses of two CPUs with nothing that orders them
  | "memory" // use after free, out of bounds, no memory at all, another CPU's or another context's memory
  | "locking" // order of locks, unlock by a non-owner, a lock held at the end
  | "context" // sleeping, allocating or being moved where that is forbidden; interrupts or preemption left off
  | "budget" // more calls and rounds of loops in one hit than it may make
  | "stack";

/** A place in a finding; a race has two. */
export interface Side {
  readonly context: string;
  readonly cpu: number;
  /** Addresses of site records (sites.ts): the access itself, and the author's line that led to it. 0: unknown. */
  readonly site: number;
  readonly caller: number;
  /** "reads 4 bytes" */
  readonly what: string;
}

export interface Finding {
  readonly kind: FindingKind;
  /** One sentence, without places: those are in `sides`. */
  readonly detail: string;
  readonly sides: readonly Side[];
}

/** Sees every event of a run, in the order in which they happen. Must not touch the machine. */
export interface Observer {
  /** A new run begins on that memory: everything before is forgotten. */
  begin(instance: WasmInstance): void;
  begun(context: SimContext): void;
  /** One note (access.ts), at that word index. */
  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined;
  migrated(context: SimContext, cpu: number): void;
  ended(context: SimContext): Finding | undefined;
  /** For snapshots in the middle of a run. */
  save(): unknown;
  restore(state: unknown): void;
}
