/**
 * Seeded sequences of operations, written straight into a batch.
 *
 * Hits begin and end, maps are held and given back; apart from that it never steers away from errors. It never looks at
 * a target: which operations come depends on the seed alone, not on how they are split into batches.
 * To be fast it draws a stock of single operations (stock.ts) and takes each some times, before it draws the next one.
 */
import { OPERATIONS, REPLAY_CONFIG, type OperationName } from "../spec/protocol.ts";
import { sizeOf } from "../spec/layout.ts";
import { encodeBatchHeader } from "./operations.ts";
import { Random } from "./random.ts";
import { Stock } from "./stock.ts";
import { AT_CPU, Writer } from "./writer.ts";

/** An endless sequence of operations. */
export interface OperationGenerator {
  /** The next operations as a batch. Valid until the next call, which writes into the same memory. */
  batch(operations: number, fullEvery?: number): Uint8Array;
}

/** How often each operation comes: outside of any hit, and inside. Tuned so that maps, rings and pools are seldom at one limit for long. */
const WEIGHTS = {
  probe_enter: [300, 22],
  probe_exit: [4, 92],
  raise: [2, 10],
  catch: [2, 12],
  div: [2, 9],
  mod: [2, 9],
  map_add: [60, 60],
  map_set: [36, 36],
  map_get: [36, 36],
  map_contains: [28, 28],
  map_del: [50, 50],
  map_walk: [28, 28],
  map_clear: [14, 14],
  map_size: [10, 10],
  map_hold: [6, 6],
  map_release: [3, 3],
  map_set_string: [12, 12],
  map_append: [14, 14],
  map_stat_add: [48, 48],
  map_push: [10, 10],
  map_push_string: [9, 9],
  map_del_slice: [18, 18],
  str_printf: [2, 24],
  str_copy: [2, 12],
  str_concat: [2, 12],
  str_substr: [2, 12],
  str_replace: [2, 12],
  str_token: [2, 12],
  str_quote: [2, 12],
  str_compare: [12, 12],
  str_find: [12, 12],
  str_number: [12, 12],
  print_printf: [3, 54],
  print_flush: [2, 16],
  print_map: [2, 14],
  print_hist: [2, 6],
  ring_read: [30, 36],
} as const satisfies Record<OperationName, readonly [outside: number, inside: number]>;

/** How many times the weight of probe_exit is once a hit has been going on for a while: most are to end within their actions. */
const EXIT_LATE_TIMES = 3;
/** Operations after which it has: some more than half of `REPLAY_CONFIG.actions`, as visits take actions, too. */
const LATE_OPERATIONS = Math.ceil(REPLAY_CONFIG.actions * 0.6);

/** Operations of one CPU before the next one's turn, on average: a kernel pays for each change. A power of two. */
const CPU_RUN_LENGTH = 64;
/** Operations for which a map is held, mostly. */
const HOLD_OPERATIONS = 24;
/** Operations in stock. */
const STOCK_OPERATIONS = 2048;
/** Fewest of one name. */
const STOCK_NAME_MIN = 12;
/** How often each of them is taken, on average. */
const STOCK_USES = 16;

const NAMES = Object.keys(OPERATIONS) as OperationName[];
const ENTER = NAMES.indexOf("probe_enter");
const EXIT = NAMES.indexOf("probe_exit");
const HOLD = NAMES.indexOf("map_hold");
const TABLE_SIZE = 1024;
const BATCH_HEADER_SIZE = sizeOf("batch_header");
/** Of an operation without text and arguments. */
const OPERATION_SIZE_MIN = sizeOf("op_header") + 24;

/** Indexes of names, each as often as its weight says. */
function tableOf(weights: readonly number[]): Uint8Array {
  const sum = weights.reduce((a, b) => a + b);
  let before = 0;
  return Uint8Array.from(
    weights.flatMap((weight, index) => {
      const begin = Math.round((before / sum) * TABLE_SIZE);
      before += weight;
      return Array<number>(Math.round((before / sum) * TABLE_SIZE) - begin).fill(index);
    }),
  );
}

const OUTSIDE = tableOf(NAMES.map((name) => WEIGHTS[name][0]));
const INSIDE = tableOf(NAMES.map((name) => WEIGHTS[name][1]));
const LATE = tableOf(NAMES.map((name) => WEIGHTS[name][1] * (name === "probe_exit" ? EXIT_LATE_TIMES : 1)));
/** Most operations are inside of hits. */
const COUNTS = countsOf(NAMES.map((name) => WEIGHTS[name][0] + 4 * WEIGHTS[name][1]));

/** How many of each name are in stock. */
function countsOf(weights: readonly number[]): Int32Array {
  const sum = weights.reduce((a, b) => a + b);
  return Int32Array.from(weights, (weight) => Math.max(STOCK_NAME_MIN, Math.round((weight / sum) * STOCK_OPERATIONS)));
}

/** Where those of a name begin. */
const FIRST = COUNTS.map((_, name) => COUNTS.subarray(0, name).reduce((a, b) => a + b, 0));
const CPU_SHIFT = 32 - Math.log2(CPU_RUN_LENGTH);

/** Of an operation's second header word: what is not 0 if CPU, context or target of a probe_enter is refused (O2). */
const ENTER_REFUSED = ~(3 << 8) & ~((REPLAY_CONFIG.probes - 1) << 16);
const AT_HEADER_2 = AT_CPU >> 2;

/** The operations of a seed, an integer of 32 bits. */
export function createGenerator(seed: number): OperationGenerator {
  return new Generator(seed);
}

class Generator implements OperationGenerator {
  readonly #random: Random;
  readonly #stock: Stock;
  /** Where operations in stock begin, in words; those of a name stand together. */
  readonly #places = new Int32Array(COUNTS.reduce((a, b) => a + b));
  /** Operations until the stock is drawn anew. */
  #left = 0;
  #out = new Writer(1 << 20);
  #cpu = 0;
  /** For each CPU: levels of the hits that it began and did not end (bit i: level i), and operations since it began one. */
  readonly #hits = new Int32Array(REPLAY_CONFIG.cpus);
  readonly #age = new Int32Array(REPLAY_CONFIG.cpus);
  /** Operations so far. */
  #made = 0;
  /** Maps to be given back, oldest first: before which operation, by which CPU, which map. */
  readonly #held: { readonly due: number; readonly cpu: number; readonly target: number }[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#stock = new Stock(this.#random);
  }

  batch(operations: number, fullEvery = 0): Uint8Array {
    this.#out.at = BATCH_HEADER_SIZE;
    for (let left = operations; left > 0; ) {
      if (this.#left === 0) this.#restock();
      const due = this.#held[0]?.due ?? Infinity;
      const count = due <= this.#made ? this.#release() : this.#make(Math.min(left, this.#left, due - this.#made));
      this.#made += count;
      this.#left -= count;
      left -= count;
    }
    encodeBatchHeader(new DataView(this.#out.bytes.buffer), operations, fullEvery);
    return this.#out.bytes.subarray(0, this.#out.at);
  }

  /** Makes so many operations, or fewer, and returns how many. Few loads and stores for each: it is in the way of all that is verified. */
  #make(count: number): number {
    const out = this.#out;
    const random = this.#random;
    const hits = this.#hits;
    const age = this.#age;
    const places = this.#places;
    const stock = this.#stock.writer.words;
    let words = out.words;
    let at = out.at >> 2;
    let cpu = this.#cpu;
    let made = 0;
    for (let name = -1; made < count && name !== HOLD; made++) {
      const bits = random.next();
      if (bits >>> CPU_SHIFT === 0) cpu = (cpu + 1) % REPLAY_CONFIG.cpus;
      const table = hits[cpu] === 0 ? OUTSIDE : age[cpu]!++ < LATE_OPERATIONS ? INSIDE : LATE;
      name = table[bits & (TABLE_SIZE - 1)]!;
      const from = places[FIRST[name]! + ((((bits >>> 10) & 0xffff) * COUNTS[name]!) >>> 16)]!;
      const size = sizeInWords(stock[from]!);
      if (at + size > words.length) {
        out.at = at << 2;
        out.reserve(size << 2);
        words = out.words;
      }
      for (let word = 0; word < size; word++) words[at + word] = stock[from + word]!;
      words[at + AT_HEADER_2]! += cpu;
      if (name === ENTER) this.#entered(stock[from + AT_HEADER_2]!, cpu);
      else if (name === EXIT) hits[cpu] = withoutHighest(hits[cpu]!);
      else if (name === HOLD) this.#held.push({ due: this.#made + made + HOLD_OPERATIONS, cpu, target: (stock[from + AT_HEADER_2]! >> 16) & 0xff });
      at += size;
    }
    this.#cpu = cpu;
    out.at = at << 2;
    return made;
  }

  /** Gives back what has been held longest. */
  #release(): number {
    const { cpu, target } = this.#held.shift()!;
    const start = this.#out.at;
    this.#out.reserve(OPERATION_SIZE_MIN);
    this.#out.header(OPERATIONS.map_release.code, cpu, 0, target);
    this.#out.word(0, 0);
    this.#out.nothing();
    this.#out.shape(0, 0);
    this.#out.size(start);
    return 1;
  }

  /** Notes a hit that has begun, unless X1 or O2 refuse it, so that there will be an end to it. */
  #entered(header: number, cpu: number): void {
    const level = (header >> 8) & 3;
    if ((header & ENTER_REFUSED) !== 0 || this.#hits[cpu]! >> level !== 0) return;
    this.#hits[cpu]! |= 1 << level;
    this.#age[cpu] = 0;
  }

  #restock(): void {
    const stock = this.#stock;
    stock.clear();
    let place = 0;
    for (let name = 0; name < NAMES.length; name++) {
      for (let i = 0; i < COUNTS[name]!; i++) this.#places[place++] = stock.draw(name) >> 2;
    }
    this.#left = STOCK_OPERATIONS * STOCK_USES;
  }
}

/** Of an operation, from its first header word. */
function sizeInWords(header: number): number {
  return header >>> 18; // in bytes it stands in the upper half
}

/** A mask without its highest bit. */
function withoutHighest(mask: number): number {
  return mask === 0 ? 0 : mask & ~(0x80000000 >>> Math.clz32(mask));
}
