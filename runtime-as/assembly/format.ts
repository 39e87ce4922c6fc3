/**
 * The text of a format and its arguments (P1).
 *
 * Never writes where the caller keeps text: it writes to one scratch text, whole; the caller cuts and counts.
 * Sibling: runtime-c/src/format.c
 */
import { EFAULT, EINVAL, PRINT_ARGS_MAX, PRINT_WIDTH_MAX, STRING_SIZE_MAX } from "./protocol.gen";
import { digits_append, digits_count } from "./digits";
import { ESCAPED_BYTES_MAX, escaped_append } from "./escape";
import { Arguments, Bytes, Value } from "./value";

/** Longest operation of a batch, so longest format: op_header.size is a u16. */
const OPERATION_SIZE_MAX: i32 = 65535;
/** Bytes of a string that are looked at. */
const LENGTH_MAX: i32 = STRING_SIZE_MAX - 1;
/** No directive makes a longer text: an escaped string; it is longer than any width, or two digits for each byte. */
const DIRECTIVE_TEXT_MAX: i32 = LENGTH_MAX * ESCAPED_BYTES_MAX;

/** The text that format_text made last. */
export const formatted = new Bytes(OPERATION_SIZE_MAX + PRINT_ARGS_MAX * DIRECTIVE_TEXT_MAX);

const NONE: i32 = -1;
const POINTER_WIDTH: i32 = 18;

const SPACE: u8 = 0x20;
const QUOTE: u8 = 0x22;
const HASH: u8 = 0x23;
const PERCENT: u8 = 0x25;
const APOSTROPHE: u8 = 0x27;
const STAR: u8 = 0x2a;
const PLUS: u8 = 0x2b;
const MINUS: u8 = 0x2d;
const DOT: u8 = 0x2e;
const ZERO: u8 = 0x30;
const UPPER_M: u8 = 0x4d;
const UPPER_X: u8 = 0x58;
const LOWER_A: u8 = 0x61;
const LOWER_B: u8 = 0x62;
const LOWER_C: u8 = 0x63;
const LOWER_D: u8 = 0x64;
const LOWER_I: u8 = 0x69;
const LOWER_M: u8 = 0x6d;
const LOWER_O: u8 = 0x6f;
const LOWER_P: u8 = 0x70;
const LOWER_S: u8 = 0x73;
const LOWER_U: u8 = 0x75;
const LOWER_X: u8 = 0x78;
const TEN_LOWER: u8 = 0x61;
const TEN_UPPER: u8 = 0x41;

/** The directive being read. Width and precision: NONE if there is none. */
class Directive {
  left: bool = false;
  plus: bool = false;
  space: bool = false;
  zeros: bool = false;
  other: bool = false;
  width: i32 = NONE;
  precision: i32 = NONE;

  clear(): void {
    this.left = false;
    this.plus = false;
    this.space = false;
    this.zeros = false;
    this.other = false;
    this.width = NONE;
    this.precision = NONE;
  }

  has_flags(): bool {
    return this.left || this.plus || this.space || this.zeros || this.other;
  }

  /** Takes a flag; false if the byte is none. */
  take_flag(byte: u8): bool {
    if (byte == MINUS) this.left = true;
    else if (byte == PLUS) this.plus = true;
    else if (byte == SPACE) this.space = true;
    else if (byte == ZERO) this.zeros = true;
    else if (byte == HASH) this.other = true;
    else return false;
    return true;
  }
}
const directive = new Directive();

/** Where the format is read, which argument comes next, and whether memory could not be read. */
let at: i32 = 0;
let used: i32 = 0;
let faults: bool = false;

/** The number that read_count read. */
let count: i32 = 0;

/** What a directive shows, before it is padded. */
const shown = new Bytes(DIRECTIVE_TEXT_MAX);
/** The bytes of a string that a directive takes: a view. */
const looked_at = new Bytes(0);
/** The byte of a `c`. */
const character = new Bytes(1);
const nothing = new Bytes(0);

/** Makes `formatted` from the format and arguments (P1). Returns 0, -EINVAL or -EFAULT: `formatted` is then nothing. */
export function format_text(format: Bytes, args: Arguments): i32 {
  formatted.clear();
  if (args.count > PRINT_ARGS_MAX) return -EINVAL;
  at = 0;
  used = 0;
  faults = false;
  while (at < format.length) {
    const begin = at;
    while (at < format.length && format.byte(at) != PERCENT) at++;
    formatted.append_from(format, begin, at - begin);
    if (at == format.length) break;
    at++;
    if (!format_directive(format, args)) return -EINVAL;
  }
  if (used != args.count) return -EINVAL;
  return faults ? -EFAULT : 0; // EINVAL comes before EFAULT
}

/** How many string arguments P1 cuts. */
export function format_cuts(args: Arguments): i32 {
  let cuts = 0;
  for (let i = 0; i < args.count; i++) {
    if (args.value(i).is_string && args.text(i).length > LENGTH_MAX) cuts++;
  }
  return cuts;
}

/** Reads a directive behind its percent sign and appends what it shows. False if P1 refuses it. */
function format_directive(format: Bytes, args: Arguments): bool {
  if (at < format.length && format.byte(at) == PERCENT) {
    formatted.push(PERCENT); // takes no flag, width or precision
    at++;
    return true;
  }
  directive.clear();
  while (at < format.length && directive.take_flag(format.byte(at))) at++;
  if (!read_width(format, args) || !read_precision(format, args)) return false;
  if (at == format.length) return false; // incomplete
  const letter = format.byte(at++);
  const value = next_argument(args);
  return value !== null && format_value(letter, value);
}

/** The next argument, null if there is none. */
function next_argument(args: Arguments): Value | null {
  return used < args.count ? args.value(used++) : null;
}

function read_width(format: Bytes, args: Arguments): bool {
  if (at < format.length && is_digit(format.byte(at))) {
    if (!read_digits(format)) return false;
    directive.width = count;
  } else if (at < format.length && format.byte(at) == STAR) {
    if (!read_star(args)) return false;
    if (count < 0) directive.left = true;
    directive.width = count < 0 ? -count : count;
  }
  return true;
}

function read_precision(format: Bytes, args: Arguments): bool {
  if (at == format.length || format.byte(at) != DOT) return true;
  at++;
  if (at < format.length && format.byte(at) == STAR) {
    if (!read_star(args)) return false;
    directive.precision = count < 0 ? NONE : count;
    return true;
  }
  if (!read_digits(format)) return false; // none: 0
  directive.precision = count;
  return true;
}

/** Sets `count` from decimal digits. False if it exceeds PRINT_WIDTH_MAX. */
function read_digits(format: Bytes): bool {
  count = 0;
  for (; at < format.length && is_digit(format.byte(at)); at++) {
    count = min(count * 10 + <i32>(format.byte(at) - ZERO), PRINT_WIDTH_MAX + 1); // stays too large, however long
  }
  return count <= PRINT_WIDTH_MAX;
}

/** Sets `count` from the next argument. False if that is no int64 or its magnitude exceeds PRINT_WIDTH_MAX. */
function read_star(args: Arguments): bool {
  at++;
  const value = next_argument(args);
  if (value === null || value.is_string) return false;
  if (value.number > <i64>PRINT_WIDTH_MAX || value.number < -<i64>PRINT_WIDTH_MAX) return false;
  count = <i32>value.number;
  return true;
}

/** Appends one argument. False if the directive is unknown, of another type, or has what it must not have. */
function format_value(letter: u8, value: Value): bool {
  if (letter == LOWER_M || letter == UPPER_M) {
    format_memory(letter, value);
    return true;
  }
  if (letter == LOWER_S) {
    if (value.is_string) format_string(value.text);
    return value.is_string;
  }
  if (value.is_string) return false;
  switch (letter) {
    case LOWER_D:
    case LOWER_I:
      format_signed(value.number);
      return true;
    case LOWER_U:
      format_number(0, 0, <u64>value.number, 10, 0);
      return true;
    case LOWER_O:
      format_number(directive.other ? ZERO : 0, 0, <u64>value.number, 8, 0);
      return true;
    case LOWER_P:
      directive.other = true;
      if (directive.width == NONE) {
        directive.width = POINTER_WIDTH;
        directive.zeros = true;
      }
      format_hexadecimal(LOWER_X, TEN_LOWER, value.number);
      return true;
    case LOWER_X:
      format_hexadecimal(LOWER_X, TEN_LOWER, value.number);
      return true;
    case UPPER_X:
      format_hexadecimal(UPPER_X, TEN_UPPER, value.number);
      return true;
    case LOWER_C:
      format_character(value.number);
      return true;
    case LOWER_B:
      return format_binary(value.number);
    default:
      return false;
  }
}

function format_signed(number: i64): void {
  const sign: u8 = number < 0 ? MINUS : directive.plus ? PLUS : directive.space ? SPACE : 0;
  format_number(sign, 0, number < 0 ? 0 - <u64>number : <u64>number, 10, 0);
}

function format_hexadecimal(mark: u8, ten: u8, number: i64): void {
  format_number(directive.other ? ZERO : 0, directive.other ? mark : 0, <u64>number, 16, ten);
}

/** Up to two bytes of sign or prefix (0: none), then digits, at least `precision` of them, padded to the width. */
function format_number(first: u8, second: u8, magnitude: u64, base: u64, ten: u8): void {
  const digits = digits_count(magnitude, base);
  const zeros = max(directive.precision - digits, 0);
  const padding = directive.width - digits - zeros - i32(first != 0) - i32(second != 0);
  if (!directive.left && !directive.zeros) formatted.fill(SPACE, padding);
  if (first != 0) formatted.push(first);
  if (second != 0) formatted.push(second);
  if (!directive.left && directive.zeros) formatted.fill(ZERO, padding);
  formatted.fill(ZERO, zeros);
  digits_append(formatted, magnitude, base, ten);
  if (directive.left) formatted.fill(SPACE, padding);
}

function format_string(text: Bytes): void {
  let length = min(text.length, LENGTH_MAX);
  if (directive.precision != NONE) length = min(length, directive.precision);
  if (!directive.other) {
    format_padded(text, length);
    return;
  }
  looked_at.view(text.at, length);
  shown.clear();
  escaped_append(shown, looked_at, QUOTE);
  format_padded(shown, shown.length);
}
function format_character(number: i64): void {
  character.clear();
  character.push(<u8>number);
  if (!directive.other) {
    format_padded(character, 1);
    return;
  }
  shown.clear();
  escaped_append(shown, character, APOSTROPHE); // alone, no byte from 0x80 on is well-formed: octal
  format_padded(shown, shown.length);
}

/** The lowest bytes, lowest first. False if the width is another than P1 allows, or with a flag or precision. */
function format_binary(number: i64): bool {
  const bytes = directive.width == NONE ? 8 : directive.width;
  if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) return false;
  if (directive.has_flags() || directive.precision != NONE) return false;
  for (let i = 0; i < bytes; i++) formatted.push(<u8>(number >> (8 * i)));
  return true;
}

/** Bytes of a string and the zeros behind it; no int64 is the address of anything. */
function format_memory(letter: u8, value: Value): void {
  const bytes = max(directive.precision, 1); // none, or 0: 1
  const text = value.is_string ? value.text : nothing;
  const length = min(text.length, LENGTH_MAX);
  if (!value.is_string) faults = true;
  shown.clear();
  for (let i = 0; i < bytes; i++) {
    const byte: u8 = i < length ? text.byte(i) : 0;
    if (letter == UPPER_M) {
      digits_append(shown, byte >> 4, 16, LOWER_A);
      digits_append(shown, byte & 15, 16, LOWER_A);
    } else shown.push(byte);
  }
  format_padded(shown, shown.length);
}

/** Appends the first `length` bytes of a text, padded with spaces to the width. */
function format_padded(text: Bytes, length: i32): void {
  const padding = directive.width - length;
  if (!directive.left) formatted.fill(SPACE, padding);
  formatted.append(text, length);
  if (directive.left) formatted.fill(SPACE, padding);
}

function is_digit(byte: u8): bool {
  return byte >= ZERO && byte <= ZERO + 9;
}
