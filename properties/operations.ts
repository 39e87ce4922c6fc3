/**
 * Operations of a replay: as objects, as bytes of a batch (O1), and as lines of text.
 *
 * Never judges an operation: wrong shapes, unknown codes and refused targets are written and read like any other.
 */
import { StpError } from "../spec/errors.ts";
import { offsetOf, sizeOf } from "../spec/layout.ts";
import { CONTEXTS, OPERATIONS, PROTOCOL_VERSION, REPLAY_CONFIG, REPLAY_MAPS, SORTS, type OperationName } from "../spec/protocol.ts";
import { formatBytes, readBytes } from "./text.ts";

/** An operation that `OPERATIONS` does not have, by its code (O2). */
export type UnknownOperationName = `code_${number}`;

/** An argument of an operation: an int64 or a string. */
export type Argument = bigint | Uint8Array;

/** One operation. Fields that it does not use are still part of it (O1). */
export interface Operation {
  readonly name: OperationName | UnknownOperationName;
  readonly cpu: number;
  /** Context level, an index into `CONTEXTS`; used by probe_enter. */
  readonly context: number;
  /** Map or probe index. */
  readonly target: number;
  readonly value: bigint;
  /** A format or a string; a JavaScript string stands for its UTF-8 bytes. */
  readonly text: string | Uint8Array;
  readonly args: readonly Argument[];
}

/** A batch, decoded. */
export interface Batch {
  readonly fullEvery: number;
  readonly operations: readonly Operation[];
}

type Use = "target" | "value" | "text" | "args" | "context";

const HEADER_SIZE = sizeOf("op_header");
const BATCH_HEADER_SIZE = sizeOf("batch_header");
const SIZE_MAX = 65528;
const OPERATION_NAMES: ReadonlyMap<number, OperationName> = new Map(
  (Object.keys(OPERATIONS) as OperationName[]).map((name) => [OPERATIONS[name].code, name]),
);
const SORT_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(SORTS).map(([name, sort]) => [sort, name]));
/** Their value is limit, removing and order of a walk (O1). */
const WALKS: ReadonlySet<string> = new Set<OperationName>(["map_walk", "print_map"]);
/** Their value is a mask of wildcard parts (O1). */
const MASKED: ReadonlySet<string> = new Set<OperationName>(["map_contains", "map_del_slice"]);

/** The UTF-8 bytes of a string, as an argument. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** An operation from what it uses; the rest is 0 or empty, on CPU 0. */
export function operation(name: Operation["name"], fields: Partial<Omit<Operation, "name">> = {}): Operation {
  return { name, cpu: 0, context: 0, target: 0, value: 0n, text: new Uint8Array(), args: [], ...fields };
}

/** The value of a map_walk or print_map (O1); `limit` 0: all. */
export function walkValue(sort: number, limit: bigint | number = 0, remove = false): bigint {
  return BigInt(limit) * 128n + (remove ? 64n : 0n) + BigInt(sort);
}

/** Operations of a text, one a line; `#` opens a comment line. Throws StpError for a line that is none. */
export function parseTrace(text: string): Operation[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(parseOperation);
}

/** The code of an operation's name in a batch. */
export function codeOf(name: Operation["name"]): number {
  return name in OPERATIONS ? OPERATIONS[name as OperationName].code : Number(name.slice("code_".length));
}

/** The name of a code in a batch. */
export function nameOf(code: number): Operation["name"] {
  return OPERATION_NAMES.get(code) ?? `code_${code}`;
}

/** A batch of operations for `ReplayTarget.run`. Throws if one is over 65528 bytes. */
export function encodeBatch(operations: readonly Operation[], { fullEvery = 0 }: { readonly fullEvery?: number } = {}): Uint8Array {
  const sizes = operations.map(sizeOfOperation);
  const batch = new DataView(new ArrayBuffer(sizes.reduce((sum, size) => sum + size, BATCH_HEADER_SIZE)));
  encodeBatchHeader(batch, operations.length, fullEvery);
  let at = BATCH_HEADER_SIZE;
  operations.forEach((op, index) => {
    encodeOperation(batch, at, sizes[index] ?? 0, op);
    at += sizes[index] ?? 0;
  });
  return new Uint8Array(batch.buffer);
}

/** Writes the head of a batch. */
export function encodeBatchHeader(batch: DataView, operations: number, fullEvery: number): void {
  batch.setUint32(offsetOf("batch_header", "protocol_version"), PROTOCOL_VERSION, true);
  batch.setUint32(offsetOf("batch_header", "cpus"), REPLAY_CONFIG.cpus, true);
  batch.setUint32(offsetOf("batch_header", "operations"), operations, true);
  batch.setUint32(offsetOf("batch_header", "full_every"), fullEvery, true);
}

/** The operations of a batch. Throws `StpError` if it is malformed. */
export function decodeBatch(batch: Uint8Array): Batch {
  const reader = new Reader(batch);
  reader.need(BATCH_HEADER_SIZE);
  const field = (name: string): number => reader.view.getUint32(offsetOf("batch_header", name), true);
  if (field("protocol_version") !== PROTOCOL_VERSION) throw malformed("its protocol version is another", 0);
  reader.at = BATCH_HEADER_SIZE;
  const operations: Operation[] = [];
  for (let i = 0; i < field("operations"); i++) operations.push(decodeOperation(reader));
  return { fullEvery: field("full_every"), operations };
}

/** One line such as `cpu0 map_add strings ["abc"] 5`: CPU, name and what it uses; then what it has but does not use. */
export function formatOperation(op: Operation): string {
  const used = usesOf(op.name);
  const parts = [`cpu${op.cpu}`, op.name, ...used.map((use) => formatPart(op, use))];
  if (!used.includes("context") && op.context !== 0) parts.push(`context=${op.context}`);
  if (!used.includes("target") && op.target !== 0) parts.push(`target=${op.target}`);
  if (!used.includes("text") && op.text.length > 0) parts.push(`text=${formatBytes(op.text)}`);
  if (!used.includes("args") && op.args.length > 0) parts.push(`args=${formatArguments(op.args)}`);
  if (!used.includes("value") && op.value !== 0n) parts.push(`value=${op.value}`);
  return parts.join(" ");
}

/** The operation of a line that `formatOperation` wrote. Throws `StpError` if it is not one. */
export function parseOperation(line: string): Operation {
  const scanner = new Scanner(line);
  const cpu = Number(scanner.take(/cpu(\d+)/y, "a CPU such as cpu0"));
  const name = scanner.take(/([a-z_]+\d*)/y, "an operation");
  if (!(name in OPERATIONS) && !/^code_\d+$/.test(name)) throw scanner.expected("a known operation");
  let op = operation(name as Operation["name"], { cpu });
  const used = usesOf(op.name);
  for (const use of used) op = { ...op, ...scanPart(scanner, use, op.name) };
  while (!scanner.done()) {
    const use = scanner.take(/(context|target|text|args|value)=/y, "an unused part such as target=1") as Use;
    op = { ...op, ...scanUnused(scanner, use) };
  }
  return op;
}

function malformed(what: string, at: number): StpError {
  return new StpError(`Cannot read the batch at byte ${at}: ${what}`);
}

function sizeOfOperation(op: Operation): number {
  const args = op.args.reduce((sum, arg) => sum + (typeof arg === "bigint" ? 8 : sizeOfString(arg.length)), 8);
  const size = HEADER_SIZE + sizeOfString(textOf(op).length) + args;
  if (size > SIZE_MAX) throw new Error(`${op.name} of ${size} bytes does not fit into a batch; an operation has at most ${SIZE_MAX}`);
  return size;
}

/** u64 length, bytes, 1 to 8 zeros. */
function sizeOfString(length: number): number {
  return 8 + ((length + 8) & ~7);
}

function textOf(op: Operation): Uint8Array {
  return typeof op.text === "string" ? bytes(op.text) : op.text;
}

function encodeOperation(batch: DataView, at: number, size: number, op: Operation): void {
  batch.setUint16(at + offsetOf("op_header", "code"), codeOf(op.name), true);
  batch.setUint16(at + offsetOf("op_header", "size"), size, true);
  batch.setUint8(at + offsetOf("op_header", "cpu"), op.cpu);
  batch.setUint8(at + offsetOf("op_header", "context"), op.context);
  batch.setUint8(at + offsetOf("op_header", "target"), op.target);
  batch.setBigInt64(at + offsetOf("op_header", "value"), op.value, true);
  let end = encodeString(batch, at + HEADER_SIZE, textOf(op));
  batch.setBigUint64(end, shapeOf(op.args), true);
  end += 8;
  for (const arg of op.args) {
    if (typeof arg === "bigint") batch.setBigInt64(end, arg, true);
    end = typeof arg === "bigint" ? end + 8 : encodeString(batch, end, arg);
  }
}

/** 2^count, plus 2^i for each argument i that is a string (O1). */
function shapeOf(args: readonly Argument[]): bigint {
  const strings = args.map((arg, i) => (typeof arg === "bigint" ? 0n : 1n << BigInt(i)));
  return strings.reduce((sum, bit) => sum + bit, 1n << BigInt(args.length));
}

function encodeString(batch: DataView, at: number, string: Uint8Array): number {
  batch.setBigUint64(at, BigInt(string.length), true);
  new Uint8Array(batch.buffer, at + 8, string.length).set(string);
  return at + sizeOfString(string.length);
}

/** Reads a batch from the front; refuses to read beyond its end. */
class Reader {
  at = 0;
  readonly view: DataView;
  readonly #batch: Uint8Array;

  constructor(batch: Uint8Array) {
    this.#batch = batch;
    this.view = new DataView(batch.buffer, batch.byteOffset, batch.length);
  }

  need(size: number): void {
    if (this.at + size > this.#batch.length) throw malformed("it ends too early", this.at);
  }

  word(): bigint {
    this.need(8);
    this.at += 8;
    return this.view.getBigUint64(this.at - 8, true);
  }

  string(): Uint8Array {
    const length = Number(this.word());
    this.need(length);
    const string = this.#batch.slice(this.at, this.at + length);
    this.at += sizeOfString(length) - 8;
    return string;
  }
}

function decodeOperation(reader: Reader): Operation {
  const start = reader.at;
  reader.need(HEADER_SIZE);
  const byte = (name: string): number => reader.view.getUint8(start + offsetOf("op_header", name));
  const half = (name: string): number => reader.view.getUint16(start + offsetOf("op_header", name), true);
  const value = reader.view.getBigInt64(start + offsetOf("op_header", "value"), true);
  reader.at += HEADER_SIZE;
  const text = reader.string();
  const shape = reader.word();
  if (shape === 0n) throw malformed("the shape of its arguments is 0", start);
  const args = Array.from({ length: shape.toString(2).length - 1 }, (_, i): Argument => {
    return (shape >> BigInt(i)) & 1n ? reader.string() : BigInt.asIntN(64, reader.word());
  });
  if (reader.at - start !== half("size")) throw malformed(`operation of ${half("size")} bytes holds ${reader.at - start}`, start);
  return { name: nameOf(half("code")), cpu: byte("cpu"), context: byte("context"), target: byte("target"), value, text, args };
}

/** What of an operation its line shows without a label, in the order of the line. */
function usesOf(name: Operation["name"]): readonly Use[] {
  if (!(name in OPERATIONS)) return [];
  const uses: readonly Use[] = OPERATIONS[name as OperationName].uses;
  return name === "probe_enter" ? [...uses, "context"] : uses;
}

function formatPart(op: Operation, use: Use): string {
  if (use === "target") return op.name === "probe_enter" ? `probe${op.target}` : (REPLAY_MAPS[op.target]?.name ?? `map${op.target}`);
  if (use === "context") return CONTEXTS[op.context] ?? `context${op.context}`;
  if (use === "text") return formatBytes(op.text);
  if (use === "args") return formatArguments(op.args);
  return formatValue(op.name, op.value);
}

function formatValue(name: Operation["name"], value: bigint): string {
  if (WALKS.has(name)) return formatWalk(value);
  return MASKED.has(name) && value >= 0n ? `any=0b${value.toString(2)}` : `${value}`;
}

function formatArguments(args: readonly Argument[]): string {
  return `[${args.map((arg) => (typeof arg === "bigint" ? `${arg}` : formatBytes(arg))).join(", ")}]`;
}

/** `value_desc:3` for the sort order and limit of a walk, with `:remove` if it removes; the bare number if it has no such order. */
function formatWalk(value: bigint): string {
  const sort = SORT_NAMES.get(Number(value & 63n));
  return sort === undefined || value < 0n ? `${value}` : `${sort}:${value >> 7n}${value & 64n ? ":remove" : ""}`;
}

/** Reads a line from the front. */
class Scanner {
  #at = 0;
  readonly #line: string;

  constructor(line: string) {
    this.#line = line.trim();
  }

  done(): boolean {
    return this.#at === this.#line.length;
  }

  /** Takes what a sticky pattern matches and the spaces after it; returns its first group. */
  take(pattern: RegExp, what: string): string {
    const match = this.#match(pattern);
    if (!match) throw this.expected(what);
    this.#at += match[0].length;
    this.#at += this.#match(/ */y)?.[0].length ?? 0;
    return match[1] ?? "";
  }

  sees(pattern: RegExp): boolean {
    return this.#match(pattern) !== null;
  }

  expected(what: string): StpError {
    return new StpError(`Cannot read the operation "${this.#line}" at column ${this.#at + 1}: ${what} is expected`);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#line);
  }
}

type Parts = Partial<Omit<Operation, "name">>;

function scanPart(scanner: Scanner, use: Use, name: Operation["name"]): Parts {
  if (use === "text") return { text: scanBytes(scanner) };
  if (use === "args") return { args: scanArguments(scanner) };
  if (use === "value") return { value: scanValue(scanner, name) };
  const word = scanner.take(/(\w+)/y, `a ${use}`);
  if (use === "context") return { context: indexOf(scanner, word, CONTEXTS, "context") };
  const maps = REPLAY_MAPS.map((map) => map.name);
  return { target: name === "probe_enter" ? indexOf(scanner, word, [], "probe") : indexOf(scanner, word, maps, "map") };
}

function scanUnused(scanner: Scanner, use: Use): Parts {
  if (use === "text") return { text: scanBytes(scanner) };
  if (use === "args") return { args: scanArguments(scanner) };
  if (use === "value") return { value: scanInteger(scanner) };
  return { [use]: Number(scanInteger(scanner)) };
}

/** The place of a name in a list, or the number behind a prefix. */
function indexOf(scanner: Scanner, word: string, names: readonly string[], prefix: string): number {
  if (names.includes(word)) return names.indexOf(word);
  if (!word.startsWith(prefix) || !/^\d+$/.test(word.slice(prefix.length))) throw scanner.expected(`a ${prefix}`);
  return Number(word.slice(prefix.length));
}

function scanInteger(scanner: Scanner): bigint {
  return BigInt(scanner.take(/(-?\d+)/y, "an integer"));
}

function scanBytes(scanner: Scanner): Uint8Array {
  return readBytes(scanner.take(/("(?:[^"\\]|\\.)*")/y, "a string in double quotes"));
}

function scanArguments(scanner: Scanner): readonly Argument[] {
  scanner.take(/\[/y, "a list of arguments");
  const args: Argument[] = [];
  while (!scanner.sees(/\]/y)) {
    if (args.length > 0) scanner.take(/,/y, "a comma");
    args.push(scanner.sees(/"/y) ? scanBytes(scanner) : scanInteger(scanner));
  }
  scanner.take(/\]/y, "the end of the list");
  return args;
}

function scanValue(scanner: Scanner, name: Operation["name"]): bigint {
  if (WALKS.has(name) && scanner.sees(/[a-z]/y)) return scanWalk(scanner);
  if (MASKED.has(name) && scanner.sees(/a/y)) return BigInt(scanner.take(/any=(0b[01]+)/y, "a mask such as any=0b101"));
  return scanInteger(scanner);
}

function scanWalk(scanner: Scanner): bigint {
  const name = scanner.take(/(\w+):/y, "a sort order");
  const sort = Object.entries(SORTS).find(([known]) => known === name)?.[1];
  if (sort === undefined) throw scanner.expected("a sort order");
  const limit = scanInteger(scanner);
  const remove = scanner.sees(/:/y) && scanner.take(/:(remove)/y, ":remove") !== "";
  return walkValue(sort, limit, remove);
}
