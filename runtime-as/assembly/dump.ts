/**
 * The canonical dump: the observable state as 64-bit words, and the digest of words (O4, O6).
 *
 * Never changes the state it shows.
 * Sibling: runtime-c/replay/dump.c
 */
import {
  CONTEXTS,
  DUMP_CPU,
  DUMP_ENTRY,
  DUMP_LEDGER,
  DUMP_LEVEL,
  DUMP_MAP,
  DUMP_RECORD,
  DUMP_RING,
} from "./protocol.gen";
import { Entry, StpMap } from "./map";
import { Cpu, Ledger } from "./probe";
import { Ring, RingRecord } from "./ring";
import { Bytes } from "./value";

const DIGEST_FACTOR: u64 = 0x9e3779b97f4a7c15;

/** A bounded sequence of words. */
export class Words {
  count: i32 = 0;
  readonly words: StaticArray<u64>;

  constructor(count_max: i32) {
    this.words = new StaticArray<u64>(count_max);
  }

  clear(): void {
    this.count = 0;
  }

  @inline
  push(word: u64): void {
    this.words[this.count++] = word; // bounds are checked
  }

  push_all(words: StaticArray<u64>): void {
    for (let i = 0; i < words.length; i++) this.push(unchecked(words[i]));
  }
}

/** The digest after absorbing all words (O4). */
export function digest_absorb(digest: u64, words: Words): u64 {
  for (let i = 0; i < words.count; i++) {
    digest = (digest ^ unchecked(words.words[i])) * DIGEST_FACTOR;
    digest ^= digest >> 29; // logical: u64
  }
  return digest;
}

export function string_dump(text: Bytes, words: Words): void {
  words.push(text.length);
  for (let i = 0; i < text.words(); i++) words.push(text.word(i));
}

export function map_dump(map: StpMap, words: Words): void {
  words.push(DUMP_MAP);
  words.push(map.index);
  words.push(map.size);
  words.push(map.holder + 1);
  for (let i = 0; i < map.size; i++) entry_dump(map, map.entries[i], words);
}

export function entry_dump(map: StpMap, entry: Entry, words: Words): void {
  words.push(DUMP_ENTRY);
  for (let i = 0; i < map.key_parts; i++) {
    const part = entry.key[i];
    if (part.is_string) string_dump(part.text, words);
    else words.push(part.number);
  }
  words.push(entry.value);
}

export function cpu_dump(cpu: Cpu, words: Words): void {
  let active = 0;
  for (let i = 0; i < CONTEXTS; i++) active += <i32>cpu.levels[i].active;
  words.push(DUMP_CPU);
  words.push(cpu.index);
  words.push(active);
  for (let i = 0; i < CONTEXTS; i++) {
    const level = cpu.levels[i];
    words.push(DUMP_LEVEL);
    words.push(level.index);
    words.push(<u64>level.active);
    words.push(level.probe);
    words.push(level.strings);
    string_dump(level.print, words);
  }
}

export function ring_dump(ring: Ring, words: Words): void {
  words.push(DUMP_RING);
  words.push(ring.cpu);
  words.push(ring.next);
  words.push(ring.count == 0 ? ring.next : ring.records[0].sequence);
  for (let i = 0; i < ring.count; i++) record_dump(ring, ring.records[i], words);
}

export function record_dump(ring: Ring, record: RingRecord, words: Words): void {
  words.push(DUMP_RECORD);
  words.push(record.type);
  words.push(record.context);
  words.push(record.probe);
  words.push(ring.cpu);
  words.push(record.sequence);
  string_dump(record.payload, words);
}

export function ledger_dump(ledger: Ledger, words: Words): void {
  words.push(DUMP_LEDGER);
  words.push(ledger.probe);
  words.push(ledger.cpu);
  words.push_all(ledger.counts);
}

/** All maps; then for each CPU its levels, ring and ledger rows. */
export function full_dump(maps: StaticArray<StpMap>, cpus: StaticArray<Cpu>, words: Words): void {
  for (let i = 0; i < maps.length; i++) map_dump(maps[i], words);
  for (let i = 0; i < cpus.length; i++) {
    cpu_dump(cpus[i], words);
    ring_dump(cpus[i].ring, words);
    for (let row = 0; row < cpus[i].ledgers.length; row++) ledger_dump(cpus[i].ledgers[row], words);
  }
}
