/**
 * Calls on maps (M1–M9, M11–M16); walks are in walk.ts.
 *
 * Each call checks in the order of M2, then does its work on arrays that are searched from the front.
 * Never allocates, never keeps anything of its arguments but a copy.
 * Sibling: runtime-c/src/map.c
 */
import {
  EBUDGET,
  EBUSY,
  EFULL,
  EINVAL,
  ENOENT,
  ESTATE,
  LOSS_BUDGET,
  LOSS_BUSY,
  LOSS_FULL,
  LOSS_KIND_MAP,
  VALUE_INT64,
  VALUE_STATS,
  VALUE_STRING,
} from "./protocol.gen";
import { value_dump, Words } from "./dump";
import { Entry, NOBODY, same_key, StpMap } from "./entry";
import { Cpu, take_action } from "./probe";
import { Arguments, Bytes } from "./value";

/** Empties the map and gives it back to nobody. */
export function map_init(map: StpMap): void {
  for (let i = 0; i < map.parts.length; i++) {
    map.part(i).clear();
    map.part(i).holder = NOBODY;
  }
}

/** Adds to the value under a key, which is made if absent (M3–M5). Returns 0, -EBUDGET, -EINVAL, -EBUSY or -EFULL. */
export function map_add(cpu: Cpu, map: StpMap, key: Arguments, delta: i64): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_INT64 || !want(cpu, map, key, 0)) return -EINVAL;
  const part = map.part_of(cpu.index); // M13
  if (part.holder != NOBODY) return entered(cpu, -EBUSY);
  const entry = part.find_or_append(map.shape, map.wanted, cpu.row); // M3
  if (entry === null) return entered(cpu, -EFULL); // M4
  entry.number += delta; // M5: wraps
  return entered(cpu, 0);
}

/** Stores a value under a key, which is made if absent (M4, M7). Returns 0, -EBUDGET, -EINVAL, -EBUSY or -EFULL. */
export function map_set(cpu: Cpu, map: StpMap, key: Arguments, value: i64): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_INT64 || map.shape.per_cpu /* M13 */ || !want(cpu, map, key, 0)) return -EINVAL;
  return entered(cpu, set_number(cpu, map, value));
}

/** Stores a string under a key, which is made if absent (M4, M7). Returns as map_set. */
export function map_set_string(cpu: Cpu, map: StpMap, key: Arguments, text: Bytes): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_STRING || !want(cpu, map, key, 0)) return -EINVAL;
  return entered(cpu, set_string(cpu, map, text));
}

/** Appends to the string under a key, which is made if absent (M15). Returns as map_set. */
export function map_append(cpu: Cpu, map: StpMap, key: Arguments, text: Bytes): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_STRING || !want(cpu, map, key, 0)) return -EINVAL;
  if (map.is_busy()) return entered(cpu, -EBUSY);
  const entry = map.part(0).find_or_append(map.shape, map.wanted, cpu.row);
  if (entry === null) return entered(cpu, -EFULL);
  append_cut(cpu, map, entry, text);
  return entered(cpu, 0);
}

/** Enters a sample in the statistics under a key, which are made if absent (S1, M13). Returns as map_set. */
export function map_stat_add(cpu: Cpu, map: StpMap, key: Arguments, sample: i64): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_STATS || !want(cpu, map, key, 0)) return -EINVAL;
  const part = map.part_of(cpu.index);
  if (part.holder != NOBODY) return entered(cpu, -EBUSY);
  const entry = part.find_or_append(map.shape, map.wanted, cpu.row);
  if (entry === null) return entered(cpu, -EFULL);
  entry.stats.add(sample, map.shape.histogram.bucket_of(sample));
  return entered(cpu, 0);
}

/** Stores a value under the next position of a list (M16). Returns as map_set. */
export function map_push(cpu: Cpu, map: StpMap, value: i64): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_INT64 || map.shape.per_cpu /* M13 */ || !is_list(map)) return -EINVAL;
  map.wanted[0].number = map.part(0).position;
  return entered(cpu, pushed(map, set_number(cpu, map, value)));
}

/** Stores a string under the next position of a list (M16). Returns as map_set. */
export function map_push_string(cpu: Cpu, map: StpMap, text: Bytes): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.shape.value_type != VALUE_STRING || !is_list(map)) return -EINVAL;
  map.wanted[0].number = map.part(0).position;
  return entered(cpu, pushed(map, set_string(cpu, map, text)));
}

/** Outputs the value under a key, merged over all parts; 0, "" or empty if absent (M8, M13). Returns 0, -EBUDGET, -EINVAL or -EBUSY. */
export function map_get(cpu: Cpu, map: StpMap, key: Arguments, outputs: Words): i32 {
  if (!take_action(cpu)) return refused(cpu, -EBUDGET);
  if (!want(cpu, map, key, 0)) return -EINVAL;
  if (map.is_busy()) return refused(cpu, -EBUSY);
  map.read(map.wanted);
  outputs.end = value_dump(map, map.found, outputs.end);
  return 0;
}

/** Whether any entry matches a key with wildcards (M8, M14). Returns 1, 0, -EBUDGET, -EINVAL or -EBUSY. */
export function map_contains(cpu: Cpu, map: StpMap, key: Arguments, wildcards: u64): i32 {
  if (!take_action(cpu)) return refused(cpu, -EBUDGET);
  if (!mask_fits(map, wildcards) || !want(cpu, map, key, wildcards)) return -EINVAL;
  if (map.is_busy()) return refused(cpu, -EBUSY);
  for (let p = 0; p < map.parts.length; p++) {
    const part = map.part(p);
    for (let i = 0; i < part.size; i++) {
      if (same_key(part.entry(i).key, map.wanted, wildcards)) return 1;
    }
  }
  return 0;
}

/** Removes a key from all parts; later entries keep their order (M9). Returns 0, -EBUDGET, -EINVAL, -EBUSY or -ENOENT. */
export function map_del(cpu: Cpu, map: StpMap, key: Arguments): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (!want(cpu, map, key, 0)) return -EINVAL;
  if (map.is_busy()) return entered(cpu, -EBUSY);
  return entered(cpu, map.remove(map.wanted) ? 0 : -ENOENT);
}

/** Removes all entries of all parts that match a key with wildcards (M14). Returns how many, -EBUDGET, -EINVAL or -EBUSY. */
export function map_del_slice(cpu: Cpu, map: StpMap, key: Arguments, wildcards: u64): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (!mask_fits(map, wildcards) || !want(cpu, map, key, wildcards)) return -EINVAL;
  if (map.is_busy()) return entered(cpu, -EBUSY);
  let removed = 0;
  for (let p = 0; p < map.parts.length; p++) {
    const part = map.part(p);
    for (let i = 0; i < part.size; ) {
      if (same_key(part.entry(i).key, map.wanted, wildcards)) {
        part.remove(i);
        removed++;
      } else i++;
    }
  }
  return entered(cpu, removed);
}

/** Removes all entries; a list begins anew (M11, M16). Returns 0, -EBUDGET or -EBUSY. */
export function map_clear(cpu: Cpu, map: StpMap): i32 {
  if (!take_action(cpu)) return entered(cpu, -EBUDGET);
  if (map.is_busy()) return entered(cpu, -EBUSY);
  for (let i = 0; i < map.parts.length; i++) map.part(i).clear();
  return entered(cpu, 0);
}

/** The number of entries of all parts, of a held map too (M6, M11, M13). Never fails, takes no action. */
export function map_size(map: StpMap): i32 {
  let size = 0;
  for (let i = 0; i < map.parts.length; i++) size += map.part(i).size;
  return size;
}

/** Takes the part of its CPU as an interrupted call holds it (M6, M13). Returns 0 or -EBUSY; no ledger entry. */
export function map_hold(cpu: Cpu, map: StpMap): i32 {
  const part = map.part_of(cpu.index);
  if (part.holder != NOBODY) return -EBUSY;
  part.holder = cpu.index;
  return 0;
}

/** Gives back what map_hold took (M6). Returns 0, or -ESTATE if this CPU does not hold it. */
export function map_release(cpu: Cpu, map: StpMap): i32 {
  const part = map.part_of(cpu.index);
  if (part.holder != cpu.index) return -ESTATE;
  part.holder = NOBODY;
  return 0;
}

/** Enters a call that only reads, or a visit: only here, where it is refused (X4). */
export function refused(cpu: Cpu, result: i32): i32 {
  cpu.row.refuse(LOSS_KIND_MAP, result == -EBUDGET ? LOSS_BUDGET : LOSS_BUSY);
  return result;
}

/**
 * Makes the arguments the wanted key, cut and counted (M1), wildcard parts as they are (M14). False if their number
 * or types do not fit.
 */
export function want(cpu: Cpu, map: StpMap, key: Arguments, wildcards: u64): bool {
  if (!key.fit(map.shape.key_parts, map.shape.key_strings)) return false;
  const length_max = map.shape.string_length_max();
  for (let i = 0; i < map.shape.key_parts; i++) {
    const argument = key.value(i);
    const part = unchecked(map.wanted[i]);
    if (!part.is_string) {
      part.number = argument.number;
      continue;
    }
    part.text.view(argument.text.at, min(argument.text.length, length_max));
    if (argument.text.length > length_max && ((wildcards >> i) & 1) == 0) cpu.row.cut(1);
  }
  return true;
}

/** Enters a call that changes, by its result (X4). */
function entered(cpu: Cpu, result: i32): i32 {
  const row = cpu.row;
  row.attempt(LOSS_KIND_MAP);
  if (result == -EBUSY) row.lose(LOSS_KIND_MAP, LOSS_BUSY);
  else if (result == -EFULL) row.lose(LOSS_KIND_MAP, LOSS_FULL);
  else if (result == -EBUDGET) row.lose(LOSS_KIND_MAP, LOSS_BUDGET);
  else row.deliver(LOSS_KIND_MAP); // 0 or more, or ENOENT
  return result;
}

/** Stores under the wanted key of a map that is not per-CPU. Returns 0, -EBUSY or -EFULL. */
function set_number(cpu: Cpu, map: StpMap, value: i64): i32 {
  if (map.is_busy()) return -EBUSY;
  const entry = map.part(0).find_or_append(map.shape, map.wanted, cpu.row);
  if (entry === null) return -EFULL; // M4
  entry.number = value; // M7: 0 too
  return 0;
}

/** As set_number, for a string. */
function set_string(cpu: Cpu, map: StpMap, text: Bytes): i32 {
  if (map.is_busy()) return -EBUSY;
  const entry = map.part(0).find_or_append(map.shape, map.wanted, cpu.row);
  if (entry === null) return -EFULL; // M4
  entry.text.clear();
  append_cut(cpu, map, entry, text);
  return 0;
}

/** Appends what there is room for; the rest is cut and counted (M7, M15). */
function append_cut(cpu: Cpu, map: StpMap, entry: Entry, text: Bytes): void {
  const room = map.shape.string_length_max() - entry.text.length;
  if (text.length > room) cpu.row.cut(1);
  entry.text.append(text, min(text.length, room));
}

/** A map that has positions: its key is one int64 (M16). */
function is_list(map: StpMap): bool {
  return map.shape.key_parts == 1 && !map.shape.is_string(0);
}

/** The position grows only if the value was stored (M16). */
function pushed(map: StpMap, result: i32): i32 {
  if (result == 0) map.part(0).position++;
  return result;
}

/** Whether each wildcard is a part of the key (M14). */
function mask_fits(map: StpMap, wildcards: u64): bool {
  return wildcards >> map.shape.key_parts == 0;
}
