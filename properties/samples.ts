/**
 * Numbers and strings that are near something: limits, borders of buckets, borders of encodings.
 *
 * Knows no operation; stock.ts and formats.ts draw from these.
 */
import type { Random } from "./random.ts";
import type { Writer } from "./writer.ts";

/** An int64 as low and high word. */
export type Words = readonly [low: number, high: number];

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
const filled = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => 0x61 + (i % 26));
const repeated = (piece: readonly number[], times: number): Uint8Array => Uint8Array.from(Array.from({ length: times }, () => piece).flat());

export const MINUS_ONE: Words = [-1, -1];
const INT64_MAX: Words = [-1, 0x7fffffff];
const INT64_MIN: Words = [0, -0x80000000];

/** Small ones, the extremes, and ones that differ in the high word only. */
export const NUMBERS: readonly Words[] = [[0, 0], [1, 0], [2, 0], MINUS_ONE, INT64_MAX, INT64_MIN, [0, 1], [-0x80000000, 0]];

/** Samples of statistics: sums beyond 64 bits, squares beyond 128, either side of powers of two. */
export const SAMPLES: readonly Words[] = [INT64_MIN, INT64_MAX, [0, 0x40000000], [0, -0x40000000], [-1, 0x3fffffff], [1, -0x40000000], MINUS_ONE, [-2, -1], [-7, -1], [-8, -1], [127, 0], [128, 0], [-1, 0], [0, 1]];

/**
 * Numbers that are never the address of something readable, in user space neither: any int64 beside %m and %M is one
 * of these, so that a guest kernel answers as every other world.
 */
export const NO_ADDRESSES: readonly Words[] = [[0, 0], [1, 0], [2, 0], [40, 0], [4095, 0], MINUS_ONE, [-2, -1], [-4095, -1], INT64_MAX, INT64_MIN];

/** Any int64: mostly a small one, now and then an extreme or any. */
export function writeNumber(random: Random, writer: Writer): void {
  const bits = random.next();
  if (bits & 1) return writer.word(((bits >>> 8) * 3) >>> 24, 0);
  if ((bits & 14) === 0) return writer.word(random.next(), bits & 16 ? random.next() : 0);
  const [low, high] = NUMBERS[(bits >>> 8) % NUMBERS.length] as Words;
  writer.word(low, high);
}

/** Parts of keys: equal to 7 and to 15 bytes (where maps cut) but not beyond, unsigned order, prefixes, escapes. */
export const KEYS: readonly Uint8Array[] = [
  ...["a", "b", "", "ab", "%d", "abcdefg", "abcdefgh", "abcdefgX"].map(bytesOf),
  Uint8Array.of(0x7f),
  Uint8Array.of(0x80),
  Uint8Array.of(0x61, 0xff),
  ...[15, 16, 17].map(filled),
];

/** Strings to print, quote, compare and cut up: escapes, UTF-8 whole, broken and at its borders. */
export const TEXTS: readonly Uint8Array[] = [
  ...["", "a", "b", "ab", "abc", "hello", "aXbXc", "a,,b;c,", ",a", '"', "\\", '\\"x', "\n", "a\tb", "'", "%s", "\u0007\b\f\r\v"].map(bytesOf),
  ...["\u00a0", "\u00ff", "\u07ff", "\u0800", "\uffff", "\u{10ffff}", "\u{10000}", "caf\u00e9", "\u20ac1", "\u0085", "\u009f"].map(bytesOf),
  ...[[0x80], [0xff], [0x01], [0x1f, 0x7f], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80]].map((bytes) => Uint8Array.from(bytes)),
  ...[[0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xc3], [0xc3, 0x41], [0xe2, 0x28, 0xa1], [0xe2, 0x82, 0x41], [0xf5, 0x80, 0x80, 0x80], [0x61, 0xbf, 0x62]].map((bytes) => Uint8Array.from(bytes)),
  ...[7, 8, 15, 16, 31].map(filled),
];

/** Strings around `STRING_SIZE_MAX`, also in bytes of their escaped form. */
export const LONG_TEXTS: readonly Uint8Array[] = [
  ...[48, 49, 126, 127, 128, 505, 506, 507, 508, 509, 510, 511, 512, 600].map(filled),
  repeated([0x01], 127),
  repeated([0x22], 255),
  repeated([0x0a, 0x61], 170),
  repeated([0xe2, 0x82, 0xac], 170),
  repeated([0x61, 0xf0, 0x9f, 0x98, 0x80], 102),
];

/** A string: mostly one of the texts or two of them, now and then a long one. */
export function writeText(random: Random, writer: Writer): void {
  const start = writer.openString();
  rawText(random, writer);
  writer.closeString(start);
}

/** The same, as part of a string. */
export function rawText(random: Random, writer: Writer): void {
  const bits = random.next() >>> 0;
  if (bits % 40 === 0) return writer.raw(random.pick(LONG_TEXTS));
  writer.raw(TEXTS[(bits >>> 6) % TEXTS.length] as Uint8Array);
  if (bits % 5 === 0) writer.raw(TEXTS[(bits >>> 16) % TEXTS.length] as Uint8Array);
}

/** Numbers as text: every base, signs, spaces, the limits. */
export const NUMERALS: readonly Uint8Array[] = [
  ...["0", "1", "-1", "7", "12", "+12", "  +12", "\t\n\v\f\r 5", "-0", "00", "0777", "0x1f", "0X1F", "-0xA", "101", "1010", "65"],
  ...["9223372036854775807", "-9223372036854775808", "0x7fffffffffffffff", "-0x8000000000000000"],
].map(bytesOf);

/** Numbers in one base only, beyond the limits, and what is none. */
export const NO_NUMERALS: readonly Uint8Array[] = [
  ...["7f", "zz", "Z9", "08", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "0xffffffffffffffff"],
  ...["01777777777777777777777", "777777777777777777777", "1000000000000000000000", "1".repeat(63), "1".repeat(64)],
  ...["", " ", "-", "+-1", "- 1", "12 ", "1 2", "0x", "0xg", "-0x", "0b1", "1e3", "9a", "\u00e9"],
].map(bytesOf);
