/**
 * Digits of numbers in any base.
 *
 * Never pads or signs but as its name says: widths are the caller's.
 * Sibling: runtime-c/src/format.c
 */
import { Bytes } from "./value";

/** Digits of a word in the smallest base that formats have, 8. */
const DIGITS_MAX: i32 = 22;
const digits = new StaticArray<u8>(DIGITS_MAX);

/** How many digits a number has. */
export function digits_count(number: u64, base: u64): i32 {
  let count = 1;
  for (let rest = number / base; rest != 0; rest /= base) count++;
  return count;
}

/** Appends the digits of a number; `ten` is the letter for the digit ten. */
export function digits_append(out: Bytes, number: u64, base: u64, ten: u8): void {
  let count = 0;
  let rest = number;
  do {
    const digit = <u8>(rest % base);
    digits[count++] = digit < 10 ? 0x30 + digit : ten + (digit - 10);
    rest /= base;
  } while (rest != 0);
  while (count > 0) out.push(digits[--count]);
}

/** Appends an unsigned number in decimal. */
export function unsigned_append(out: Bytes, number: u64): void {
  digits_append(out, number, 10, 0);
}

/** Appends a signed number in decimal. */
export function signed_append(out: Bytes, number: i64): void {
  if (number < 0) out.push(0x2d);
  digits_append(out, number < 0 ? 0 - <u64>number : <u64>number, 10, 0);
}
