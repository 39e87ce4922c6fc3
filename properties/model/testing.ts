/** What the worked examples share: the model's sessions, operations in few words, and the state in lines. Siblings: the tests beside it, a letter of the rules each. */
import { expect } from "vitest";
import { bytes, encodeBatch, operation, type Argument, type Operation } from "../operations.ts";
import { formatDump } from "../dump.ts";
import { loadModel, loadModelFrom, readModelSources, type Model } from "../model.ts";
import { ERRORS, REPLAY_MAPS, SORTS, type OperationName, type SortName } from "../../spec/protocol.ts";

export const EFULL = -BigInt(ERRORS.EFULL.code);
export const EBUSY = -BigInt(ERRORS.EBUSY.code);
export const EINVAL = -BigInt(ERRORS.EINVAL.code);
export const ENOENT = -BigInt(ERRORS.ENOENT.code);
export const ENESTED = -BigInt(ERRORS.ENESTED.code);
export const ESTATE = -BigInt(ERRORS.ESTATE.code);
export const EBUDGET = -BigInt(ERRORS.EBUDGET.code);
export const EFAULT = -BigInt(ERRORS.EFAULT.code);
export const EDOM = -BigInt(ERRORS.EDOM.code);
export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);
export const WORD = 2n ** 64n - 1n;
export const [INTS, STRINGS, PAIRS, MIXED, NINE, TEXTS, NAMED, RECENT, SUMS, SIZES, TIMES] = REPLAY_MAPS.map((_, index) => index) as [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
export const [TASK, SOFTIRQ, IRQ, NMI] = [0, 1, 2, 3];

/** The replay's session, and one with room for whole texts. `model` is the one that the helpers use. */
let replay: Model;
let roomy: Model;
export let model: Model;

/** Compiles both: beforeAll() of each file. */
export async function loadModels(): Promise<void> {
  const sources = await readModelSources();
  const room = new Map(sources);
  const path = "assembly/protocol.gen.ts";
  const changed = { REPLAY_PRINT_SIZE: 4096, REPLAY_RING_SIZE: 8192, REPLAY_ACTIONS: 1000 };
  const text = Object.entries(changed).reduce((all, [name, size]) => all.replace(new RegExp(`${name}: i32 = \\d+`), `${name}: i32 = ${size}`), sources.get(path)!);
  room.set(path, text);
  replay = await loadModel();
  roomy = await loadModelFrom(room);
  model = replay;
}

/** Results of operations on the session as it is. */
export function more(...operations: readonly Operation[]): bigint[] {
  return resultsOf(model.run(encodeBatch(operations))).map(({ result }) => result);
}

/** Results of operations on a fresh session. */
export function run(...operations: readonly Operation[]): bigint[] {
  model = replay;
  model.init();
  return more(...operations);
}

/** As run, with print buffers and rings of some thousand bytes and a thousand actions. */
export function runRoomy(...operations: readonly Operation[]): bigint[] {
  model = roomy;
  model.init();
  return more(...operations);
}

export function resultsOf(results: Uint8Array): { result: bigint; digest: bigint }[] {
  const view = new DataView(results.buffer, results.byteOffset, results.length);
  return Array.from({ length: results.length / 16 }, (_, i) => ({ result: view.getBigInt64(i * 16, true), digest: view.getBigUint64(i * 16 + 8, true) }));
}

/** Lines of the dump now that begin with a word; indented lines belong to the line above. */
export function lines(start: string): string[] {
  const all = formatDump(model.dump());
  const from = all.findIndex((line) => line.startsWith(start));
  const to = all.findIndex((line, i) => i > from && !line.startsWith(" "));
  return all.slice(from, to < 0 ? undefined : to).map((line) => line.trim());
}

/** Entries of a map, all parts. */
export const entries = (map: string): string[] => lines(`map ${map}`).filter((line) => line.startsWith("entry")).map((line) => line.slice("entry ".length));
/** Counts of a ledger row without its head. */
export const ledger = (row: string): string => (lines(`ledger ${row}`)[0] ?? "").replace(/^[^;]*(; )?/, "");
export const level = (index: number, cpu = 0): string => lines(`cpu${cpu}`)[1 + index] ?? "";

/** Words that the last operation output. */
export function outputs(): bigint[] {
  const outputs = model.outputs();
  return [...new BigUint64Array(outputs.buffer, outputs.byteOffset, outputs.length / 8)];
}

/** The string that the last operation output, byte by byte. */
export function outputText(): string {
  const bytes = Buffer.from(model.outputs());
  const length = Number(bytes.readBigUInt64LE(0));
  expect(bytes.length).toBe(8 + Math.ceil(length / 8) * 8);
  expect(bytes.subarray(8 + length).every((byte) => byte === 0)).toBe(true);
  return bytes.subarray(8, 8 + length).toString("latin1");
}

export type Part = number | bigint | string | Uint8Array;
export const onCpu = (cpu: number, op: Operation): Operation => ({ ...op, cpu });
export const enter = (probe = 0, context = TASK): Operation => operation("probe_enter", { target: probe, context });
export const exit = operation("probe_exit");
export const key = (...parts: Part[]): Argument[] => parts.map((part) => (typeof part === "string" ? bytes(part) : typeof part === "object" ? part : BigInt(part)));
export const add = (target: number, args: Argument[], value: bigint): Operation => operation("map_add", { target, args, value });
export const set = (target: number, args: Argument[], value: bigint): Operation => operation("map_set", { target, args, value });
export const setText = (args: Argument[], text: string): Operation => operation("map_set_string", { target: TEXTS, args, text });
export const append = (args: Argument[], text: string): Operation => operation("map_append", { target: TEXTS, args, text });
export const sample = (target: number, args: Argument[], value: bigint | number): Operation => operation("map_stat_add", { target, args, value: BigInt(value) });
export const push = (target: number, value: bigint): Operation => operation("map_push", { target, value });
export const pushText = (target: number, text: string): Operation => operation("map_push_string", { target, text });
export const onKey = (name: OperationName, target: number, args: Argument[], value = 0n): Operation => operation(name, { target, args, value });
export const get = (target: number, ...parts: Part[]): Operation => onKey("map_get", target, key(...parts));
export const onMap = (name: OperationName, target: number): Operation => operation(name, { target });
export const order = (sort: SortName, { limit = 0n, remove = false } = {}): bigint => limit * 128n + (remove ? 64n : 0n) + BigInt(SORTS[sort]);
export const walk = (target: number, sort: SortName, how = {}): Operation => operation("map_walk", { target, value: order(sort, how) });
export const printMap = (target: number, sort: SortName = "insertion", how = {}): Operation => operation("print_map", { target, value: order(sort, how) });
export const printHist = (target: number, ...parts: Part[]): Operation => onKey("print_hist", target, key(...parts));
export const print = (text: string | Uint8Array, ...args: Part[]): Operation => operation("print_printf", { text, args: key(...args) });
export const str = (text: string | Uint8Array, ...args: Part[]): Operation => operation("str_printf", { text, args: key(...args) });
export const onStrings = (name: OperationName, ...args: Part[]): Operation => operation(name, { args: key(...args) });
export const raise = (text: string, ...args: Part[]): Operation => operation("raise", { text, args: key(...args) });
export const catchError = operation("catch");
export const flush = operation("print_flush");
export const read = (value: bigint): Operation => operation("ring_read", { value });
export const times = <T>(count: number, item: T): T[] => Array<T>(count).fill(item);

/** What an operation outputs as a string, in a probe. */
export function made(op: Operation): string {
  expect(run(enter(0), op)).toEqual([0n, 0n]);
  return outputText();
}
