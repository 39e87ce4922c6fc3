/**
 * Unsigned integers of 256 bits, enough for the products of S3, and the product of two words.
 *
 * Never signed, never fast: bit by bit, for what is seldom read.
 * Sibling: runtime-c/src/stats.c
 */

/** A number of 256 bits, lowest word first. */
export class Wide {
  w0: u64 = 0;
  w1: u64 = 0;
  w2: u64 = 0;
  w3: u64 = 0;

  set(w0: u64, w1: u64): void {
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = 0;
    this.w3 = 0;
  }

  /** Adds a word at a place; the carry goes on to the words above. */
  add_at(place: i32, word: u64): void {
    let carry = word;
    if (place == 0) {
      this.w0 += carry;
      carry = u64(this.w0 < carry);
    }
    if (place <= 1) {
      this.w1 += carry;
      carry = u64(this.w1 < carry);
    }
    if (place <= 2) {
      this.w2 += carry;
      carry = u64(this.w2 < carry);
    }
    this.w3 += carry;
  }

  is_below(other: Wide): bool {
    if (this.w3 != other.w3) return this.w3 < other.w3;
    if (this.w2 != other.w2) return this.w2 < other.w2;
    if (this.w1 != other.w1) return this.w1 < other.w1;
    return this.w0 < other.w0;
  }

  /** Subtracts a number that is not greater: adds its complement and 1, modulo 2^256. */
  subtract(other: Wide): void {
    this.add_at(0, ~other.w0);
    this.add_at(1, ~other.w1);
    this.add_at(2, ~other.w2);
    this.add_at(3, ~other.w3);
    this.add_at(0, 1);
  }

  double(): void {
    this.w3 = (this.w3 << 1) | (this.w2 >> 63);
    this.w2 = (this.w2 << 1) | (this.w1 >> 63);
    this.w1 = (this.w1 << 1) | (this.w0 >> 63);
    this.w0 <<= 1;
  }

  halve(): void {
    this.w0 = (this.w0 >> 1) | (this.w1 << 63);
    this.w1 = (this.w1 >> 1) | (this.w2 << 63);
    this.w2 = (this.w2 >> 1) | (this.w3 << 63);
    this.w3 >>= 1;
  }

  /** Becomes the product of two numbers of 128 bits, each as low and high word. */
  set_product(a0: u64, a1: u64, b0: u64, b1: u64): void {
    this.set(a0 * b0, 0);
    this.add_at(1, product_high(a0, b0));
    this.add_at(1, a0 * b1);
    this.add_at(2, product_high(a0, b1));
    this.add_at(1, a1 * b0);
    this.add_at(2, product_high(a1, b0));
    this.add_at(2, a1 * b1);
    this.add_at(3, product_high(a1, b1));
  }
}

/** The high word of the product of two words. */
export function product_high(a: u64, b: u64): u64 {
  const a_low = a & 0xffffffff;
  const a_high = a >> 32;
  const b_low = b & 0xffffffff;
  const b_high = b >> 32;
  const middle = a_high * b_low + ((a_low * b_low) >> 32); // at most 2^64 - 2^32
  const other = a_low * b_high + (middle & 0xffffffff);
  return a_high * b_high + (middle >> 32) + (other >> 32);
}

/**
 * The quotient, rounded down, if it is below 2^bits (bits up to 64), else 2^bits - 1. Both numbers are used up. The
 * divisor is not 0 and below 2^192.
 */
export function quotient(dividend: Wide, divisor: Wide, bits: i32): u64 {
  for (let i = 0; i < bits; i++) divisor.double();
  const too_large = !dividend.is_below(divisor);
  let result: u64 = 0;
  for (let i = 0; i < bits; i++) {
    divisor.halve();
    result <<= 1;
    if (too_large) result |= 1;
    else if (!dividend.is_below(divisor)) {
      dividend.subtract(divisor);
      result |= 1;
    }
  }
  return result;
}
