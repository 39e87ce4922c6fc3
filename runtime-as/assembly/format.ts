/**
 * The text of a format and its arguments (P1).
 *
 * Never writes where the caller keeps text: it writes to one scratch text, whole; the caller cuts and counts.
 * Sibling: runtime-c/src/format.c
 */
import { EINVAL, PRINT_ARGS_MAX, PRINT_WIDTH_MAX, STRING_SIZE_MAX } from "./protocol.gen";
import { Arguments, Bytes, Value } from "./value";

/** Longest operation of a batch, so longest format: op_header.size is a u16. */
export const OPERATION_SIZE_MAX: i32 = 65535;

/** The text that format_text made last. */
export const formatted = new Bytes(OPERATION_SIZE_MAX + PRINT_ARGS_MAX * PRINT_WIDTH_MAX);

const SPACE: u8 = 0x20;
const PERCENT: u8 = 0x25;
const MINUS: u8 = 0x2d;
const ZERO: u8 = 0x30;
const LETTER_A: u8 = 0x61;
const LETTER_D: u8 = 0x64;
const LETTER_S: u8 = 0x73;
const LETTER_X: u8 = 0x78;

/** The directive being read. */
let left: bool = false;
let zeros: bool = false;
let width: i32 = 0;

/** Digits of an int64 in the smallest base, last digit first. */
const digits = new Bytes(20);

/** Makes `formatted` from the format and arguments (P1). Returns 0, or -EINVAL: `formatted` is then nothing. */
export function format_text(format: Bytes, args: Arguments): i32 {
  formatted.clear();
  if (args.count > PRINT_ARGS_MAX) return -EINVAL;
  let used = 0;
  for (let at = 0; at < format.length; at++) {
    if (format.data[at] != PERCENT) {
      formatted.push(format.data[at]);
      continue;
    }
    const start = at + 1;
    at = read_flags_and_width(format, start);
    if (at == format.length || width > PRINT_WIDTH_MAX) return -EINVAL;
    const conversion = format.data[at];
    if (conversion == PERCENT) {
      if (at != start) return -EINVAL; // takes no flag and no width
      formatted.push(PERCENT);
      continue;
    }
    if (used == args.count || !format_value(conversion, args.values[used])) return -EINVAL;
    used++;
  }
  return used == args.count ? 0 : -EINVAL;
}

/** How many string arguments P1 cuts. */
export function format_cuts(args: Arguments): i32 {
  let cuts = 0;
  for (let i = 0; i < args.count; i++) {
    if (args.values[i].is_string && args.values[i].text.length > STRING_SIZE_MAX - 1) cuts++;
  }
  return cuts;
}

/** Sets left, zeros and width; returns where they end. A width that is too large stays so, however long. */
function read_flags_and_width(format: Bytes, start: i32): i32 {
  let at = start;
  left = false;
  zeros = false;
  width = 0;
  for (; at < format.length && (format.data[at] == MINUS || format.data[at] == ZERO); at++) {
    if (format.data[at] == MINUS) left = true;
    else zeros = true;
  }
  for (; at < format.length && is_digit(format.data[at]); at++) {
    width = min(width * 10 + <i32>(format.data[at] - ZERO), PRINT_WIDTH_MAX + 1);
  }
  return at;
}

/** Appends one argument. False if the directive is unknown or of another type. */
function format_value(conversion: u8, value: Value): bool {
  if (conversion == LETTER_S) {
    if (!value.is_string) return false;
    format_string(value.text);
    return true;
  }
  if (value.is_string) return false;
  if (conversion == LETTER_D) {
    const negative = value.number < 0;
    format_number(negative, negative ? 0 - <u64>value.number : <u64>value.number, 10);
    return true;
  }
  if (conversion == LETTER_X) {
    format_number(false, <u64>value.number, 16);
    return true;
  }
  return false;
}

function format_string(text: Bytes): void {
  const length = min(text.length, STRING_SIZE_MAX - 1);
  if (!left) pad(SPACE, width - length);
  formatted.append(text, length);
  if (left) pad(SPACE, width - length);
}

function format_number(negative: bool, magnitude: u64, base: u64): void {
  digits.clear();
  do {
    digits.push(digit(<u8>(magnitude % base)));
    magnitude /= base;
  } while (magnitude != 0);
  const padding = width - digits.length - (negative ? 1 : 0);
  if (!left && !zeros) pad(SPACE, padding);
  if (negative) formatted.push(MINUS);
  if (!left && zeros) pad(ZERO, padding);
  for (let i = digits.length - 1; i >= 0; i--) formatted.push(digits.data[i]);
  if (left) pad(SPACE, padding);
}

function pad(byte: u8, count: i32): void {
  for (let i = 0; i < count; i++) formatted.push(byte);
}

function is_digit(byte: u8): bool {
  return byte >= ZERO && byte <= ZERO + 9;
}

function digit(value: u8): u8 {
  return value < 10 ? ZERO + value : LETTER_A + (value - 10);
}
