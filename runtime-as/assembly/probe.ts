/**
 * Execution and the ledger (X1–X4): the context levels of a CPU, and what each probe attempted, got and lost.
 *
 * Never refuses a hit but for nesting: a replay is always running (X5).
 * Sibling: runtime-c/src/probe.c
 */
import { CONTEXTS, ENESTED, ESTATE, LOSS_CAUSES, LOSS_KIND_HIT, LOSS_KINDS, LOSS_NESTED } from "./protocol.gen";
import { print_flush } from "./print";
import { Ring, ring_init } from "./ring";
import { Bytes } from "./value";

const ATTEMPTED: i32 = 0;
const DELIVERED: i32 = 1;
const LOST: i32 = 2; // then one for each cause
const KIND_COUNTS: i32 = LOST + LOSS_CAUSES;
const CUT: i32 = LOSS_KINDS * KIND_COUNTS;

/** A row of the ledger: counts of one probe, or of no probe, on one CPU (X4). All wrap modulo 2^64. */
export class Ledger {
  /** In the order of a dump (O6). */
  readonly counts: StaticArray<u64> = new StaticArray<u64>(CUT + 1);

  constructor(readonly cpu: i32, readonly probe: i32) {}

  clear(): void {
    this.counts.fill(0);
  }

  /** Something was attempted, and what became of it is not yet known. */
  attempt(kind: i32): void {
    this.counts[kind * KIND_COUNTS + ATTEMPTED]++;
  }

  /** Something that was attempted is delivered. */
  deliver(kind: i32): void {
    this.counts[kind * KIND_COUNTS + DELIVERED]++;
  }

  /** Something that was attempted is lost. */
  lose(kind: i32, cause: i32): void {
    this.counts[kind * KIND_COUNTS + LOST + cause]++;
  }

  /** So many strings or texts were cut. */
  cut(count: i32): void {
    this.counts[CUT] += count;
  }
}

/** A context level of one CPU. One that is not active has no probe, strings or text. */
export class Level {
  active: bool = false;
  probe: i32 = 0;
  /** Pool strings in use (B1). */
  strings: i32 = 0;
  readonly print: Bytes;

  constructor(readonly index: i32, print_size: i32) {
    this.print = new Bytes(print_size);
  }

  clear(): void {
    this.active = false;
    this.probe = 0;
    this.strings = 0;
    this.print.clear();
  }
}

/** What one CPU has of its own. */
export class Cpu {
  readonly levels: StaticArray<Level> = new StaticArray<Level>(CONTEXTS);
  /** Rows of probes 0, 1, … none. */
  readonly ledgers: StaticArray<Ledger>;
  readonly ring: Ring;

  constructor(readonly index: i32, readonly probes: i32, print_size: i32, ring_size: i32, readonly strings_max: i32) {
    this.ring = new Ring(index, ring_size, print_size);
    this.ledgers = new StaticArray<Ledger>(probes + 1);
    for (let i = 0; i <= probes; i++) this.ledgers[i] = new Ledger(index, i);
    for (let i = 0; i < CONTEXTS; i++) this.levels[i] = new Level(i, print_size);
  }

  /** The level of the innermost probe: the highest active one (X1), null outside any probe. */
  innermost(): Level | null {
    for (let i = CONTEXTS - 1; i >= 0; i--) {
      if (this.levels[i].active) return this.levels[i];
    }
    return null;
  }

  /** The row of the innermost probe, or none's (X3). */
  ledger(): Ledger {
    const level = this.innermost();
    return this.ledgers[level === null ? this.probes : level.probe];
  }
}

/** Leaves all probes, empties ring and ledger. */
export function probe_init(cpu: Cpu): void {
  for (let i = 0; i < CONTEXTS; i++) cpu.levels[i].clear();
  for (let i = 0; i <= cpu.probes; i++) cpu.ledgers[i].clear();
  ring_init(cpu.ring);
}

/** Begins a hit of a probe at a level (X1); entered in that probe's row (X3). Returns 0 or -ENESTED. */
export function probe_enter(cpu: Cpu, probe: i32, context: i32): i32 {
  const ledger = cpu.ledgers[probe];
  ledger.attempt(LOSS_KIND_HIT);
  for (let i = context; i < CONTEXTS; i++) {
    if (!cpu.levels[i].active) continue;
    ledger.lose(LOSS_KIND_HIT, LOSS_NESTED);
    return -ENESTED;
  }
  cpu.levels[context].active = true;
  cpu.levels[context].probe = probe;
  return 0;
}

/** Ends the innermost probe's hit: flushes its print buffer, gives its strings back (X2). Returns 0 or -ESTATE. */
export function probe_exit(ledger: Ledger, cpu: Cpu): i32 {
  const level = cpu.innermost();
  if (level === null) return -ESTATE;
  print_flush(ledger, cpu); // P4; its result is counted, not returned
  ledger.deliver(LOSS_KIND_HIT);
  level.clear(); // B1
  return 0;
}
