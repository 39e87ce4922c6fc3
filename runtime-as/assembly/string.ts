/**
 * Strings: those of the pool, and what is asked of strings (B1–B11).
 *
 * Keeps only how many strings of a level are in use: nothing in the model reads a pool string again after
 * the call that made it. Never hands one out outside a probe.
 * Sibling: runtime-c/src/string.c
 */
import { EBUDGET, EFAULT, EFULL, EINVAL, ENOENT, ESTATE, LOSS_BUDGET, LOSS_FAULT, LOSS_FULL, LOSS_KIND_STRING, STRING_SIZE_MAX } from "./protocol.gen";
import { string_dump, Words } from "./dump";
import { ESCAPED_BYTES_MAX, unit_append } from "./escape";
import { format_cuts, format_text, formatted } from "./format";
import { Cpu, take_action } from "./probe";
import { Arguments, Bytes, bytes_compare, bytes_stand_at } from "./value";

/** Bytes of a string that are looked at, and that a result has. */
const LENGTH_MAX: i32 = STRING_SIZE_MAX - 1;
const QUOTE: u8 = 0x22;
const DOT: u8 = 0x2e;
/** Bytes behind the units of a quoted string that was cut. */
const QUOTE_CUT_END: i32 = 4;

/** The result of the call at hand, whole. The longest: every byte replaced by a whole string (B8). */
const result = new Bytes(LENGTH_MAX * LENGTH_MAX);
/** The pool string. */
const pool = new Bytes(LENGTH_MAX);
/** The arguments of the call at hand, as far as they are looked at: views. */
const first = new Bytes(0);
const second = new Bytes(0);
const third = new Bytes(0);

/** Outputs a pool string with the formatted text (B3). Returns 0, -ESTATE, -EBUDGET, -EINVAL, -EFAULT or -EFULL. */
export function str_printf(cpu: Cpu, format: Bytes, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  const made = format_text(format, args);
  if (made == -EFAULT) cpu.row.refuse(LOSS_KIND_STRING, LOSS_FAULT);
  if (made != 0) return made;
  if (!take(cpu)) return -EFULL;
  cpu.row.cut(format_cuts(args)); // P1
  put(cpu, formatted);
  pool.end_at_nul();
  outputs.end = string_dump(pool, outputs.end);
  return 0;
}

/** Outputs a pool string with the same text (B5). Returns 0, -ESTATE, -EBUDGET, -EINVAL or -EFULL. */
export function str_copy(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  if (!args.fit(1, 0b1)) return -EINVAL;
  look_at(first, args.text(0));
  result.set(first, first.length);
  return end(cpu, args, outputs);
}

/** Outputs a pool string with both texts (B5). Returns as str_copy. */
export function str_concat(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  if (!args.fit(2, 0b11)) return -EINVAL;
  look_at(first, args.text(0));
  look_at(second, args.text(1));
  result.set(first, first.length);
  result.append(second, second.length);
  return end(cpu, args, outputs);
}

/** Outputs a pool string with a part of the text (B6). Returns as str_copy. */
export function str_substr(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  if (!args.fit(3, 0b001)) return -EINVAL;
  look_at(first, args.text(0));
  const start = args.number(1);
  const length = args.number(2);
  result.clear();
  if (start >= 0 && start <= <i64>first.length && length >= 0) {
    result.append_from(first, <i32>start, <i32>min(length, <i64>first.length - start));
  }
  return end(cpu, args, outputs);
}

/** Outputs a pool string in which each `what` is replaced (B8). Returns as str_copy. */
export function str_replace(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  if (!args.fit(3, 0b111)) return -EINVAL;
  look_at(first, args.text(0));
  look_at(second, args.text(1));
  look_at(third, args.text(2));
  result.clear();
  for (let at = 0; at < first.length; ) {
    if (second.length > 0 && bytes_stand_at(first, at, second)) {
      result.append(third, third.length);
      at += second.length;
    } else {
      result.push(first.byte(at));
      at++;
    }
  }
  return end(cpu, args, outputs);
}

/** Outputs a pool string with one token (B7). Returns as str_copy, or -ENOENT. */
export function str_token(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  if (!args.fit(3, 0b011)) return -EINVAL;
  look_at(first, args.text(0));
  look_at(second, args.text(1));
  const wanted = args.number(2);
  let index: i64 = 0;
  for (let at = 0; at < first.length; ) {
    if (has_byte(second, first.byte(at))) {
      at++;
      continue;
    }
    const start = at;
    while (at < first.length && !has_byte(second, first.byte(at))) at++;
    if (index++ != wanted) continue;
    result.clear();
    result.append_from(first, start, at - start);
    return end(cpu, args, outputs);
  }
  return -ENOENT; // X4: enters nothing
}

/** Outputs a pool string with the text escaped and in quotes (B9). Returns as str_copy. */
export function str_quote(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  const refusal = begin(cpu);
  if (refusal != 0) return refusal;
  if (!args.fit(1, 0b1)) return -EINVAL;
  look_at(first, args.text(0));
  assert(result.capacity >= first.length * ESCAPED_BYTES_MAX + 2, "the whole escaped text fits");
  result.clear();
  result.push(QUOTE);
  let fitting = 1; // length up to which whole units fit if the text is cut
  for (let at = 0; at < first.length; ) {
    at += unit_append(result, first, at, QUOTE);
    if (result.length <= LENGTH_MAX - QUOTE_CUT_END) fitting = result.length;
  }
  result.push(QUOTE);
  const is_cut = result.length > LENGTH_MAX;
  if (is_cut) {
    result.length = fitting;
    result.push(QUOTE);
    result.fill(DOT, 3);
  }
  const made = end(cpu, args, outputs);
  if (made == 0 && is_cut) cpu.row.cut(1);
  return made;
}

/** Outputs -1, 0 or 1 (B10). Returns 0 or -EINVAL. */
export function str_compare(args: Arguments, outputs: Words): i32 {
  if (!args.fit(2, 0b11)) return -EINVAL;
  look_at(first, args.text(0));
  look_at(second, args.text(1));
  const order = bytes_compare(first, second);
  outputs.push(order < 0 ? -1 : u64(order > 0));
  return 0;
}

/** The offset of the first occurrence (B10), -EINVAL or -ENOENT. */
export function str_find(args: Arguments): i32 {
  if (!args.fit(2, 0b11)) return -EINVAL;
  look_at(first, args.text(0));
  look_at(second, args.text(1));
  for (let at = 0; at + second.length <= first.length; at++) {
    if (bytes_stand_at(first, at, second)) return at;
  }
  return -ENOENT;
}

/** Outputs the number that a text is (B11). Returns 0 or -EINVAL. */
export function str_number(args: Arguments, outputs: Words): i32 {
  if (!args.fit(2, 0b01)) return -EINVAL;
  look_at(first, args.text(0));
  let base = args.number(1);
  if (base != 0 && (base < 2 || base > 36)) return -EINVAL;
  let at = 0;
  while (is_space(byte_at(at))) at++;
  const negative = byte_at(at) == 0x2d;
  if (negative || byte_at(at) == 0x2b) at++;
  const prefixed = byte_at(at) == 0x30 && (byte_at(at + 1) | 0x20) == 0x78 && digit_of(byte_at(at + 2)) < 16;
  if (prefixed && (base == 0 || base == 16)) {
    at += 2;
    base = 16;
  } else if (base == 0) base = byte_at(at) == 0x30 ? 8 : 10;
  if (at == first.length) return -EINVAL; // no digit
  const limit = <u64>i64.MAX_VALUE + u64(negative);
  let magnitude: u64 = 0;
  for (; at < first.length; at++) {
    const digit = digit_of(byte_at(at));
    if (<i64>digit >= base) return -EINVAL;
    if (magnitude > (limit - digit) / <u64>base) return -EINVAL; // magnitude * base + digit > limit
    magnitude = magnitude * <u64>base + digit;
  }
  outputs.push(negative ? 0 - magnitude : magnitude);
  return 0;
}

/** A byte of `first`; 0, which is in no string, behind its end. */
function byte_at(index: i32): u8 {
  return index < first.length ? first.byte(index) : 0;
}

function is_space(byte: u8): bool {
  return byte == 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The value of a digit, 99 if the byte is none in any base. */
function digit_of(byte: u8): u64 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a ? 10 + (lower - 0x61) : 99;
}

function has_byte(text: Bytes, byte: u8): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.byte(i) == byte) return true;
  }
  return false;
}

/** Makes a view of the bytes that are looked at (B4). */
function look_at(view: Bytes, text: Bytes): void {
  view.view(text.at, min(text.length, LENGTH_MAX));
}

/** First checks of a call that takes a pool string (B1). Returns 0, -ESTATE or -EBUDGET. */
function begin(cpu: Cpu): i32 {
  if (cpu.innermost === null) return -ESTATE;
  if (take_action(cpu)) return 0;
  cpu.row.refuse(LOSS_KIND_STRING, LOSS_BUDGET);
  return -EBUDGET;
}

/** Takes a pool string. False if there is none (B2). */
function take(cpu: Cpu): bool {
  const level = cpu.innermost!;
  if (level.strings == cpu.strings_max) {
    cpu.row.refuse(LOSS_KIND_STRING, LOSS_FULL);
    return false;
  }
  level.strings++;
  cpu.row.attempt(LOSS_KIND_STRING);
  cpu.row.deliver(LOSS_KIND_STRING);
  return true;
}

/** Makes the pool string that was taken a text, cut and counted (B3, B4). */
function put(cpu: Cpu, text: Bytes): void {
  if (text.length > LENGTH_MAX) cpu.row.cut(1);
  pool.set(text, min(text.length, LENGTH_MAX));
}

/** Takes a pool string and outputs it with `result` in it. Returns 0 or -EFULL, which counts no cut (B2). */
function end(cpu: Cpu, args: Arguments, outputs: Words): i32 {
  if (!take(cpu)) return -EFULL;
  for (let i = 0; i < args.count; i++) {
    if (args.value(i).is_string && args.text(i).length > LENGTH_MAX) cpu.row.cut(1); // B4
  }
  put(cpu, result);
  outputs.end = string_dump(pool, outputs.end);
  return 0;
}
