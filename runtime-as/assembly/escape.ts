/**
 * Escaped strings, unit by unit (B9).
 *
 * Never judges lengths: who writes a bounded text drops what does not fit.
 * Sibling: runtime-c/src/text.c
 */
import { Bytes } from "./value";

/** No byte becomes a longer unit than a backslash and three octal digits. */
export const ESCAPED_BYTES_MAX: i32 = 4;
/** Smallest code point beyond ASCII that stands for itself: those below are controls. */
const CODE_POINT_MIN: i32 = 0xa0;

const BACKSLASH: u8 = 0x5c;

/** Appends the unit that begins at an offset; `quote` is the mark that gets a backslash. Returns how many bytes it took. */
export function unit_append(out: Bytes, text: Bytes, offset: i32, quote: u8): i32 {
  const byte = text.byte(offset);
  if (byte >= 0x20 && byte <= 0x7e) {
    if (byte == quote || byte == BACKSLASH) out.push(BACKSLASH);
    out.push(byte);
    return 1;
  }
  const letter = letter_of(byte);
  if (letter != 0) {
    out.push(BACKSLASH);
    out.push(letter);
    return 1;
  }
  const sequence = sequence_length(text, offset);
  if (sequence > 0) {
    out.append_from(text, offset, sequence);
    return sequence;
  }
  out.push(BACKSLASH);
  out.push(0x30 + (byte >> 6));
  out.push(0x30 + ((byte >> 3) & 7));
  out.push(0x30 + (byte & 7));
  return 1;
}

/** Appends all units of a text. */
export function escaped_append(out: Bytes, text: Bytes, quote: u8): void {
  for (let at = 0; at < text.length; ) at += unit_append(out, text, at, quote);
}

/** a, b, f, n, r, t, v for the bytes that have such an escape, else 0. */
function letter_of(byte: u8): u8 {
  switch (byte) {
    case 0x07:
      return 0x61;
    case 0x08:
      return 0x62;
    case 0x09:
      return 0x74;
    case 0x0a:
      return 0x6e;
    case 0x0b:
      return 0x76;
    case 0x0c:
      return 0x66;
    case 0x0d:
      return 0x72;
    default:
      return 0;
  }
}

/** Bytes of the well-formed UTF-8 sequence at an offset, of a code point from U+00A0 on; 0 if there is none. */
function sequence_length(text: Bytes, offset: i32): i32 {
  const lead = <i32>text.byte(offset);
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc0 || lead >= 0xf8 || offset + length > text.length) return 0;
  let code = lead & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const byte = <i32>text.byte(offset + i);
    if ((byte & 0xc0) != 0x80) return 0;
    code = (code << 6) | (byte & 0x3f);
  }
  const least = length == 2 ? CODE_POINT_MIN : length == 3 ? 0x800 : 0x10000; // below: overlong, or a control
  const surrogate = code >= 0xd800 && code <= 0xdfff;
  return code >= least && code <= 0x10ffff && !surrogate ? length : 0;
}
