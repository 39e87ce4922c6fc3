/**
 * Printing: a buffer for each level of each CPU, sent as one record (P2–P6).
 *
 * Never splits a text over two records; what does not fit into a whole buffer is cut and counted.
 * Sibling: runtime-c/src/print.c
 */
import {
  EBUDGET,
  EBUSY,
  EFAULT,
  EFULL,
  EINVAL,
  ENOENT,
  ESTATE,
  HIST_KIND_NONE,
  KEY_PARTS_MAX,
  LOSS_BUDGET,
  LOSS_FAULT,
  LOSS_FULL,
  LOSS_KIND_RECORD,
  LOSS_OVERWRITTEN,
  RECORD_PRINT,
  STRING_SIZE_MAX,
  VALUE_STATS,
  VALUE_STRING,
} from "./protocol.gen";
import { signed_append, unsigned_append } from "./digits";
import { Entry, StpMap } from "./entry";
import { ESCAPED_BYTES_MAX, escaped_append } from "./escape";
import { format_cuts, format_text, formatted } from "./format";
import { histogram_begin, histogram_foot, histogram_gap, histogram_head, histogram_row, histogram_row_is_left_out, rows } from "./histogram";
import { refused, want } from "./map";
import { Cpu, Level, take_action } from "./probe";
import { ring_make_room, ring_write } from "./ring";
import { Stats, stats_avg } from "./stats";
import { Arguments, Bytes, bytes_of } from "./value";
import { Walk, walk_begin, walk_visit } from "./walk";

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const EQUALS: u8 = 0x3d;
const BRACKET_OPEN: u8 = 0x5b;
const BRACKET_CLOSE: u8 = 0x5d;
const NEWLINE: u8 = 0x0a;
const AT_COUNT = bytes_of(" @count=");
const AT_MIN = bytes_of(" @min=");
const AT_MAX = bytes_of(" @max=");
const AT_SUM = bytes_of(" @sum=");
const AT_AVG = bytes_of(" @avg=");

/** One line of print_map or print_hist. The longest: a name, and a key and a value of strings that are escaped. */
const line = new Bytes((2 + KEY_PARTS_MAX) * STRING_SIZE_MAX * ESCAPED_BYTES_MAX);

/** Appends to the innermost probe's print buffer (P2). Returns 0, -ESTATE, -EBUDGET, -EINVAL or -EFAULT. */
export function print_printf(cpu: Cpu, format: Bytes, args: Arguments): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) return out_of_actions(cpu);
  const result = format_text(format, args);
  if (result == -EFAULT) cpu.row.refuse(LOSS_KIND_RECORD, LOSS_FAULT);
  if (result != 0) return result;
  cpu.row.cut(format_cuts(args)); // P1
  append(cpu, level, formatted);
  return 0;
}

/** Sends the innermost probe's print buffer (P3). Returns 0, -ESTATE, -EBUDGET, or -EFULL: the buffer is empty then. */
export function print_flush(cpu: Cpu): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) return out_of_actions(cpu);
  return buffer_flush(cpu, level);
}

/** Appends a line for each entry that a walk visits (P5). Returns how many, -ESTATE, -EBUDGET, -EINVAL or -EBUSY. */
export function print_map(cpu: Cpu, map: StpMap, walk: Walk): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) return out_of_actions(cpu);
  const count = walk_begin(cpu, map, walk);
  for (let i = 0; i < count; i++) {
    const entry = walk_visit(cpu, map, walk, i);
    if (entry === null) return i;
    print_entry(cpu, level, map, entry);
  }
  return count;
}

/** Appends the line of an entry (P5). */
export function print_entry(cpu: Cpu, level: Level, map: StpMap, entry: Entry): void {
  make_line(map, entry);
  append(cpu, level, line);
}

/** Appends the histogram of an entry (P6). Returns 0, -ESTATE, -EBUDGET, -EINVAL, -EBUSY or -ENOENT. */
export function print_hist(cpu: Cpu, map: StpMap, key: Arguments): i32 {
  const level = cpu.innermost;
  if (level === null) return -ESTATE;
  if (!take_action(cpu)) return out_of_actions(cpu);
  if (map.shape.histogram.kind == HIST_KIND_NONE || !want(cpu, map, key, 0)) return -EINVAL;
  if (map.is_busy()) return refused(cpu, -EBUSY);
  if (!map.read(map.wanted)) return -ENOENT;
  append_histogram(cpu, level, map);
  return 0;
}

/** Offers the print buffer as a record, and empties it in any case (P3). Returns 0 or -EFULL. */
export function buffer_flush(cpu: Cpu, level: Level): i32 {
  if (level.print.length == 0) return 0; // nothing is offered
  const taken = record_offer(cpu, level, RECORD_PRINT, level.print);
  level.print.clear();
  return taken ? 0 : -EFULL;
}

/** Offers a record to the CPU's ring and counts it, and what it takes the place of (X4, T6). False if the ring is full. */
export function record_offer(cpu: Cpu, level: Level, type: i32, payload: Bytes): bool {
  for (let dropped = ring_make_room(cpu.ring, payload); dropped >= 0; dropped = ring_make_room(cpu.ring, payload)) cpu.ledgers[dropped].take_back(LOSS_KIND_RECORD, LOSS_OVERWRITTEN);
  const taken = ring_write(cpu.ring, type, level.index, level.probe, payload);
  cpu.row.attempt(LOSS_KIND_RECORD);
  if (taken) cpu.row.deliver(LOSS_KIND_RECORD);
  else cpu.row.lose(LOSS_KIND_RECORD, LOSS_FULL);
  return taken;
}

/** The call's own EBUDGET (X4). */
function out_of_actions(cpu: Cpu): i32 {
  cpu.row.refuse(LOSS_KIND_RECORD, LOSS_BUDGET);
  return -EBUDGET;
}

/** Where the texts of a call that is made in steps wait (steps.ts); null: they are appended at once. */
let waiting: Bytes | null = null;

/** From here on texts wait there, each behind its length in two bytes; null: no longer. */
export function texts_wait(queue: Bytes | null): void {
  waiting = queue;
}

/** Appends one text (P2). */
export function append(cpu: Cpu, level: Level, text: Bytes): void {
  const queue = waiting;
  if (queue !== null) {
    queue.push(<u8>text.length);
    queue.push(<u8>(text.length >> 8));
    queue.append(text, text.length);
    return;
  }
  const buffer = level.print;
  if (text.length > buffer.capacity - buffer.length) buffer_flush(cpu, level);
  if (text.length > buffer.capacity) cpu.row.cut(1);
  buffer.append(text, min(text.length, buffer.capacity));
}

/** Makes `line` that of an entry (P5). */
function make_line(map: StpMap, entry: Entry): void {
  line.clear();
  line.append(map.name, map.name.length);
  for (let i = 0; i < map.shape.key_parts; i++) {
    line.push(i == 0 ? BRACKET_OPEN : COMMA);
    const part = entry.key[i];
    if (part.is_string) append_quoted(part.text);
    else signed_append(line, part.number);
  }
  if (map.shape.key_parts > 0) line.push(BRACKET_CLOSE);
  if (map.shape.value_type == VALUE_STATS) append_stats(entry.stats);
  else {
    line.push(EQUALS);
    if (map.shape.value_type == VALUE_STRING) append_quoted(entry.text);
    else signed_append(line, entry.number);
  }
  line.push(NEWLINE);
}

function append_quoted(text: Bytes): void {
  line.push(QUOTE);
  escaped_append(line, text, QUOTE);
  line.push(QUOTE);
}

function append_stats(stats: Stats): void {
  line.append(AT_COUNT, AT_COUNT.length);
  unsigned_append(line, stats.count);
  append_number(AT_MIN, stats.min);
  append_number(AT_MAX, stats.max);
  append_number(AT_SUM, <i64>stats.sum_low); // S2
  append_number(AT_AVG, stats_avg(stats));
}

function append_number(label: Bytes, number: i64): void {
  line.append(label, label.length);
  signed_append(line, number);
}

/** Appends the lines of the map's `found`, each as one text (S6). */
function append_histogram(cpu: Cpu, level: Level, map: StpMap): void {
  const stats = map.found.stats;
  histogram_begin(map.shape.histogram, stats);
  histogram_head(line);
  append(cpu, level, line);
  let left_out = false;
  for (let row = rows.first; row <= rows.last; row++) {
    if (histogram_row_is_left_out(stats, row)) {
      left_out = true;
      continue;
    }
    if (left_out) {
      histogram_gap(line);
      append(cpu, level, line);
      left_out = false;
    }
    histogram_row(line, map.shape.histogram, stats, row);
    append(cpu, level, line);
  }
  histogram_foot(line);
  append(cpu, level, line);
}
