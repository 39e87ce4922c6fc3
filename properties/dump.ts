/**
 * Dumps (O6) as readable lines, for reports of failures.
 *
 * Never throws: a dump of a broken runtime may hold anything, and must still be shown.
 */
import { CONTEXTS, DUMP_TAGS, LOSS_CAUSES, LOSS_KINDS, RECORD_TYPES, REPLAY_CONFIG, REPLAY_MAPS, type ReplayMap } from "../spec/protocol.ts";
import { formatBytes } from "./text.ts";

const KINDS = Object.keys(LOSS_KINDS);
const CAUSES = Object.keys(LOSS_CAUSES);
/** What stands at each place of a ledger row, from the first (O6): kind and count. */
const LEDGER_COUNTS: readonly (readonly [kind: string | undefined, count: string])[] = [
  ...KINDS.flatMap((kind) => ["attempted", "delivered", ...CAUSES].map((count) => [kind, count] as const)),
  [undefined, "cut"],
  [undefined, "evicted"],
];
const RECORDS: ReadonlyMap<number, string> = new Map(Object.entries(RECORD_TYPES).map(([name, type]) => [type, name]));
const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

/** One line for each item of a dump; two dumps are equal if and only if their lines are. */
export function formatDump(dump: Uint8Array): string[] {
  const cursor = new Cursor(dump);
  const lines: string[] = [];
  while (!cursor.done()) lines.push(formatItem(cursor));
  if (cursor.ended) lines.push(`(the dump ends within this item, at byte ${cursor.at})`);
  return lines;
}

/** Where two dumps differ: the index of the line and what each has there. */
export interface DumpDifference {
  readonly line: number;
  readonly expected: string;
  readonly actual: string;
}

/** The first line in which two dumps differ, with what each has there; undefined if they are equal. */
export function firstDifference(expected: Uint8Array, actual: Uint8Array): DumpDifference | undefined {
  const a = formatDump(expected);
  const b = formatDump(actual);
  const line = Array.from({ length: Math.max(a.length, b.length) }).findIndex((_, i) => a[i] !== b[i]);
  if (line < 0) return undefined;
  return { line, expected: a[line] ?? "(nothing)", actual: b[line] ?? "(nothing)" };
}

/** Reads words; beyond the end it gives 0 and notes that it did. */
class Cursor {
  /** The map whose entries follow. */
  map: ReplayMap | undefined;
  /** Parts of that map so far. */
  parts = 0;
  at = 0;
  ended = false;
  readonly #view: DataView;

  constructor(dump: Uint8Array) {
    this.#view = new DataView(dump.buffer, dump.byteOffset, dump.length);
  }

  done(): boolean {
    return this.ended || this.at >= this.#view.byteLength;
  }

  word(): bigint {
    this.ended ||= this.at + 8 > this.#view.byteLength;
    if (this.ended) return 0n;
    this.at += 8;
    return this.#view.getBigUint64(this.at - 8, true);
  }

  signed(): bigint {
    return BigInt.asIntN(64, this.word());
  }

  /** Two words, low one first, as an unsigned number. */
  pair(): bigint {
    return this.word() + (this.word() << 64n);
  }

  /** A string, zero padding included if it is not zero. */
  string(): string {
    const length = this.word();
    const size = Number((length + 7n) / 8n) * 8;
    this.ended ||= this.at + size > this.#view.byteLength;
    const padded = new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.at, this.ended ? this.#view.byteLength - this.at : size);
    this.at += padded.length;
    if (this.ended) return `${formatBytes(padded)} of ${length} bytes`;
    const padding = padded.subarray(Number(length));
    const text = formatBytes(padded.subarray(0, Number(length)));
    return padding.every((byte) => byte === 0) ? text : `${text} padded with ${formatBytes(padding)}`;
  }
}

function formatItem(cursor: Cursor): string {
  const word = cursor.word();
  const tag = Number(word);
  if (tag === DUMP_TAGS.map) return formatMap(cursor);
  if (tag === DUMP_TAGS.part) return formatMapPart(cursor);
  if (tag === DUMP_TAGS.entry) return formatEntry(cursor);
  if (tag === DUMP_TAGS.cpu) return `cpu${cursor.word()} active ${cursor.word()}`;
  if (tag === DUMP_TAGS.level) return formatLevel(cursor);
  if (tag === DUMP_TAGS.ring) return `ring cpu${cursor.word()} next ${cursor.word()} oldest ${cursor.word()}`;
  if (tag === DUMP_TAGS.record) return formatRecord(cursor);
  if (tag === DUMP_TAGS.ledger) return formatLedger(cursor);
  return `word 0x${word.toString(16)}`;
}

function formatMap(cursor: Cursor): string {
  const index = cursor.word();
  cursor.map = MAPS[Number(index)];
  cursor.parts = 0;
  return `map ${cursor.map?.name ?? index}`;
}

function formatMapPart(cursor: Cursor): string {
  const holder = cursor.word();
  const position = cursor.word();
  const size = cursor.word();
  return `  part ${cursor.parts++} size ${size}${position === 0n ? "" : ` next ${position}`}${holder === 0n ? "" : ` held by cpu${holder - 1n}`}`;
}

function formatEntry(cursor: Cursor): string {
  const key = (cursor.map?.keys ?? []).map((type) => (type === "string" ? cursor.string() : `${cursor.signed()}`));
  return `    entry [${key.join(", ")}] ${formatValue(cursor)}`;
}

function formatValue(cursor: Cursor): string {
  if (cursor.map?.value === "string") return cursor.string();
  if (cursor.map?.value !== "stats") return `${cursor.signed()}`;
  const tag = cursor.word();
  const fields = `count ${cursor.word()} sum ${BigInt.asIntN(128, cursor.pair())} min ${cursor.signed()} max ${cursor.signed()} sumsq ${cursor.pair()}`;
  return `${tag === BigInt(DUMP_TAGS.stats) ? "" : `tag ${tag} `}${fields}${formatBuckets(cursor)}`;
}

/** Bucket and count of those that are not 0. */
function formatBuckets(cursor: Cursor): string {
  const buckets: string[] = [];
  for (let index = cursor.word(); index !== 0n; index = cursor.word()) buckets.push(` ${index - 1n}:${cursor.word()}`);
  return buckets.length === 0 ? "" : ` buckets${buckets.join("")}`;
}

function formatLevel(cursor: Cursor): string {
  const level = contextOf(cursor);
  const [active, probe, actions, exhausted, strings, error] = [cursor.word(), cursor.word(), cursor.word(), cursor.word(), cursor.word(), cursor.word()];
  const [message, text] = [cursor.string(), cursor.string()];
  const numbers = `probe ${probe} actions ${actions}${flag("exhausted", exhausted)} strings ${strings}`;
  const state = `${numbers}${flag("error", error)}${error === 0n && message === '""' ? "" : ` ${message}`} text ${text}`;
  if (active === 0n && state === 'probe 0 actions 0 strings 0 text ""') return `  level ${level} inactive`;
  return `  level ${level}${active === 1n ? "" : ` active ${active}`} ${state}`;
}

/** A word that says yes or no; another one is shown as it is. */
function flag(name: string, word: bigint): string {
  return word === 0n ? "" : word === 1n ? ` ${name}` : ` ${name} ${word}`;
}

function formatRecord(cursor: Cursor): string {
  const type = cursor.word();
  const head = `  record ${RECORDS.get(Number(type)) ?? type} ${contextOf(cursor)} probe ${cursor.word()} cpu${cursor.word()}`;
  return `${head} sequence ${cursor.word()} ${cursor.string()}`;
}

function contextOf(cursor: Cursor): string {
  const context = cursor.word();
  return CONTEXTS[Number(context)] ?? `context${context}`;
}

/** Only counts that are not 0. */
function formatLedger(cursor: Cursor): string {
  const probe = cursor.word();
  const head = `ledger probe ${probe === BigInt(REPLAY_CONFIG.probes) ? "none" : probe} cpu${cursor.word()}`;
  const parts = [head];
  let before: string | undefined;
  for (let place = cursor.word(); place !== 0n; place = cursor.word()) {
    const [kind, name] = LEDGER_COUNTS[Number(place) - 1] ?? [undefined, `count ${place}`];
    const text = `${name} ${cursor.word()}`;
    if (kind !== undefined && kind === before) parts.push(`${parts.pop()} ${text}`);
    else parts.push(kind === undefined ? text : `${kind}: ${text}`);
    before = kind;
  }
  return parts.join("; ");
}
