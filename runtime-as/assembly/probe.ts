/**
 * Execution and the ledger (X1–X8): the context levels of a CPU, their actions and errors, and what each probe
 * attempted, got and lost.
 *
 * Never refuses a hit but for nesting: a replay is always running (X5), and its clock stands still (X6).
 * Sibling: runtime-c/src/probe.c
 */
import {
  CONTEXTS,
  DUMP_LEDGER,
  EBUDGET,
  EDOM,
  EFAULT,
  EINVAL,
  ENESTED,
  ERROR_SIZE_MAX,
  ESTATE,
  LOSS_BUDGET,
  LOSS_CAUSES,
  LOSS_ERROR,
  LOSS_FAULT,
  LOSS_KIND_HIT,
  LOSS_KIND_RECORD,
  LOSS_KINDS,
  LOSS_NESTED,
  RECORD_ERROR,
} from "./protocol.gen";
import { string_dump, Words } from "./dump";
import { format_cuts, format_text, formatted } from "./format";
import { buffer_flush, record_offer } from "./print";
import { Ring, ring_init } from "./ring";
import { Arguments, Bytes, bytes_of } from "./value";

/** Words of a row before its counts: tag, probe and CPU. */
export const LEDGER_HEAD: i32 = 3;
const ATTEMPTED: i32 = 0;
const DELIVERED: i32 = 1;
const LOST: i32 = 2; // then one for each cause
const KIND_COUNTS: i32 = LOST + LOSS_CAUSES;
const CUT: i32 = LEDGER_HEAD + LOSS_KINDS * KIND_COUNTS;
const EVICTED: i32 = CUT + 1;
/** Words of a row, counts that are 0 among them. */
export const LEDGER_WORDS: i32 = EVICTED + 1;

const DIVISION_BY_ZERO = bytes_of("division by zero");

/** A row of the ledger: counts of one probe, or of no probe, on one CPU (X4). All wrap modulo 2^64. */
export class Ledger {
  /** Head and counts, in the order of O6. */
  readonly words: StaticArray<u64> = new StaticArray<u64>(LEDGER_WORDS);

  constructor(readonly cpu: i32, readonly probe: i32) {
    this.words[0] = DUMP_LEDGER;
    this.words[1] = probe;
    this.words[2] = cpu;
  }

  clear(): void {
    this.words.fill(0, LEDGER_HEAD);
  }

  /** Something was attempted, and what became of it is not yet known. */
  attempt(kind: i32): void {
    unchecked((this.words[LEDGER_HEAD + kind * KIND_COUNTS + ATTEMPTED]++));
  }

  /** Something that was attempted is delivered. */
  deliver(kind: i32): void {
    unchecked((this.words[LEDGER_HEAD + kind * KIND_COUNTS + DELIVERED]++));
  }

  /** Something that was attempted is lost. */
  lose(kind: i32, cause: i32): void {
    unchecked((this.words[LEDGER_HEAD + kind * KIND_COUNTS + LOST + cause]++));
  }

  /** Something that was delivered is lost after all. */
  take_back(kind: i32, cause: i32): void {
    unchecked((this.words[LEDGER_HEAD + kind * KIND_COUNTS + DELIVERED]--));
    this.lose(kind, cause);
  }

  /** Something was attempted, and lost at once. */
  refuse(kind: i32, cause: i32): void {
    this.attempt(kind);
    this.lose(kind, cause);
  }

  /** So many strings or texts were cut. */
  cut(count: i32): void {
    unchecked((this.words[CUT] += count));
  }

  /** A wrap map removed an entry to make room (M12). */
  evict(): void {
    unchecked((this.words[EVICTED]++));
  }
}

/** A context level of one CPU. One that is not active has 0 and no text everywhere. */
export class Level {
  active: bool = false;
  probe: i32 = 0;
  /** Actions left (X6). */
  actions: i32 = 0;
  exhausted: bool = false;
  /** Pool strings in use (B1). */
  strings: i32 = 0;
  /** An error is raised (X7): `message`. */
  raised: bool = false;
  readonly message: Bytes = new Bytes(ERROR_SIZE_MAX - 1);
  readonly print: Bytes;

  constructor(readonly index: i32, print_size: i32) {
    this.print = new Bytes(print_size);
  }

  clear(): void {
    this.active = false;
    this.probe = 0;
    this.actions = 0;
    this.exhausted = false;
    this.strings = 0;
    this.raised = false;
    this.message.clear();
    this.print.clear();
  }
}

/** What one CPU has of its own. */
export class Cpu {
  readonly levels: StaticArray<Level> = new StaticArray<Level>(CONTEXTS);
  /** Rows of probes 0, 1, … none. */
  readonly ledgers: StaticArray<Ledger>;
  readonly ring: Ring;
  /** The level of the innermost probe: the highest active one (X1), null outside any probe. */
  innermost: Level | null = null;
  /** The row of the innermost probe, or none's (X3). */
  row: Ledger;

  constructor(
    readonly index: i32,
    readonly probes: i32,
    readonly actions_max: i32,
    readonly strings_max: i32,
    print_size: i32,
    ring_size: i32,
    overwrites: bool,
  ) {
    this.ring = new Ring(index, ring_size, overwrites);
    const ledgers = new_ledgers(index, probes + 1);
    this.ledgers = ledgers;
    this.row = ledgers[probes];
    for (let i = 0; i < CONTEXTS; i++) this.levels[i] = new Level(i, print_size);
  }

  /** Level `index`, which is below CONTEXTS. */
  @inline
  level(index: i32): Level {
    return unchecked(this.levels[index]);
  }

  /** Sets `innermost` and `row` after a level became active or ceased to be. */
  settle(): void {
    this.innermost = null;
    this.row = this.ledgers[this.probes];
    for (let i = CONTEXTS - 1; i >= 0; i--) {
      const level = this.level(i);
      if (!level.active) continue;
      this.innermost = level;
      this.row = this.ledgers[level.probe];
      return;
    }
  }
}

function new_ledgers(cpu: i32, count: i32): StaticArray<Ledger> {
  const ledgers = new StaticArray<Ledger>(count);
  for (let i = 0; i < count; i++) ledgers[i] = new Ledger(cpu, i);
  return ledgers;
}

/** Leaves all probes, empties ring and ledger. */
export function probe_init(cpu: Cpu): void {
  for (let i = 0; i < CONTEXTS; i++) cpu.levels[i].clear();
  for (let i = 0; i <= cpu.probes; i++) cpu.ledgers[i].clear();
  cpu.settle();
  ring_init(cpu.ring);
}

/** Begins a hit of a probe at a level (X1); entered in that probe's row (X3). Returns 0 or -ENESTED. */
export function probe_enter(cpu: Cpu, probe: i32, context: i32): i32 {
  const row = cpu.ledgers[probe];
  row.attempt(LOSS_KIND_HIT);
  const innermost = cpu.innermost;
  if (innermost !== null && innermost.index >= context) {
    row.lose(LOSS_KIND_HIT, LOSS_NESTED);
    return -ENESTED;
  }
  const level = cpu.level(context);
  level.active = true;
  level.probe = probe;
  level.actions = cpu.actions_max; // X6
  cpu.settle();
  return 0;
}

/** Ends the innermost probe's hit (X2): flushes, reports its error, gives its strings back. Returns 0 or -ESTATE. */
export function probe_exit(cpu: Cpu): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  buffer_flush(cpu, level); // P4; its result is counted, not returned
  exit_report(cpu, level);
  exit_end(cpu, level);
  return 0;
}

/** X2: the record of an error that nothing caught. */
export function exit_report(cpu: Cpu, level: Level): void {
  if (level.raised) record_offer(cpu, level, RECORD_ERROR, level.message);
}

/** X2: what became of the hit. */
export function exit_end(cpu: Cpu, level: Level): void {
  if (level.exhausted) cpu.row.lose(LOSS_KIND_HIT, LOSS_BUDGET);
  else if (level.raised) cpu.row.lose(LOSS_KIND_HIT, LOSS_ERROR);
  else cpu.row.deliver(LOSS_KIND_HIT);
  level.clear(); // B1
  cpu.settle();
}

/** Takes one of the innermost probe's actions (X6). False, and the hit is exhausted, if none is left. */
export function take_action(cpu: Cpu): bool {
  const level = cpu.innermost;
  if (level === null) return true; // outside of any probe there is no limit
  if (level.actions == 0) {
    level.exhausted = true;
    return false;
  }
  level.actions--;
  return true;
}

/** Raises an error with a formatted message (X7). Returns 0, -ESTATE, -EBUDGET, -EINVAL or -EFAULT. */
export function raise(cpu: Cpu, format: Bytes, args: Arguments): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) {
    cpu.row.refuse(LOSS_KIND_RECORD, LOSS_BUDGET);
    return -EBUDGET;
  }
  const result = format_text(format, args);
  if (result == -EFAULT) cpu.row.refuse(LOSS_KIND_RECORD, LOSS_FAULT);
  if (result != 0) return result;
  cpu.row.cut(format_cuts(args)); // P1
  if (formatted.length > ERROR_SIZE_MAX - 1) cpu.row.cut(1);
  formatted.end_at_nul();
  level_raise(level, formatted);
  return 0;
}

/** While an error is raised, it stays (X7). */
function level_raise(level: Level, message: Bytes): void {
  if (level.raised) return;
  level.raised = true;
  level.message.set(message, min(message.length, ERROR_SIZE_MAX - 1));
}

/** Takes back the innermost probe's error and outputs its message (X7). Returns 1, 0 if there is none, -ESTATE or -EBUDGET. */
export function catch_error(cpu: Cpu, outputs: Words): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) return -EBUDGET;
  if (!level.raised) return 0;
  level.raised = false;
  outputs.end = string_dump(level.message, outputs.end);
  level.message.clear();
  return 1;
}

/** Outputs quotient or remainder of two numbers (X8). Returns 0, -ESTATE, -EBUDGET, -EINVAL or -EDOM. */
export function divide(cpu: Cpu, args: Arguments, wants_remainder: bool, outputs: Words): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) return -EBUDGET;
  if (!args.fit(2, 0)) return -EINVAL;
  const a = args.number(0);
  const b = args.number(1);
  if (b == 0) {
    level_raise(level, DIVISION_BY_ZERO);
    return -EDOM;
  }
  if (b == -1) outputs.push(wants_remainder ? 0 : 0 - a); // INT64_MIN / -1 has no quotient in int64: it wraps
  else outputs.push(wants_remainder ? a % b : a / b);
  return 0;
}
