/**
 * What a map is made of: parts (one, or one for each CPU: M13), each an array of entries in insertion order.
 *
 * Searched from the front. Never hashes; never allocates after construction. An absent key costs a whole scan.
 * Siblings: runtime-c/src/map.c, runtime-c/src/map_init.c
 */
import { VALUE_STATS, VALUE_STRING } from "./protocol.gen";
import { Histogram } from "./histogram";
import { Ledger } from "./probe";
import { Stats } from "./stats";
import { Bytes, Value, value_compare } from "./value";

export const NOBODY: i32 = -1;

/** What a map is, from init on. */
export class Shape {
  constructor(
    readonly key_parts: i32,
    /** Bit n: part n is a string. */
    readonly key_strings: i32,
    readonly value_type: i32,
    readonly entries_max: i32,
    readonly string_size: i32,
    readonly wrap: bool,
    readonly per_cpu: bool,
    readonly histogram: Histogram,
  ) {}

  is_string(part: i32): bool {
    return ((this.key_strings >> part) & 1) != 0;
  }

  /** Bytes that a string of a key or a value keeps (M1, M7). */
  string_length_max(): i32 {
    return max(this.string_size - 1, 0);
  }
}

/** One key and its value: the field of the map's value type. */
export class Entry {
  readonly key: StaticArray<Value>;
  number: i64 = 0;
  readonly text: Bytes;
  readonly stats: Stats;
  /** What the walk at hand sorts by: a signed number of 128 bits. */
  order_high: i64 = 0;
  order_low: u64 = 0;

  constructor(shape: Shape) {
    this.key = new_key(shape, shape.string_length_max());
    this.text = new Bytes(shape.value_type == VALUE_STRING ? shape.string_length_max() : 0);
    this.stats = new Stats(shape.histogram.buckets);
  }

  /** Takes the key of another, or of a call. */
  set_key(key: StaticArray<Value>): void {
    for (let i = 0; i < this.key.length; i++) {
      const part = unchecked(this.key[i]);
      const other = unchecked(key[i]);
      if (part.is_string) part.text.set(other.text, other.text.length);
      else part.number = other.number;
    }
  }

  /** Makes the value 0, "" or empty (M3, M8, M15). */
  clear(): void {
    this.number = 0;
    this.text.clear();
    this.stats.clear();
  }

  /** Adds the value of another (M13); what was cleared takes it over. */
  merge(other: Entry, value_type: i32): void {
    if (value_type == VALUE_STATS) this.stats.merge(other.stats); // S7
    else if (value_type == VALUE_STRING) this.text.set(other.text, other.text.length);
    else this.number += other.number; // M5
  }
}

/** A part of a map; its entries are the first `size` of `entries`, oldest first, the others are free. */
export class Part {
  size: i32 = 0;
  /** CPU that holds it by map_hold, or NOBODY (M6). */
  holder: i32 = NOBODY;
  /** Next position of a list (M16). */
  position: i64 = 0;
  readonly entries: StaticArray<Entry>;

  constructor(shape: Shape) {
    this.entries = new_entries(shape, shape.entries_max);
  }

  /** Entry `index`, which is below entries_max. */
  @inline
  entry(index: i32): Entry {
    return unchecked(this.entries[index]);
  }

  clear(): void {
    this.size = 0;
    this.position = 0;
  }

  /** Place of a key among the entries, or -1. */
  find(key: StaticArray<Value>): i32 {
    for (let i = 0; i < this.size; i++) {
      if (same_key(this.entry(i).key, key, 0)) return i;
    }
    return -1;
  }

  /** Removes an entry; later ones keep their order (M9). */
  remove(index: i32): void {
    const removed = this.entry(index);
    this.size--;
    for (let i = index; i < this.size; i++) unchecked((this.entries[i] = this.entry(i + 1)));
    unchecked((this.entries[this.size] = removed)); // free now
  }

  /** The key's entry, else a new last one with value 0 (M3); null if there is no room for it (M4). */
  find_or_append(shape: Shape, key: StaticArray<Value>, row: Ledger): Entry | null {
    const at = this.find(key);
    if (at >= 0) return this.entry(at);
    if (this.size == shape.entries_max) {
      if (!shape.wrap) return null;
      this.remove(0); // M12
      row.evict();
    }
    const entry = this.entry(this.size++);
    entry.set_key(key);
    entry.clear();
    return entry;
  }
}

/** A map, and scratch of the call at hand. */
export class StpMap {
  readonly parts: StaticArray<Part>;
  /** The key of the call at hand, after the cut (M1): views. */
  readonly wanted: StaticArray<Value>;
  /** What the call at hand reads: a key's value, merged over all parts. */
  readonly found: Entry;
  /** What the walk at hand will visit: `visits_count` entries. */
  visits_count: i32 = 0;
  readonly visits: StaticArray<Entry>;
  /** Merged entries to visit; none if there is only one part. */
  readonly merged: StaticArray<Entry>;

  constructor(readonly index: i32, readonly name: Bytes, readonly shape: Shape, cpus: i32) {
    const parts = shape.per_cpu ? cpus : 1;
    this.wanted = new_key(shape, 0);
    this.found = new Entry(shape);
    this.parts = new_parts(shape, parts);
    this.visits = new_entries(shape, parts * shape.entries_max);
    this.merged = new_entries(shape, shape.per_cpu ? parts * shape.entries_max : 0);
  }

  /** Part `index`, which is below their number. */
  @inline
  part(index: i32): Part {
    return unchecked(this.parts[index]);
  }

  /** The part in which a CPU adds (M13). */
  part_of(cpu: i32): Part {
    return this.part(this.shape.per_cpu ? cpu : 0);
  }

  /** Whether any part is held (M6, M13). */
  is_busy(): bool {
    for (let i = 0; i < this.parts.length; i++) {
      if (this.part(i).holder != NOBODY) return true;
    }
    return false;
  }

  /** Makes `found` the value of a key over all parts, 0 if it is absent (M8, M13). False if it is. */
  read(key: StaticArray<Value>): bool {
    let present = false;
    this.found.clear();
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.part(i);
      const at = part.find(key);
      if (at < 0) continue;
      this.found.merge(part.entry(at), this.shape.value_type);
      present = true;
    }
    return present;
  }

  /** Removes a key from all parts (M9, M13). False if it is in none. */
  remove(key: StaticArray<Value>): bool {
    let present = false;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.part(i);
      const at = part.find(key);
      if (at < 0) continue;
      part.remove(at);
      present = true;
    }
    return present;
  }
}

function new_key(shape: Shape, text_capacity: i32): StaticArray<Value> {
  const key = new StaticArray<Value>(shape.key_parts);
  for (let i = 0; i < shape.key_parts; i++) {
    key[i] = new Value(shape.is_string(i) ? text_capacity : 0);
    key[i].is_string = shape.is_string(i);
  }
  return key;
}

function new_entries(shape: Shape, count: i32): StaticArray<Entry> {
  const entries = new StaticArray<Entry>(count);
  for (let i = 0; i < count; i++) entries[i] = new Entry(shape);
  return entries;
}

function new_parts(shape: Shape, count: i32): StaticArray<Part> {
  const parts = new StaticArray<Part>(count);
  for (let i = 0; i < count; i++) parts[i] = new Part(shape);
  return parts;
}

/** Whether two keys are equal in all parts whose bit in `wildcards` is not set (M1, M14). */
export function same_key(a: StaticArray<Value>, b: StaticArray<Value>, wildcards: u64): bool {
  for (let i = 0; i < a.length; i++) {
    if (((wildcards >> i) & 1) == 0 && value_compare(unchecked(a[i]), unchecked(b[i])) != 0) return false;
  }
  return true;
}
