/**
 * The canonical dump: the observable state as 64-bit words, and the digest of words (O4, O6).
 *
 * Each dump writes from an address on and returns where it ends; who calls it has made room (`*_words_max`).
 * Never changes the state it shows.
 * Siblings: runtime-c/replay/dump.c, runtime-c/replay/outputs.c
 */
import {
  CONTEXTS,
  DUMP_CPU,
  DUMP_ENTRY,
  DUMP_LEVEL,
  DUMP_MAP,
  DUMP_PART,
  DUMP_RECORD,
  DUMP_RING,
  DUMP_STATS,
  ERROR_SIZE_MAX,
  VALUE_STATS,
  VALUE_STRING,
} from "./protocol.gen";
import { Entry, StpMap } from "./entry";
import { Cpu, Ledger, LEDGER_HEAD, LEDGER_WORDS } from "./probe";
import { Ring, RingRecord } from "./ring";
import { Stats } from "./stats";
import { Bytes } from "./value";

const DIGEST_FACTOR: u64 = 0x9e3779b97f4a7c15;
const WORD: i32 = 8;

/** A bounded sequence of words in memory of its own. */
export class Words {
  readonly begin: usize;
  /** Where the next word will be. */
  end: usize;
  private readonly limit: usize;

  constructor(count_max: i32) {
    this.begin = changetype<usize>(new StaticArray<u64>(count_max)); // never freed: runtime "stub"
    this.end = this.begin;
    this.limit = this.begin + count_max * WORD;
  }

  push(word: u64): void {
    this.end = put(this.end, word);
  }

  size(): i32 {
    return <i32>(this.end - this.begin);
  }

  /** To be called after dumps: one that was larger than its `*_words_max` has damaged what lies behind. */
  check(): void {
    assert(this.end <= this.limit, "a dump outgrew its words");
  }
}

@inline
function put(at: usize, word: u64): usize {
  store<u64>(at, word);
  return at + WORD;
}

/** The digest after absorbing a word (O4). */
@inline
export function digest_word(digest: u64, word: u64): u64 {
  digest = (digest ^ word) * DIGEST_FACTOR;
  return digest ^ (digest >> 29); // logical: u64
}

/** The digest after absorbing all words of a range (O4). */
export function digest_absorb(digest: u64, begin: usize, end: usize): u64 {
  let at = begin;
  for (; at + 4 * WORD <= end; at += 4 * WORD) {
    digest = digest_word(digest, load<u64>(at));
    digest = digest_word(digest, load<u64>(at, WORD));
    digest = digest_word(digest, load<u64>(at, 2 * WORD));
    digest = digest_word(digest, load<u64>(at, 3 * WORD));
  }
  for (; at < end; at += WORD) digest = digest_word(digest, load<u64>(at));
  return digest;
}

/** A string that owns its memory: its length, then whole words, the last one zero-padded. */
export function string_dump(text: Bytes, at: usize): usize {
  const length = text.length;
  at = put(at, length);
  let i = 0;
  for (; i + 8 <= length; i += 8) at = put(at, load<u64>(text.at + i));
  if (i < length) at = put(at, load<u64>(text.at + i) & (((<u64>1) << ((length - i) * 8)) - 1));
  return at;
}

function string_words_max(length: i32): i32 {
  return 1 + ((length + 7) >> 3);
}

export function map_dump(map: StpMap, at: usize): usize {
  at = put(at, DUMP_MAP);
  at = put(at, map.index);
  for (let p = 0; p < map.parts.length; p++) {
    const part = map.part(p);
    at = put(at, DUMP_PART);
    at = put(at, part.holder + 1);
    at = put(at, part.position);
    at = put(at, part.size);
    for (let i = 0; i < part.size; i++) at = entry_dump(map, part.entry(i), at);
  }
  return at;
}

export function map_words_max(map: StpMap): i32 {
  const text = string_words_max(map.shape.string_length_max());
  const value = map.shape.value_type == VALUE_STATS ? 9 + 2 * map.shape.histogram.buckets : text;
  return 2 + map.parts.length * (4 + map.shape.entries_max * (1 + map.shape.key_parts * text + value));
}

export function entry_dump(map: StpMap, entry: Entry, at: usize): usize {
  at = put(at, DUMP_ENTRY);
  for (let i = 0; i < map.shape.key_parts; i++) {
    const part = unchecked(entry.key[i]);
    at = part.is_string ? string_dump(part.text, at) : put(at, part.number);
  }
  return value_dump(map, entry, at);
}

/** Only the value of an entry. */
export function value_dump(map: StpMap, entry: Entry, at: usize): usize {
  if (map.shape.value_type == VALUE_STATS) return stats_dump(entry.stats, at);
  return map.shape.value_type == VALUE_STRING ? string_dump(entry.text, at) : put(at, entry.number);
}

function stats_dump(stats: Stats, at: usize): usize {
  at = put(at, DUMP_STATS);
  at = put(at, stats.count);
  at = put(at, stats.sum_low);
  at = put(at, stats.sum_high);
  at = put(at, stats.min);
  at = put(at, stats.max);
  at = put(at, stats.sumsq_low);
  at = put(at, stats.sumsq_high);
  for (let bits = stats.used_low; bits != 0; bits &= bits - 1) at = bucket_dump(stats, <i32>ctz(bits), at);
  for (let bits = stats.used_high; bits != 0; bits &= bits - 1) at = bucket_dump(stats, 64 + <i32>ctz(bits), at);
  return put(at, 0);
}

function bucket_dump(stats: Stats, index: i32, at: usize): usize {
  const count = stats.bucket(index);
  if (count == 0) return at; // it has wrapped
  at = put(at, index + 1);
  return put(at, count);
}

export function cpu_dump(cpu: Cpu, at: usize): usize {
  let active = 0;
  for (let i = 0; i < CONTEXTS; i++) active += <i32>cpu.level(i).active;
  at = put(at, DUMP_CPU);
  at = put(at, cpu.index);
  at = put(at, active);
  for (let i = 0; i < CONTEXTS; i++) {
    const level = cpu.level(i);
    at = put(at, DUMP_LEVEL);
    at = put(at, level.index);
    at = put(at, <u64>level.active);
    at = put(at, level.probe);
    at = put(at, level.actions);
    at = put(at, <u64>level.exhausted);
    at = put(at, level.strings);
    at = put(at, <u64>level.raised);
    at = string_dump(level.message, at);
    at = string_dump(level.print, at);
  }
  return at;
}

function cpu_words_max(cpu: Cpu): i32 {
  return 3 + CONTEXTS * (8 + string_words_max(ERROR_SIZE_MAX) + string_words_max(cpu.levels[0].print.capacity));
}

export function ring_dump(ring: Ring, at: usize): usize {
  at = put(at, DUMP_RING);
  at = put(at, ring.cpu);
  at = put(at, ring.next);
  at = put(at, ring.count == 0 ? ring.next : unchecked(ring.records[0]).sequence);
  for (let i = 0; i < ring.count; i++) at = record_dump(ring, unchecked(ring.records[i]), at);
  return at;
}

/** A record of n words in the ring has at most 4 words more in a dump. */
function ring_words_max(ring: Ring): i32 {
  return 4 + ring.size / 8 + 4 * ring.records.length;
}

export function record_dump(ring: Ring, record: RingRecord, at: usize): usize {
  at = put(at, DUMP_RECORD);
  at = put(at, record.type);
  at = put(at, record.context);
  at = put(at, record.probe);
  at = put(at, ring.cpu);
  at = put(at, record.sequence);
  return string_dump(record.payload, at);
}

export function ledger_dump(ledger: Ledger, at: usize): usize {
  for (let i = 0; i < LEDGER_HEAD; i++) at = put(at, unchecked(ledger.words[i]));
  for (let i = LEDGER_HEAD; i < LEDGER_WORDS; i++) {
    const count = unchecked(ledger.words[i]);
    if (count === 0) continue;
    at = put(at, i - LEDGER_HEAD + 1);
    at = put(at, count);
  }
  return put(at, 0);
}

/** The digest after absorbing a row's dump. */
export function ledger_absorb(digest: u64, ledger: Ledger): u64 {
  for (let i = 0; i < LEDGER_HEAD; i++) digest = digest_word(digest, unchecked(ledger.words[i]));
  for (let i = LEDGER_HEAD; i < LEDGER_WORDS; i++) {
    const count = unchecked(ledger.words[i]);
    if (count !== 0) digest = digest_word(digest_word(digest, i - LEDGER_HEAD + 1), count);
  }
  return digest_word(digest, 0);
}

/** All maps; then for each CPU its levels, ring and ledger rows. */
export function full_dump(maps: StaticArray<StpMap>, cpus: StaticArray<Cpu>, at: usize): usize {
  for (let i = 0; i < maps.length; i++) at = map_dump(unchecked(maps[i]), at);
  for (let i = 0; i < cpus.length; i++) {
    const cpu = unchecked(cpus[i]);
    at = cpu_dump(cpu, at);
    at = ring_dump(cpu.ring, at);
    for (let row = 0; row < cpu.ledgers.length; row++) at = ledger_dump(unchecked(cpu.ledgers[row]), at);
  }
  return at;
}

export function full_words_max(maps: StaticArray<StpMap>, cpus: StaticArray<Cpu>): i32 {
  let words = 0;
  for (let i = 0; i < maps.length; i++) words += map_words_max(maps[i]);
  for (let i = 0; i < cpus.length; i++) words += cpu_words_max(cpus[i]) + ring_words_max(cpus[i].ring) + cpus[i].ledgers.length * (2 * LEDGER_WORDS);
  return words;
}
