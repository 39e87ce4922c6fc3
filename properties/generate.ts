/**
 * Seeded random operations, written straight into a batch.
 *
 * Never steers away from errors, and never looks at a target: which operations come depends on the seed alone,
 * not on how they are split into batches.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { offsetOf, sizeOf } from "../spec/layout.ts";
import { CONTEXTS, OPERATIONS, PRINT_DIRECTIVES, REPLAY_CONFIG, REPLAY_MAPS, SORTS, type OperationName, type ReplayMap } from "../spec/protocol.ts";
import { encodeBatchHeader } from "./operations.ts";

/** An endless sequence of operations. */
export interface OperationGenerator {
  /** The next operations as a batch. Valid until the next call, which writes into the same memory. */
  batch(operations: number, fullEvery?: number): Uint8Array;
}

/** Operations of one CPU before the next one's turn, on average: a kernel pays for each change. */
const CPU_RUN_LENGTH = 50;

/** How often each operation comes, of 256. Tuned so that maps, rings and pools are seldom at one limit for long. */
const WEIGHTS = {
  probe_enter: 29,
  probe_exit: 20,
  map_add: 32,
  map_set: 20,
  map_get: 14,
  map_contains: 8,
  map_del: 21,
  map_walk: 14,
  map_clear: 5,
  map_size: 4,
  map_hold: 1,
  map_release: 10,
  str_printf: 22,
  print_printf: 35,
  print_flush: 9,
  ring_read: 12,
} as const satisfies Record<OperationName, number>;

const NAMES: readonly OperationName[] = (Object.keys(WEIGHTS) as OperationName[]).flatMap((name) => Array<OperationName>(WEIGHTS[name]).fill(name));

const OPERATION_ENTRIES = Object.entries(OPERATIONS) as [OperationName, { readonly uses: readonly string[] }][];
function using(part: string): ReadonlySet<OperationName> {
  return new Set(OPERATION_ENTRIES.filter(([, { uses }]) => uses.includes(part)).map(([name]) => name));
}
const USES_TARGET = using("target");
const USES_VALUE = using("value");
const USES_ARGS = using("args");

/** Int64 as [low, high] words: small ones, the extremes, and ones that differ in the high word only. */
const NUMBERS = [
  [0, 0],
  [1, 0],
  [2, 0],
  [-1, -1],
  [-1, 0x7fffffff],
  [0, -0x80000000],
  [0, 1],
  [-0x80000000, 0],
] as const;

const filled = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => 0x61 + (i % 26));

/** Short strings: equal to 7 and to 15 bytes (where maps cut) but not beyond, unsigned order, prefixes, escapes. */
const STRINGS: readonly Uint8Array[] = [
  ...["", "a", "b", "ab", "%d", "abcdefg", "abcdefgh", "abcdefgX"].map((text) => new TextEncoder().encode(text)),
  Uint8Array.of(0x7f),
  Uint8Array.of(0x80),
  Uint8Array.of(0x61, 0xff),
  ...[15, 16, 17].map(filled),
];
/** Strings around `STRING_SIZE_MAX`. */
const LONG_STRINGS: readonly Uint8Array[] = [48, 49, 510, 511, 512, 600].map(filled);

/** Directives that P1 refuses. */
const BROKEN: readonly Uint8Array[] = [
  ...["%", "%5", "%-", "%q", "%ld", "%D", "% d", "%-5-d"],
  ...["%5%", "%-%", "%0%"],
  ...["%513d", "%4294967297d", "%18446744073709551617x"],
].map((text) => new TextEncoder().encode(text));

const CODES = PRINT_DIRECTIVES.filter((directive) => directive !== "%").map((directive) => directive.charCodeAt(0));
const CODE_STRING = "s".charCodeAt(0);
const SORT_COUNT = Object.keys(SORTS).length;
const MAPS: readonly ReplayMap[] = REPLAY_MAPS;
const BATCH_HEADER_SIZE = sizeOf("batch_header");

/** Room kept for one operation: far more than 20 arguments of 600 bytes and a format of 20 directives. */
const OPERATION_ROOM = 32768;

/** Arguments and directives of the operations that have far too many; the protocol's limit is 16. */
const ARGUMENTS_MAX = 20;

/** The operations of a seed, an integer of 32 bits. */
export function createGenerator(seed: number): OperationGenerator {
  return new Generator(seed);
}

class Generator implements OperationGenerator {
  readonly #random: Random;
  #writer = new Writer(1 << 20);
  #cpu = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  batch(operations: number, fullEvery = 0): Uint8Array {
    this.#writer.at = BATCH_HEADER_SIZE;
    for (let i = 0; i < operations; i++) {
      if (this.#writer.room() < OPERATION_ROOM) this.#writer = this.#writer.grown();
      this.#operation();
    }
    encodeBatchHeader(this.#writer.view, operations, fullEvery);
    return this.#writer.bytes.subarray(0, this.#writer.at);
  }

  #operation(): void {
    const random = this.#random;
    const writer = this.#writer;
    if (random.oneIn(CPU_RUN_LENGTH)) this.#cpu = (this.#cpu + 1) % REPLAY_CONFIG.cpus;
    const name = NAMES[random.below(256)] ?? "map_add";
    const map = random.below(MAPS.length);
    const start = writer.at;
    writer.header(
      random.oneIn(512) ? random.below(1 << 16) : OPERATIONS[name].code,
      random.oneIn(1024) ? random.below(256) : this.#cpu,
      this.#context(name),
      this.#target(name, map),
    );
    this.#value(name);
    if (name === "str_printf" || name === "print_printf") this.#print();
    else if (USES_ARGS.has(name)) this.#key(MAPS[map]?.keys ?? []);
    else this.#nothing();
    writer.size(start);
  }

  /** Of an operation that has no context of its own: mostly 0. */
  #context(name: OperationName): number {
    const random = this.#random;
    if (random.oneIn(64)) return random.below(256);
    return name === "probe_enter" || random.oneIn(32) ? random.below(CONTEXTS.length) : 0;
  }

  #target(name: OperationName, map: number): number {
    const random = this.#random;
    if (random.oneIn(256)) return random.below(256);
    if (name === "probe_enter") return random.below(REPLAY_CONFIG.probes);
    return USES_TARGET.has(name) || random.oneIn(32) ? map : 0;
  }

  #value(name: OperationName): void {
    const random = this.#random;
    if (!USES_VALUE.has(name) && !random.oneIn(32)) return this.#writer.word(0, 0);
    if (name === "map_walk" && !random.oneIn(16)) {
      const limit = random.oneIn(2) ? 0 : random.below(6);
      this.#writer.word(limit * 16 + random.below(SORT_COUNT), 0);
    } else if (name === "ring_read" && !random.oneIn(16)) this.#writer.word(random.below(5), 0);
    else this.#number();
  }

  /** Any int64: mostly a small one, now and then an extreme or any. */
  #number(): void {
    const random = this.#random;
    if (random.oneIn(2)) return this.#writer.word(random.below(3), 0);
    if (random.oneIn(8)) return this.#writer.word(random.next(), random.oneIn(2) ? random.next() : 0);
    const [low, high] = random.pick(NUMBERS);
    this.#writer.word(low, high);
  }

  /** No text; a key of the map's shape, or of another. */
  #key(keys: readonly ("int64" | "string")[]): void {
    const random = this.#random;
    if (random.oneIn(64)) this.#writer.string(random.pick(STRINGS));
    else this.#writer.nothing();
    const count = random.oneIn(48) ? random.below(random.oneIn(8) ? ARGUMENTS_MAX : 4) : keys.length;
    const flipped = random.oneIn(48) ? random.below(2) : -1;
    this.#arguments(count, (i) => (keys[i] === "string") !== (i === flipped));
  }

  /** Text and arguments of an operation that uses neither: mostly none. */
  #nothing(): void {
    if (this.#random.oneIn(64)) return this.#print();
    this.#writer.nothing();
    this.#writer.shape(0, 0);
  }

  /** A format and its arguments, or others. */
  #print(): void {
    const random = this.#random;
    if (random.oneIn(128)) return this.#oneField(509 + random.below(5));
    const directives = random.oneIn(96) ? random.below(ARGUMENTS_MAX) : random.oneIn(4) ? random.below(5) : random.below(3);
    const strings = this.#format(directives);
    const count = random.oneIn(48) ? random.below(directives + 2) : directives;
    const flipped = random.oneIn(48) ? random.below(count + 1) : -1;
    this.#arguments(count, (i) => ((strings >> i) & 1) !== 0 !== (i === flipped));
  }

  /** Text of exactly so many bytes: around STRING_SIZE_MAX, or refused beyond PRINT_WIDTH_MAX. */
  #oneField(size: number): void {
    const start = this.#writer.openString();
    this.#writer.byte(0x25);
    this.#writer.decimal(size);
    this.#writer.byte(0x64);
    this.#writer.closeString(start);
    this.#arguments(1, () => false);
  }

  /** Writes a format; returns a mask of the directives that take a string. */
  #format(directives: number): number {
    const random = this.#random;
    const start = this.#writer.openString();
    let strings = 0;
    for (let i = 0; i < directives; i++) {
      this.#literal();
      if (this.#directive()) strings |= 1 << i;
    }
    this.#literal();
    if (random.oneIn(40)) this.#writer.raw(random.pick(BROKEN));
    if (random.oneIn(80)) this.#literal();
    this.#writer.closeString(start);
    return strings;
  }

  #literal(): void {
    const random = this.#random;
    const bits = random.next();
    if ((bits & 15) === 0) this.#writer.raw(random.pick(STRINGS).subarray(0, 1)); // perhaps "%" or part of UTF-8
    else if ((bits & 15) === 1) this.#writer.raw(PERCENT_TWICE);
    else for (let i = (bits >> 4) & 3; i > 0; i--) this.#writer.byte(0x30 + ((bits >> (4 + 4 * i)) & 15));
  }

  /** Writes one directive; whether it takes a string. */
  #directive(): boolean {
    const random = this.#random;
    const bits = random.next();
    this.#writer.byte(0x25);
    if ((bits & 3) === 0) this.#writer.byte(0x2d);
    if ((bits & 12) === 0) this.#writer.byte(0x30);
    if ((bits & 0x1f0) === 0) this.#writer.byte(0x2d);
    if ((bits & 0x600) === 0) this.#writer.decimal(random.oneIn(8) ? random.below(520) : random.below(24));
    const code = random.pick(CODES);
    this.#writer.byte(code);
    return code === CODE_STRING;
  }

  #arguments(count: number, isString: (index: number) => boolean): void {
    const random = this.#random;
    let strings = 0;
    for (let i = 0; i < count; i++) if (isString(i)) strings |= 1 << i;
    this.#writer.shape(count, strings);
    for (let i = 0; i < count; i++) {
      if ((strings >> i) & 1) this.#writer.string(random.oneIn(40) ? random.pick(LONG_STRINGS) : random.pick(STRINGS));
      else this.#number();
    }
  }
}

const PERCENT_TWICE = Uint8Array.of(0x25, 0x25);

/** Cheap draws from xoroshiro128+; the slight bias of `below` does not matter here. */
class Random {
  readonly #generator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** 32 bits, signed. */
  next(): number {
    return this.#generator.next();
  }

  below(count: number): number {
    return Math.floor(((this.next() >>> 0) / 0x100000000) * count);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

const AT_CODE = offsetOf("op_header", "code");
const AT_SIZE = offsetOf("op_header", "size");
const AT_CPU = offsetOf("op_header", "cpu");
const AT_CONTEXT = offsetOf("op_header", "context");
const AT_TARGET = offsetOf("op_header", "target");
const AT_RESERVED = offsetOf("op_header", "reserved");
const AT_VALUE = offsetOf("op_header", "value");

/** Writes operations (O1) one after the other. Words are written as two halves: a bigint would cost an allocation. */
class Writer {
  at = 0;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  room(): number {
    return this.bytes.length - this.at;
  }

  /** A writer of twice the size with the same contents. */
  grown(): Writer {
    const writer = new Writer(this.bytes.length * 2);
    writer.raw(this.bytes.subarray(0, this.at));
    return writer;
  }

  /** All of the header but size and value; the value comes next. */
  header(code: number, cpu: number, context: number, target: number): void {
    this.view.setUint16(this.at + AT_CODE, code, true);
    this.bytes[this.at + AT_CPU] = cpu;
    this.bytes[this.at + AT_CONTEXT] = context;
    this.bytes[this.at + AT_TARGET] = target;
    this.bytes[this.at + AT_RESERVED] = 0;
    this.at += AT_VALUE;
  }

  /** Fills in the size of the operation that began at `start` and ends here. */
  size(start: number): void {
    this.view.setUint16(start + AT_SIZE, this.at - start, true);
  }

  word(low: number, high: number): void {
    this.view.setInt32(this.at, low, true);
    this.view.setInt32(this.at + 4, high, true);
    this.at += 8;
  }

  shape(count: number, strings: number): void {
    this.word((1 << count) | strings, 0);
  }

  byte(byte: number): void {
    this.bytes[this.at++] = byte;
  }

  raw(bytes: Uint8Array): void {
    if (bytes.length > 32) this.bytes.set(bytes, this.at);
    else for (let i = 0; i < bytes.length; i++) this.bytes[this.at + i] = bytes[i] ?? 0;
    this.at += bytes.length;
  }

  decimal(number: number): void {
    if (number >= 10) this.decimal(Math.floor(number / 10));
    this.byte(0x30 + (number % 10));
  }

  string(bytes: Uint8Array): void {
    const start = this.openString();
    this.raw(bytes);
    this.closeString(start);
  }

  /** An empty string. */
  nothing(): void {
    this.closeString(this.openString());
  }

  /** Begins a string whose length is not yet known. */
  openString(): number {
    this.at += 8;
    return this.at;
  }

  /** Ends it: writes its length before it and 1 to 8 zeros after it. */
  closeString(start: number): void {
    const length = this.at - start;
    this.view.setInt32(start - 8, length, true);
    this.view.setInt32(start - 4, 0, true);
    do this.byte(0);
    while (this.at % 8 !== 0);
  }
}
