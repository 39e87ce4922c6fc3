/**
 * Data races by happens-before: two accesses of different CPUs that conflict, at least one of them plain, and nothing
 * that orders one before the other.
 *
 * As the kernel has it: volatile accesses of up to a word and atomics are marked, and two marked ones are no race; only
 * acquire meets release makes order. What one CPU does is in order, interrupts included. An 8-byte volatile access is
 * not marked, because a 32-bit target makes two of it.
 * Sibling: finding.ts. All state is in typed arrays, so that a snapshot is a copy.
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS, ORDERS, orderOf, sizeOfAccess } from "../access.ts";
import type { SimContext } from "../machine.ts";
import type { Finding, Side } from "./finding.ts";

const { READ, WRITE, ATOMIC, VOLATILE, FENCE, QUIET } = ACCESS_KINDS;

/** Cells to begin with: one for each word that is accessed, and four more if a part of it is. */
const CELLS_BEGIN = 1024;

/** Words of an access in a cell: clock (0: none), CPU, site, caller, context. */
const [CLOCK, CPU, SITE, CALLER, CONTEXT, ACCESS_SIZE] = [0, 1, 2, 3, 4, 5];

/**
 * A cell: its first byte's cell if it is split, else 0; last plain write, last marked write; then for each CPU its last
 * plain read, last marked read, and a sync clock entry. All of its accesses are to all of its bytes.
 */
const BYTES = 0;
const PLAIN_WRITE = 1;
const MARKED_WRITE = PLAIN_WRITE + ACCESS_SIZE;
const READS = MARKED_WRITE + ACCESS_SIZE;
/** Address of a byte's cell: it is found by its word's. */
const NO_ADDRESS = -1;

export interface RaceState {
  readonly count: number;
  readonly cells: Int32Array;
  readonly addresses: Int32Array;
  readonly clocks: Int32Array;
}

export class RaceDetector {
  readonly #cpus: number;
  readonly #cellSize: number;
  /** Of contexts that were ever seen: states that are restored name them. */
  readonly #names: string[] = [];
  #cells: Int32Array;
  #addresses: Int32Array;
  #count = 0;
  /** Cell by word; an entry is valid only if the cell has that address: what is undone stays here. */
  #index = new Int32Array(0);
  /** For each CPU: what it knows of each, what its last release fence published, what its next acquire fence takes. */
  readonly #clocks: Int32Array;

  constructor(cpus: number) {
    this.#cpus = cpus;
    this.#cellSize = READS + cpus * (2 * ACCESS_SIZE + 1);
    this.#cells = new Int32Array(CELLS_BEGIN * this.#cellSize);
    this.#addresses = new Int32Array(CELLS_BEGIN);
    this.#clocks = new Int32Array(3 * cpus * cpus);
  }

  begin(): void {
    this.#count = 0;
    this.#clocks.fill(0);
    for (let cpu = 0; cpu < this.#cpus; cpu++) this.#clocks[cpu * this.#cpus + cpu] = 1;
  }

  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined {
    const what = words[at + NOTE_WORDS.what]!;
    const kind = kindOf(what);
    const { cpu } = context;
    if (kind & (READ | WRITE)) return this.#access(context, words, at, kind, sizeOfAccess(what), orderOf(what));
    if (kind === FENCE) this.#fence(cpu, orderOf(what));
    else if (kind === QUIET) for (let other = 0; other < this.#cpus; other++) this.#join(cpu * this.#cpus, other * this.#cpus);
    return undefined;
  }

  migrated(context: SimContext, cpu: number): void {
    this.#join(cpu * this.#cpus, context.cpu * this.#cpus);
    this.#tick(context.cpu);
  }

  save(): RaceState {
    return { count: this.#count, cells: this.#cells.slice(0, this.#count * this.#cellSize), addresses: this.#addresses.slice(0, this.#count), clocks: this.#clocks.slice() };
  }

  restore(state: RaceState): void {
    this.#count = state.count;
    this.#cells.set(state.cells);
    this.#addresses.set(state.addresses);
    this.#clocks.set(state.clocks);
    for (let i = 0; i < state.count; i++) if (state.addresses[i] !== NO_ADDRESS) this.#index[state.addresses[i]!] = i;
  }

  #fence(cpu: number, order: number): void {
    if (order === ORDERS.COMPILER || order === ORDERS.RELAXED) return;
    const n = this.#cpus;
    if (order !== ORDERS.RELEASE) this.#join(cpu * n, (2 * n + cpu) * n);
    if (order === ORDERS.ACQUIRE) return;
    this.#clocks.copyWithin((n + cpu) * n, cpu * n, (cpu + 1) * n);
    this.#tick(cpu);
  }

  #access(context: SimContext, words: Uint32Array, at: number, kind: number, size: number, order: number): Finding | undefined {
    const address = words[at + NOTE_WORDS.address]!;
    const marked = (kind & ATOMIC) !== 0 || ((kind & VOLATILE) !== 0 && size <= 4 && (address & (size - 1)) === 0);
    let found: Finding | undefined;
    let [synchronised, tick] = [false, false];
    for (let byte = address, end = address + size; byte < end; ) {
      if (byte >>> 2 >= words.length) break; // no memory: it will trap
      const cell = this.#cell(byte >>> 2, words.length);
      const whole = (byte & 3) === 0 && end - byte >= 4;
      if (!whole && this.#cells[cell + BYTES] === 0) this.#split(cell);
      const bytes = this.#cells[cell + BYTES]!;
      const first = bytes === 0 ? cell : (bytes + (byte & 3)) * this.#cellSize;
      const last = bytes === 0 ? cell : (bytes + Math.min(3, (byte & 3) + end - byte - 1)) * this.#cellSize;
      for (let own = first; own <= last; own += this.#cellSize) {
        found ??= this.#conflict(context, words, at, own, kind, marked);
        this.#remember(context, words, at, own, kind, marked);
        if (marked && !synchronised) tick = this.#synchronise(context.cpu, own, kind, order);
      }
      synchronised = true;
      byte = (byte | 3) + 1;
    }
    if (tick) this.#tick(context.cpu);
    return found;
  }

  #cell(word: number, words: number): number {
    if (words > this.#index.length) this.#widen(words);
    const known = this.#index[word]!;
    if (known < this.#count && this.#addresses[known] === word) return known * this.#cellSize;
    const cell = this.#add(word);
    this.#index[word] = cell;
    return cell * this.#cellSize;
  }

  #add(word: number): number {
    if (this.#count === this.#addresses.length) this.#grow();
    const cell = this.#count++;
    this.#addresses[cell] = word;
    this.#cells.fill(0, cell * this.#cellSize, (cell + 1) * this.#cellSize);
    return cell;
  }

  /** From now on each byte has a cell of its own; what was done with the word was done with each. */
  #split(cell: number): void {
    const first = this.#count;
    for (let byte = 0; byte < 4; byte++) {
      const own = this.#add(NO_ADDRESS);
      this.#cells.copyWithin(own * this.#cellSize, cell, cell + this.#cellSize);
    }
    this.#cells[cell + BYTES] = first;
  }

  #widen(words: number): void {
    const index = this.#index;
    this.#index = new Int32Array(words);
    this.#index.set(index);
  }

  #grow(): void {
    const [cells, addresses] = [this.#cells, this.#addresses];
    this.#cells = new Int32Array(cells.length * 2);
    this.#cells.set(cells);
    this.#addresses = new Int32Array(addresses.length * 2);
    this.#addresses.set(addresses);
  }

  #conflict(context: SimContext, words: Uint32Array, at: number, cell: number, kind: number, marked: boolean): Finding | undefined {
    const isWrite = (kind & WRITE) !== 0;
    const { cpu } = context;
    let other = this.#unordered(cell + PLAIN_WRITE, cpu) ? cell + PLAIN_WRITE : -1;
    if (other < 0 && !marked && this.#unordered(cell + MARKED_WRITE, cpu)) other = cell + MARKED_WRITE;
    let otherWrites = true;
    for (let i = 0; other < 0 && isWrite && i < this.#cpus; i++) {
      const read = cell + READS + i * 2 * ACCESS_SIZE;
      otherWrites = false;
      if (this.#unordered(read, cpu)) other = read;
      else if (!marked && this.#unordered(read + ACCESS_SIZE, cpu)) other = read + ACCESS_SIZE;
    }
    if (other < 0) return undefined;
    const cells = this.#cells;
    const otherName = this.#names[cells[other + CONTEXT]!] ?? "?";
    const sides: readonly Side[] = [
      { context: otherName, cpu: cells[other + CPU]!, site: cells[other + SITE]! >>> 0, caller: cells[other + CALLER]! >>> 0, what: otherWrites ? "writes" : "reads" },
      { context: context.name, cpu, site: words[at + NOTE_WORDS.site]!, caller: words[at + NOTE_WORDS.caller]!, what: isWrite ? "writes" : "reads" },
    ];
    return { kind: "race", detail: `${otherName} on CPU ${cells[other + CPU]} ${sides[0]!.what} and ${context.name} on CPU ${cpu} ${sides[1]!.what} the same memory, and nothing orders them`, sides };
  }

  #unordered(access: number, cpu: number): boolean {
    const cells = this.#cells;
    const clock = cells[access + CLOCK]!;
    return clock !== 0 && clock > this.#clocks[cpu * this.#cpus + cells[access + CPU]!]!;
  }

  #remember(context: SimContext, words: Uint32Array, at: number, cell: number, kind: number, marked: boolean): void {
    const { cpu } = context;
    const cells = this.#cells;
    const access = kind & WRITE ? cell + (marked ? MARKED_WRITE : PLAIN_WRITE) : cell + READS + cpu * 2 * ACCESS_SIZE + (marked ? ACCESS_SIZE : 0);
    cells[access + CLOCK] = this.#clocks[cpu * this.#cpus + cpu]!;
    cells[access + CPU] = cpu;
    cells[access + SITE] = words[at + NOTE_WORDS.site]!;
    cells[access + CALLER] = words[at + NOTE_WORDS.caller]!;
    let name = this.#names.indexOf(context.name);
    if (name < 0) name = this.#names.push(context.name) - 1;
    cells[access + CONTEXT] = name;
  }

  /** Acquire and release, by access or by the fence before or after it. True if what comes next is not published. */
  #synchronise(cpu: number, cell: number, kind: number, order: number): boolean {
    const n = this.#cpus;
    const sync = cell + READS + n * 2 * ACCESS_SIZE;
    const acquires = order === ORDERS.ACQUIRE || order === ORDERS.ACQ_REL || order === ORDERS.SEQ_CST || order === ORDERS.CONSUME;
    const releases = order === ORDERS.RELEASE || order === ORDERS.ACQ_REL || order === ORDERS.SEQ_CST;
    const [clocks, cells] = [this.#clocks, this.#cells];
    if (kind & READ) {
      const to = acquires ? cpu * n : (2 * n + cpu) * n;
      for (let i = 0; i < n; i++) if (cells[sync + i]! > clocks[to + i]!) clocks[to + i] = cells[sync + i]!;
    }
    if (!(kind & WRITE)) return false;
    const from = releases ? cpu * n : (n + cpu) * n;
    const keeps = (kind & READ) !== 0; // a read-modify-write goes on with the release sequence, a store begins anew
    for (let i = 0; i < n; i++) cells[sync + i] = keeps ? Math.max(cells[sync + i]!, clocks[from + i]!) : clocks[from + i]!;
    return releases;
  }

  #tick(cpu: number): void {
    this.#clocks[cpu * this.#cpus + cpu]!++;
  }

  #join(to: number, from: number): void {
    const clocks = this.#clocks;
    for (let i = 0; i < this.#cpus; i++) if (clocks[from + i]! > clocks[to + i]!) clocks[to + i] = clocks[from + i]!;
  }
}
