/**
 * Calls in steps: of what serves as several calls (M10), prints several texts (P2) or offers several records (X2), each part
 * by itself. For who looks for a serial order of calls that were made at once (properties/concurrent/serial.ts).
 *
 * Never adds a rule: each step is what the whole call does there. No step begins a call but BEGIN.
 * Siblings: none; in the C others come between the steps by themselves.
 */
import {
  AT_OP_HEADER_CODE,
  AT_OP_HEADER_CPU,
  AT_OP_HEADER_TARGET,
  AT_OP_HEADER_VALUE,
  BATCH_HEADER_SIZE,
  CONTEXTS,
  EBUDGET,
  EBUSY,
  ESTATE,
  OP_MAP_WALK,
  OP_PRINT_HIST,
  OP_PRINT_MAP,
  REPLAY_CPUS,
} from "./protocol.gen";
import { entry_dump } from "./dump";
import { StpMap } from "./entry";
import { refused } from "./map";
import { append, buffer_flush, print_entry, print_hist, texts_wait } from "./print";
import { Cpu, exit_end, exit_report, Level, take_action } from "./probe";
import { args, cpus, maps, outputs, read_operation, walk } from "./replay";
import { Bytes } from "./value";
import { walk_begin, walk_collect, walk_visit } from "./walk";

/** Up to the first visit or text; of probe_exit, the flush. */
const BEGIN: i32 = 0;
/** One visit: of the entry with that index in the order of PEEK. */
const VISIT: i32 = 1;
/** Appends the next text of the call. */
const TEXT: i32 = 2;
/** Of probe_exit: the record of its error. */
const REPORT: i32 = 3;
/** Of probe_exit: what follows. */
const END: i32 = 4;
/** A look for something to visit that finds nothing: it takes an action, too. */
const LOOK: i32 = 5;
/** No step: outputs the map's entries in insertion order, whoever holds it. */
const PEEK: i32 = 6;
/** No step: how many entries the part with that index has. */
const SIZE: i32 = 7;

/** Bytes of the texts of one call: a histogram of all buckets. */
const TEXTS_SIZE_MAX: i32 = 32768;

/** Texts of the call of each level of each CPU that are not yet appended, and how many bytes of them are. */
const texts = new StaticArray<Bytes>(REPLAY_CPUS * CONTEXTS);
const taken = new StaticArray<i32>(REPLAY_CPUS * CONTEXTS);
for (let i = 0; i < texts.length; i++) texts[i] = new Bytes(TEXTS_SIZE_MAX);
const text = new Bytes(0);

/** Makes a step of the operation that is all of a batch. Returns what the step gives, or what the call does where it fails. */
export function replay_step(batch: usize, batch_size: i32, step: i32, index: i32): i32 {
  const operation = batch + BATCH_HEADER_SIZE;
  assert(read_operation(operation, batch + batch_size) > 0, "a step of no operation");
  const code = <i32>load<u16>(operation + AT_OP_HEADER_CODE);
  const cpu = cpus[load<u8>(operation + AT_OP_HEADER_CPU)];
  const map = maps[load<u8>(operation + AT_OP_HEADER_TARGET)];
  walk.set(load<i64>(operation + AT_OP_HEADER_VALUE));
  outputs.end = outputs.begin;
  if (step == PEEK) return output_visits(map, peeked(map));
  if (step == SIZE) return map.part(index).size;
  if (code == OP_MAP_WALK) return walk_step(cpu, map, step, index, null);
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (step == TEXT) return next_text(cpu, level);
  if (code == OP_PRINT_MAP) return walk_step(cpu, map, step, index, level);
  if (code == OP_PRINT_HIST) return hist_step(cpu, map, level);
  return exit_step(cpu, level, step);
}

function peeked(map: StpMap): i32 {
  walk_collect(map);
  return map.visits_count;
}

function output_visits(map: StpMap, count: i32): i32 {
  for (let i = 0; i < count; i++) outputs.end = entry_dump(map, map.visits[i], outputs.end);
  return count;
}

/** Of map_walk, or, with a level, of print_map. */
function walk_step(cpu: Cpu, map: StpMap, step: i32, index: i32, level: Level | null): i32 {
  if (step == BEGIN) {
    if (!take_action(cpu)) return refused(cpu, -EBUDGET);
    return output_visits(map, walk_begin(cpu, map, walk));
  }
  if (step == LOOK) return take_action(cpu) ? 0 : refused(cpu, -EBUDGET);
  if (map.is_busy()) return -EBUSY;
  walk_collect(map);
  const entry = walk_visit(cpu, map, walk, index);
  if (entry === null) return -EBUDGET;
  outputs.end = entry_dump(map, entry, outputs.end);
  if (level !== null) {
    texts_wait(queue_of(cpu, level));
    print_entry(cpu, level, map, entry);
    texts_wait(null);
  }
  return 0;
}

function hist_step(cpu: Cpu, map: StpMap, level: Level): i32 {
  texts_wait(queue_of(cpu, level));
  const result = print_hist(cpu, map, args);
  texts_wait(null);
  return result;
}

function exit_step(cpu: Cpu, level: Level, step: i32): i32 {
  if (step == BEGIN) buffer_flush(cpu, level);
  else if (step == REPORT) exit_report(cpu, level);
  else if (step == END) exit_end(cpu, level);
  return 0;
}

function slot_of(cpu: Cpu, level: Level): i32 {
  return cpu.index * CONTEXTS + level.index;
}

/** An empty queue for the texts of a call. */
function queue_of(cpu: Cpu, level: Level): Bytes {
  const slot = slot_of(cpu, level);
  texts[slot].clear();
  taken[slot] = 0;
  return texts[slot];
}

/** Appends the next text. Returns how many bytes of texts are left. */
function next_text(cpu: Cpu, level: Level): i32 {
  const slot = slot_of(cpu, level);
  const queue = texts[slot];
  const at = taken[slot];
  if (at >= queue.length) return -ESTATE; // another call's texts: the step comes at no time at which it can
  const length = <i32>queue.byte(at) | (<i32>queue.byte(at + 1) << 8);
  text.view(queue.at + at + 2, length);
  taken[slot] = at + 2 + length;
  append(cpu, level, text);
  return queue.length - taken[slot];
}
