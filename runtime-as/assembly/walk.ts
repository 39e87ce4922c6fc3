/**
 * Walks: what to visit and in which order (M10, M13), and each visit.
 *
 * A walk first fixes its entries and their order, then makes one visit after the other. Nothing can interrupt a walk
 * here, so it never finds an entry removed or the map held, and MAP_WALKS_MAX is never reached.
 * Sibling: runtime-c/src/walk.c
 */
import {
  EBUDGET,
  EBUSY,
  EINVAL,
  SORT_FIELD_AVG,
  SORT_FIELD_COUNT,
  SORT_FIELD_INSERTION,
  SORT_FIELD_KEY1,
  SORT_FIELD_KEY9,
  SORT_FIELD_MAX,
  SORT_FIELD_MIN,
  SORT_FIELD_SUM,
  SORT_FIELD_VALUE,
  SORT_FIELD_VARIANCE,
  VALUE_STATS,
  VALUE_STRING,
} from "./protocol.gen";
import { entry_dump, Words } from "./dump";
import { Entry, StpMap } from "./entry";
import { refused } from "./map";
import { Cpu, take_action } from "./probe";
import { stats_avg, stats_variance } from "./stats";
import { bytes_compare } from "./value";

/** The walk of an operation's value (O1): limit · 128 + 64 (if removing) + order. */
export class Walk {
  order: i32 = 0;
  removes: bool = false;
  limit: i64 = 0;

  set(value: i64): void {
    this.order = <i32>(value & 63);
    this.removes = (value & 64) != 0;
    this.limit = value >> 7; // negative if the value is
  }
}

/** Outputs each entry that a walk visits (M10, O5). Returns how many, -EBUDGET, -EINVAL or -EBUSY. */
export function map_walk(cpu: Cpu, map: StpMap, walk: Walk, outputs: Words): i32 {
  if (!take_action(cpu)) return refused(cpu, -EBUDGET);
  const count = walk_begin(cpu, map, walk);
  for (let i = 0; i < count; i++) {
    const entry = walk_visit(cpu, map, walk, i);
    if (entry === null) return i;
    outputs.end = entry_dump(map, entry, outputs.end);
  }
  return count;
}

/** Fixes what to visit. Returns how many entries that are, -EINVAL or -EBUSY. */
export function walk_begin(cpu: Cpu, map: StpMap, walk: Walk): i32 {
  if (walk.limit < 0 || !order_fits(map, walk.order)) return -EINVAL;
  if (map.is_busy()) return refused(cpu, -EBUSY);
  walk_collect(map);
  sort(map, walk.order >> 1, (walk.order & 1) != 0);
  return walk.limit == 0 || walk.limit > <i64>map.visits_count ? map.visits_count : <i32>walk.limit;
}

/** Makes a visit; the entry is valid until the map is changed. Null if the visit is refused: the walk has ended (X6). */
export function walk_visit(cpu: Cpu, map: StpMap, walk: Walk, index: i32): Entry | null {
  if (!take_action(cpu)) {
    refused(cpu, -EBUDGET); // X4
    return null;
  }
  const entry = map.visits[index];
  if (walk.removes) map.remove(entry.key); // its memory is free now, and still as it was
  return entry;
}

function order_fits(map: StpMap, order: i32): bool {
  const field = order >> 1;
  if (field > SORT_FIELD_VARIANCE) return false;
  if (field >= SORT_FIELD_COUNT) return map.shape.value_type == VALUE_STATS;
  if (field >= SORT_FIELD_KEY1) return field - SORT_FIELD_KEY1 < map.shape.key_parts;
  return field == SORT_FIELD_INSERTION || map.shape.value_type != VALUE_STATS;
}

/** What there is to visit, in insertion order (M13). */
export function walk_collect(map: StpMap): void {
  if (map.shape.per_cpu) collect_merged(map);
  else collect(map);
}

/** All entries of the only part. */
function collect(map: StpMap): void {
  const part = map.part(0);
  map.visits_count = part.size;
  for (let i = 0; i < part.size; i++) map.visits[i] = part.entry(i);
}

/** Each key once, where the first part has it that has it at all, with its value over all parts (M13). */
function collect_merged(map: StpMap): void {
  map.visits_count = 0;
  for (let p = 0; p < map.parts.length; p++) {
    const part = map.part(p);
    for (let i = 0; i < part.size; i++) {
      const key = part.entry(i).key;
      if (is_in_parts_before(map, p, part.entry(i))) continue;
      const entry = map.merged[map.visits_count];
      entry.set_key(key);
      entry.clear();
      entry.merge(part.entry(i), map.shape.value_type);
      for (let later = p + 1; later < map.parts.length; later++) {
        const at = map.part(later).find(key);
        if (at >= 0) entry.merge(map.part(later).entry(at), map.shape.value_type);
      }
      map.visits[map.visits_count++] = entry;
    }
  }
}

function is_in_parts_before(map: StpMap, part: i32, entry: Entry): bool {
  for (let p = 0; p < part; p++) {
    if (map.part(p).find(entry.key) >= 0) return true;
  }
  return false;
}

/** Sorts the visits by inserting one after the other behind all that it is not strictly before: ties keep their order. */
function sort(map: StpMap, field: i32, descending: bool): void {
  const visits = map.visits;
  const count = map.visits_count;
  if (field == SORT_FIELD_INSERTION) {
    if (descending) reverse(visits, count);
    return;
  }
  const key = field >= SORT_FIELD_KEY1 && field <= SORT_FIELD_KEY9 ? field - SORT_FIELD_KEY1 : -1;
  const by_text = key >= 0 ? map.shape.is_string(key) : field == SORT_FIELD_VALUE && map.shape.value_type == VALUE_STRING;
  if (!by_text) {
    for (let i = 0; i < count; i++) set_order(visits[i], field, key);
  }
  for (let i = 1; i < count; i++) {
    const entry = visits[i];
    let at = i;
    for (; at > 0; at--) {
      const order = by_text ? text_compare(entry, visits[at - 1], key) : order_compare(entry, visits[at - 1]);
      if (descending ? order <= 0 : order >= 0) break;
      visits[at] = visits[at - 1];
    }
    visits[at] = entry;
  }
}

function reverse(visits: StaticArray<Entry>, count: i32): void {
  for (let i = 0; i < count / 2; i++) {
    const entry = visits[i];
    visits[i] = visits[count - 1 - i];
    visits[count - 1 - i] = entry;
  }
}

/** Sets the number of 128 bits by which an entry is sorted (M10). */
function set_order(entry: Entry, field: i32, key: i32): void {
  if (field == SORT_FIELD_COUNT) {
    entry.order_low = entry.stats.count;
    entry.order_high = 0; // unsigned
    return;
  }
  if (field == SORT_FIELD_SUM) {
    entry.order_low = entry.stats.sum_low;
    entry.order_high = <i64>entry.stats.sum_high;
    return;
  }
  const number = number_of(entry, field, key);
  entry.order_low = <u64>number;
  entry.order_high = number >> 63;
}

function number_of(entry: Entry, field: i32, key: i32): i64 {
  if (key >= 0) return entry.key[key].number;
  switch (field) {
    case SORT_FIELD_VALUE:
      return entry.number;
    case SORT_FIELD_MIN:
      return entry.stats.min;
    case SORT_FIELD_MAX:
      return entry.stats.max;
    case SORT_FIELD_AVG:
      return stats_avg(entry.stats);
    default:
      return stats_variance(entry.stats);
  }
}

function order_compare(a: Entry, b: Entry): i32 {
  if (a.order_high != b.order_high) return a.order_high < b.order_high ? -1 : 1;
  return a.order_low < b.order_low ? -1 : i32(a.order_low > b.order_low);
}

/** By a string of the key, or by the value. */
function text_compare(a: Entry, b: Entry, key: i32): i32 {
  return key < 0 ? bytes_compare(a.text, b.text) : bytes_compare(a.key[key].text, b.key[key].text);
}
