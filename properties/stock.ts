/**
 * Single operations, encoded (O1): what a generator of sequences takes from.
 *
 * They mostly fit their map and their format, so that ordinary success dominates; each part is now and then a wrong one.
 * Siblings: generate.ts makes sequences of them; formats.ts and samples.ts have what they hold.
 */
import { CONTEXTS, OPERATIONS, REPLAY_CONFIG, REPLAY_MAPS, SORT_FIELDS, SORTS, type OperationName, type ReplayMap, type SortField } from "../spec/protocol.ts";
import { ARGUMENTS_MAX, Formats } from "./formats.ts";
import type { Random } from "./random.ts";
import { bytesOf, KEYS, LONG_TEXTS, NO_NUMERALS, NUMBERS, NUMERALS, rawText, SAMPLES, TEXTS, writeNumber, writeText, type Words } from "./samples.ts";
import { Writer } from "./writer.ts";

/** Room for one operation: more than a format of 20 directives and 20 strings of 1,300 bytes. */
const OPERATION_ROOM = 32768;

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;
const NAMES = Object.keys(OPERATIONS) as OperationName[];

type Select = (map: ReplayMap) => boolean;
const isList: Select = ({ keys }) => keys.length === 1 && keys[0] === "int64";
const holds = (value: ReplayMap["value"]): Select => (map) => map.value === value;
const isWhole: Select = ({ per_cpu }) => per_cpu !== true;

/** Maps for which an operation is made (M1, M13, M16, P6), where these are not all. */
const SUITED: Partial<Record<OperationName, Select>> = {
  map_add: holds("int64"),
  map_set: (map) => holds("int64")(map) && isWhole(map),
  map_set_string: holds("string"),
  map_append: holds("string"),
  map_stat_add: holds("stats"),
  map_push: (map) => holds("int64")(map) && isWhole(map) && isList(map),
  map_push_string: (map) => holds("string")(map) && isList(map),
  print_hist: ({ hist }) => hist !== undefined,
};

/** Orders that a map's entries have (M10). */
function ordersOf({ keys, value }: ReplayMap): readonly number[] {
  const has = (field: SortField): boolean => {
    if (field === "insertion") return true;
    if (field === "value") return value !== "stats";
    return field.startsWith("key") ? Number(field.slice("key".length)) <= keys.length : value === "stats";
  };
  return SORT_FIELDS.filter(has).flatMap((field) => [SORTS[field], SORTS[`${field}_desc`]]);
}
const ORDERS = MAPS.map(ordersOf);

/** Offsets and lengths beyond any string. */
const OFFSETS: readonly Words[] = [...NUMBERS, [511, 0], [512, 0], [600, 0]];
const BASES: readonly Words[] = [[2, 0], [8, 0], [36, 0], [3, 0], [35, 0], [1, 0], [37, 0], [-1, -1], [10, 1], [0, -0x80000000]];
const COMMON_BASES = [0, 0, 10, 16];
const DELIMITERS = [",", ",;", ";", " ", "", "ab", "\n\t"].map(bytesOf);
const NEEDLES = ["a", ",", "ab", "X", "aa", "\u00e9", "%"].map(bytesOf);

/** Draws operations into memory of its own. */
export class Stock {
  readonly writer = new Writer(1 << 20);
  readonly #random: Random;
  readonly #formats: Formats;

  constructor(random: Random) {
    this.#random = random;
    this.#formats = new Formats(random, this.writer);
  }

  /** Forgets all that was drawn. */
  clear(): void {
    this.writer.at = 0;
  }

  /** Draws the operation that stands there in OPERATIONS, on CPU 0 unless on an unknown one (O2); returns where it begins. */
  draw(index: number): number {
    const { writer } = this;
    const random = this.#random;
    const plan = PLANS[index] as Plan;
    writer.reserve(OPERATION_ROOM);
    const start = writer.at;
    const map = random.oneIn(24) ? random.below(MAPS.length) : random.pick(plan.maps);
    const odd = random.next();
    const code = (odd & 0x1ff) === 0 ? random.below(1 << 16) : plan.code;
    const cpu = (odd & 0x7fe00) === 0 ? REPLAY_CONFIG.cpus + random.below(255 - REPLAY_CONFIG.cpus) : 0;
    const context = (odd & 0x3f80000) === 0 ? random.below(256) : plan.hasContext || odd >>> 27 === 0 ? random.below(CONTEXTS.length) : 0;
    writer.header(code, cpu, context, this.#target(plan, map));
    this.#value(plan, map);
    this.#parts(plan, map);
    writer.size(start);
    return start;
  }

  #target(plan: Plan, map: number): number {
    const random = this.#random;
    const odd = random.next();
    if ((odd & 0xff) === 0) return random.below(256);
    if (plan.hasContext) return random.below(REPLAY_CONFIG.probes);
    return plan.usesTarget || odd >>> 27 === 0 ? map : 0;
  }

  #value({ value }: Plan, map: number): void {
    const odd = this.#random.next();
    if (value === undefined && (odd & 31) !== 0) this.writer.word(0, 0);
    else if (value === undefined || (odd & 0x3e0) === 0) writeNumber(this.#random, this.writer);
    else value(this.#random, this.writer, map);
  }

  /** Text and arguments. */
  #parts({ hasFormat, usesText, usesArgs, args }: Plan, map: number): void {
    const odd = this.#random.next();
    if (hasFormat || (odd & 127) === 0) return this.#formats.write(); // used or not, fitting or not
    if (usesText) writeText(this.#random, this.writer);
    else this.writer.nothing();
    if (!usesArgs) this.writer.shape(0, 0);
    else if (args !== undefined && odd >>> 27 !== 0) args(this.#random, this.writer, map);
    else this.#key((MAPS[map] as ReplayMap).keys);
  }

  /** A key of the map's shape, or of another. Keys differ in one part mostly. */
  #key(keys: ReplayMap["keys"]): void {
    const random = this.#random;
    const odd = random.next();
    const count = (odd & 63) === 0 ? random.below(random.oneIn(8) ? ARGUMENTS_MAX : 4) : keys.length;
    const flipped = (odd & 0xfc0) === 0 ? random.below(2) : -1;
    const common = (odd >>> 12) % 3;
    const other = odd >>> 30 === 0 ? random.below(count + 1) : -1;
    let strings = 0;
    for (let i = 0; i < count; i++) if ((keys[i] === "string") !== (i === flipped)) strings |= 1 << i;
    this.writer.shape(count, strings);
    for (let i = 0; i < count; i++) {
      if ((strings >> i) & 1) this.writer.string(i !== other ? (KEYS[common] as Uint8Array) : random.oneIn(24) ? random.pick(LONG_TEXTS) : random.pick(KEYS));
      else if (i !== other) this.writer.word(common, 0);
      else writeNumber(random, this.writer);
    }
  }
}

type Draw = (random: Random, writer: Writer, map: number) => void;

function writeSmall(random: Random, writer: Writer, below: number, rare: readonly Words[]): void {
  if (!random.oneIn(8)) return writer.word(random.below(below), 0);
  const [low, high] = random.pick(rare);
  writer.word(low, high);
}

/** A string in which a piece stands now and then, once or more. */
function writeAround(random: Random, writer: Writer, piece: Uint8Array): void {
  const start = writer.openString();
  for (let i = random.below(5); i > 0; i--) {
    if (!random.oneIn(4)) rawText(random, writer);
    if (writer.at - start > 600) break;
    writer.raw(piece);
    if (random.oneIn(3)) writer.raw(piece);
  }
  if (random.oneIn(2)) rawText(random, writer);
  writer.closeString(start);
}

const quotient: Draw = (random, writer) => {
  writer.shape(2, 0);
  writeNumber(random, writer);
  writeSmall(random, writer, 7, NUMBERS);
};

/** What operations take that take neither key nor format (X8, B5–B11). */
const ARGUMENTS: Partial<Record<OperationName, Draw>> = {
  div: quotient,
  mod: quotient,
  str_copy: (random, writer) => {
    writer.shape(1, 1);
    writeText(random, writer);
  },
  str_concat: (random, writer) => {
    writer.shape(2, 3);
    writeText(random, writer);
    writeText(random, writer);
  },
  str_substr: (random, writer) => {
    writer.shape(3, 1);
    writeText(random, writer);
    writeSmall(random, writer, 8, OFFSETS);
    writeSmall(random, writer, 12, OFFSETS);
  },
  str_replace: (random, writer) => {
    const what = random.pick(NEEDLES);
    writer.shape(3, 7);
    writeAround(random, writer, what);
    writer.string(random.oneIn(12) ? new Uint8Array() : what);
    if (random.oneIn(2)) writer.string(random.pick(KEYS));
    else writeText(random, writer);
  },
  str_token: (random, writer) => {
    const delimiters = random.pick(DELIMITERS);
    writer.shape(3, 3);
    writeAround(random, writer, delimiters.subarray(random.below(delimiters.length)));
    writer.string(delimiters);
    writeSmall(random, writer, 2, OFFSETS);
  },
  str_quote: (random, writer) => {
    writer.shape(1, 1);
    writeText(random, writer);
  },
  str_compare: (random, writer) => {
    const common = random.oneIn(8) ? random.pick(LONG_TEXTS) : random.pick(TEXTS);
    writer.shape(2, 3);
    for (let i = 0; i < 2; i++) {
      const start = writer.openString();
      writer.raw(common);
      if (random.oneIn(2)) writer.raw(random.pick(KEYS));
      writer.closeString(start);
    }
  },
  str_find: (random, writer) => {
    const what = random.pick(NEEDLES);
    writer.shape(2, 3);
    writeAround(random, writer, what);
    writer.string(random.oneIn(12) ? new Uint8Array() : what);
  },
  str_number: (random, writer) => {
    writer.shape(2, 1);
    writer.string(random.pick(random.oneIn(4) ? NO_NUMERALS : NUMERALS));
    if (random.oneIn(4)) return writeSmall(random, writer, 37, BASES);
    writer.word(random.pick(COMMON_BASES), 0);
  },
};

const walk: Draw = (random, writer, map) => {
  const limit = random.oneIn(2) ? 0 : random.below(6);
  const order = random.oneIn(24) ? random.below(64) : random.pick(ORDERS[map] as readonly number[]);
  writer.word(limit * 128 + (random.oneIn(4) ? 64 : 0) + order, 0);
};

const wildcards: Draw = (random, writer, map) => writer.word(random.oneIn(3) ? 0 : random.below(1 << (MAPS[map] as ReplayMap).keys.length), 0);

/** Near the borders of a linear histogram; elsewhere also of any size, so that sums leave 64 bits in more than one entry. */
const aSample: Draw = (random, writer, map) => {
  const bits = random.next();
  const isLinear = typeof (MAPS[map] as ReplayMap).hist === "object";
  if ((bits & (isLinear ? 7 : 1)) !== 0) return writer.word((bits >>> 8) % 26, 0);
  if ((bits & 48) === 0) return writeNumber(random, writer);
  if ((bits & 48) === 16) return writePower(random, writer);
  const [low, high] = random.pick(SAMPLES);
  writer.word(low, high);
};

/** A power of two or a number beside it, or the negative of such a one. */
function writePower(random: Random, writer: Writer): void {
  const power = 1n << BigInt(random.below(63));
  const number = (power + BigInt(random.below(3) - 1)) * (random.oneIn(2) ? 1n : -1n);
  writer.word(Number(BigInt.asIntN(32, number)), Number(number >> 32n));
}

/** Values that are not just any int64. */
const VALUES: Partial<Record<OperationName, Draw>> = {
  map_walk: walk,
  print_map: walk,
  map_contains: wildcards,
  map_del_slice: wildcards,
  map_stat_add: aSample,
  ring_read: (random, writer) => writer.word(random.below(5), 0),
};

/** All that drawing one operation needs to know, in the order of OPERATIONS. */
interface Plan {
  readonly code: number;
  readonly maps: readonly number[];
  readonly hasContext: boolean;
  readonly usesTarget: boolean;
  readonly value: Draw | undefined;
  readonly hasFormat: boolean;
  readonly usesText: boolean;
  readonly usesArgs: boolean;
  readonly args: Draw | undefined;
}

const PLANS = NAMES.map((name): Plan => {
  const uses: readonly string[] = OPERATIONS[name].uses;
  const suited = SUITED[name] ?? (() => true);
  return {
    code: OPERATIONS[name].code,
    maps: MAPS.flatMap((map, index) => (suited(map) ? [index] : [])),
    hasContext: name === "probe_enter",
    usesTarget: uses.includes("target"),
    value: uses.includes("value") ? (VALUES[name] ?? writeNumber) : undefined,
    hasFormat: uses.includes("text") && uses.includes("args") && !uses.includes("target"),
    usesText: uses.includes("text"),
    usesArgs: uses.includes("args"),
    args: ARGUMENTS[name],
  };
});
