/**
 * Maps of int64 values: an array of entries in insertion order, searched from the front (M1–M11).
 *
 * Never hashes, shards or locks; never allocates after construction. An absent key costs a whole scan.
 * Sibling: runtime-c/src/map.c
 */
import {
  EBUSY,
  EFULL,
  EINVAL,
  ENOENT,
  ESTATE,
  LOSS_BUSY,
  LOSS_FULL,
  LOSS_KIND_MAP,
  SORT_INSERTION,
  SORT_KEY1_ASC,
  SORT_KEY1_DESC,
  SORT_KEY2_ASC,
  SORT_KEY2_DESC,
  SORT_VALUE_ASC,
  SORT_VALUE_DESC,
} from "./protocol.gen";
import { entry_dump, Words } from "./dump";
import { Ledger } from "./probe";
import { Arguments, Value, value_compare } from "./value";

const NOBODY: i32 = -1;

/** One key and its value. */
export class Entry {
  value: i64 = 0;
  readonly key: StaticArray<Value>;

  constructor(parts: i32, string_size: i32) {
    this.key = new StaticArray<Value>(parts);
    for (let i = 0; i < parts; i++) this.key[i] = new Value(max(string_size - 1, 0));
  }
}

/** A map; its entries are the first `size` of `entries`, oldest first, the others are free. */
export class StpMap {
  size: i32 = 0;
  /** CPU that holds the map by map_hold, or NOBODY (M6). */
  holder: i32 = NOBODY;
  readonly entries: StaticArray<Entry>;
  /** The key of the call at hand, after the cut. */
  readonly wanted: Entry;
  /** The entries that the walk at hand will visit. */
  readonly visits: StaticArray<Entry>;

  constructor(
    readonly index: i32,
    readonly key_parts: i32,
    readonly key_strings: i32,
    readonly entries_max: i32,
    readonly string_size: i32,
  ) {
    this.wanted = new Entry(key_parts, string_size);
    this.entries = new StaticArray<Entry>(entries_max);
    this.visits = new StaticArray<Entry>(entries_max);
    for (let i = 0; i < entries_max; i++) this.entries[i] = new Entry(key_parts, string_size);
    for (let i = 0; i < entries_max; i++) this.visits[i] = this.entries[i];
  }

  is_string(part: i32): bool {
    return ((this.key_strings >> part) & 1) != 0;
  }
}

/** Empties the map and gives it back to nobody. */
export function map_init(map: StpMap): void {
  map.size = 0;
  map.holder = NOBODY;
}

/** Adds to the value under a key, which is made if absent (M3–M5). Returns 0, -EINVAL, -EBUSY or -EFULL. */
export function map_add(ledger: Ledger, map: StpMap, key: Arguments, delta: i64): i32 {
  if (!want(ledger, map, key)) return -EINVAL;
  if (busy(map)) return entered(ledger, -EBUSY);
  const entry = find_or_append(map); // M3
  if (entry === null) return entered(ledger, -EFULL); // M4
  entry.value += delta; // M5: wraps
  return entered(ledger, 0);
}

/** Stores a value under a key, which is made if absent (M4, M7). Returns 0, -EINVAL, -EBUSY or -EFULL. */
export function map_set(ledger: Ledger, map: StpMap, key: Arguments, value: i64): i32 {
  if (!want(ledger, map, key)) return -EINVAL;
  if (busy(map)) return entered(ledger, -EBUSY);
  const entry = find_or_append(map);
  if (entry === null) return entered(ledger, -EFULL); // M4
  entry.value = value; // M7: 0 too
  return entered(ledger, 0);
}

/** Outputs the value under a key, 0 if absent (M8). Returns 0, -EINVAL or -EBUSY. */
export function map_get(ledger: Ledger, map: StpMap, key: Arguments, outputs: Words): i32 {
  if (!want(ledger, map, key)) return -EINVAL;
  if (busy(map)) return entered(ledger, -EBUSY); // X4: a read is entered only here
  const at = find(map);
  outputs.push(at < 0 ? 0 : map.entries[at].value);
  return 0;
}

/** Whether a key is present (M8). Returns 1, 0, -EINVAL or -EBUSY. */
export function map_contains(ledger: Ledger, map: StpMap, key: Arguments): i32 {
  if (!want(ledger, map, key)) return -EINVAL;
  if (busy(map)) return entered(ledger, -EBUSY);
  return find(map) < 0 ? 0 : 1;
}

/** Removes a key; later entries keep their order (M9). Returns 0, -ENOENT, -EINVAL or -EBUSY. */
export function map_del(ledger: Ledger, map: StpMap, key: Arguments): i32 {
  if (!want(ledger, map, key)) return -EINVAL;
  if (busy(map)) return entered(ledger, -EBUSY);
  const at = find(map);
  if (at < 0) return entered(ledger, -ENOENT);
  const removed = map.entries[at];
  map.size--;
  for (let i = at; i < map.size; i++) map.entries[i] = map.entries[i + 1];
  map.entries[map.size] = removed; // free now
  return entered(ledger, 0);
}

/**
 * Outputs at most `limit` entries (0: all) in the order `sort` (M10). Returns how many, -EINVAL or -EBUSY.
 * Nothing can interrupt a walk here, so MAP_WALKS_MAX is never reached.
 */
export function map_walk(ledger: Ledger, map: StpMap, sort: i32, limit: i64, outputs: Words): i32 {
  if (limit < 0 || !sort_fits(map, sort)) return -EINVAL;
  if (busy(map)) return entered(ledger, -EBUSY);
  for (let i = 0; i < map.size; i++) visit_in_order(map, i, sort);
  const count = limit == 0 || limit > <i64>map.size ? map.size : <i32>limit;
  for (let i = 0; i < count; i++) entry_dump(map, map.visits[i], outputs);
  return count;
}

/** Removes all entries (M11). Returns 0 or -EBUSY. */
export function map_clear(ledger: Ledger, map: StpMap): i32 {
  if (busy(map)) return entered(ledger, -EBUSY);
  map.size = 0;
  return entered(ledger, 0);
}

/** The number of entries, of a held map too (M6, M11). Never fails. */
export function map_size(map: StpMap): i32 {
  return map.size;
}

/** Takes the map as an interrupted call holds it (M6). Returns 0 or -EBUSY; no ledger entry. */
export function map_hold(map: StpMap, cpu: i32): i32 {
  if (busy(map)) return -EBUSY;
  map.holder = cpu;
  return 0;
}

/** Gives back what map_hold took (M6). Returns 0, or -ESTATE if this CPU does not hold the map. */
export function map_release(map: StpMap, cpu: i32): i32 {
  if (map.holder != cpu) return -ESTATE;
  map.holder = NOBODY;
  return 0;
}

function busy(map: StpMap): bool {
  return map.holder != NOBODY;
}

/** Enters a call in the ledger by its result (X4). */
function entered(ledger: Ledger, result: i32): i32 {
  ledger.attempt(LOSS_KIND_MAP);
  if (result == -EBUSY) ledger.lose(LOSS_KIND_MAP, LOSS_BUSY);
  else if (result == -EFULL) ledger.lose(LOSS_KIND_MAP, LOSS_FULL);
  else ledger.deliver(LOSS_KIND_MAP); // 0 or ENOENT
  return result;
}

/** Makes the arguments the wanted key, cut and counted (M1). False if their number or types do not fit. */
function want(ledger: Ledger, map: StpMap, key: Arguments): bool {
  if (key.count != map.key_parts) return false;
  for (let i = 0; i < map.key_parts; i++) {
    if (key.values[i].is_string != map.is_string(i)) return false;
  }
  for (let i = 0; i < map.key_parts; i++) {
    const argument = key.values[i];
    const part = map.wanted.key[i];
    part.is_string = argument.is_string;
    part.number = argument.number;
    part.text.clear();
    if (!argument.is_string) continue;
    if (argument.text.length > map.string_size - 1) ledger.cut(1);
    part.text.append(argument.text, min(argument.text.length, map.string_size - 1));
  }
  return true;
}

/** Place of the wanted key among the entries, or -1. */
function find(map: StpMap): i32 {
  for (let i = 0; i < map.size; i++) {
    if (same_key(map, map.entries[i], map.wanted)) return i;
  }
  return -1;
}

function same_key(map: StpMap, a: Entry, b: Entry): bool {
  for (let i = 0; i < map.key_parts; i++) {
    if (value_compare(a.key[i], b.key[i]) != 0) return false;
  }
  return true;
}

/** The wanted key's entry, else a new last one with value 0 (M3); null if the map is full (M4). */
function find_or_append(map: StpMap): Entry | null {
  const at = find(map);
  if (at >= 0) return map.entries[at];
  if (map.size == map.entries_max) return null;
  const entry = map.entries[map.size++];
  entry.value = 0;
  for (let i = 0; i < map.key_parts; i++) {
    const part = entry.key[i];
    const wanted = map.wanted.key[i];
    part.is_string = wanted.is_string;
    part.number = wanted.number;
    part.text.clear();
    part.text.append(wanted.text, wanted.text.length);
  }
  return entry;
}

function sort_fits(map: StpMap, sort: i32): bool {
  if (sort == SORT_KEY2_ASC || sort == SORT_KEY2_DESC) return map.key_parts >= 2;
  return sort >= SORT_INSERTION && sort <= SORT_KEY2_DESC;
}

/** Puts entry `index` among the visits 0 … index - 1: after all that it is not strictly before (M10: ties). */
function visit_in_order(map: StpMap, index: i32, sort: i32): void {
  const entry = map.entries[index];
  let at = index;
  while (at > 0 && before(entry, map.visits[at - 1], sort)) {
    map.visits[at] = map.visits[at - 1];
    at--;
  }
  map.visits[at] = entry;
}

function before(a: Entry, b: Entry, sort: i32): bool {
  if (sort == SORT_VALUE_ASC) return a.value < b.value;
  if (sort == SORT_VALUE_DESC) return a.value > b.value;
  if (sort == SORT_KEY1_ASC) return value_compare(a.key[0], b.key[0]) < 0;
  if (sort == SORT_KEY1_DESC) return value_compare(a.key[0], b.key[0]) > 0;
  if (sort == SORT_KEY2_ASC) return value_compare(a.key[1], b.key[1]) < 0;
  if (sort == SORT_KEY2_DESC) return value_compare(a.key[1], b.key[1]) > 0;
  return false; // insertion
}
