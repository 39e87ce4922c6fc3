/**
 * Formats and the arguments that they take (P1): all directives, flags, widths and precisions, and wrong ones.
 *
 * Never knows what a format's text is.
 */
import { PRINT_DIRECTIVES, PRINT_FLAGS, type PRINT_DIRECTIVES as Directives } from "../spec/protocol.ts";
import type { Random } from "./random.ts";
import { bytesOf, KEYS, NO_ADDRESSES, writeNumber, writeText, type Words } from "./samples.ts";
import type { Writer } from "./writer.ts";

type Directive = (typeof Directives)[number];

/** Arguments and directives of the formats that have far too many; the protocol's limit is 16. */
export const ARGUMENTS_MAX = 20;
/** A directive takes at most width, precision and value. */
const KINDS_MAX = 3 * ARGUMENTS_MAX;

/** What P1 refuses. */
const BROKEN: readonly Uint8Array[] = [
  ...["%", "%5", "%-", "%q", "%ld", "%D", "%-5-d", "%.", "%*", "%.*", "%5.-1d", "% "],
  ...["%5%", "%-%", "%0%", "%.3%", "%3b", "%-b", "%.1b", "%16b", "%0b"],
  ...["%513d", "%.513d", "%4294967297d", "%.4294967297s", "%18446744073709551617x", "%.18446744073709551617x"],
].map(bytesOf);

const LETTERS = PRINT_DIRECTIVES.filter((letter) => letter !== "%");
const INTEGERS = "diuoxXpcb";
const isMemory = (letter: Directive): boolean => letter === "m" || letter === "M";

/** What an argument is for. */
const INTEGER = 0;
const STRING = 1;
const WIDTH = 2;
const BYTE = 3;

/** Bytes for %c: printing, escaped, NUL, in the middle of UTF-8. */
const BYTES = [0x61, 0x22, 0x27, 0x5c, 0x0a, 0x00, 0x7f, 0x80, 0xc3, 0xff, 0x141] as const;
/** Beyond what a width may be, in magnitude below 4096 (see NO_ADDRESSES). */
const WIDTHS = [-1, -7, -512, 512, 513, -513, 4095] as const;

/** Writes formats and arguments for them. */
export class Formats {
  readonly #random: Random;
  #writer: Writer;
  readonly #kinds = new Uint8Array(KINDS_MAX);
  #count = 0;
  #hasMemory = false;

  constructor(random: Random, writer: Writer) {
    this.#random = random;
    this.#writer = writer;
  }

  /** A format and its arguments, now and then others. */
  write(): void {
    const random = this.#random;
    if (random.oneIn(128)) return this.#oneField(509 + random.below(5));
    const directives = random.oneIn(96) ? random.below(ARGUMENTS_MAX) : random.oneIn(4) ? random.below(5) : random.below(3);
    this.#format(directives);
    const count = random.oneIn(48) ? random.below(this.#count + 2) : this.#count;
    const flipped = random.oneIn(48) ? random.below(count + 1) : -1;
    this.#arguments(Math.min(count, ARGUMENTS_MAX), flipped);
  }

  /** Text of exactly so many bytes: around STRING_SIZE_MAX, or refused beyond PRINT_WIDTH_MAX. */
  #oneField(size: number): void {
    const writer = this.#writer;
    const start = writer.openString();
    writer.byte(0x25);
    writer.decimal(size);
    writer.byte(0x64);
    writer.closeString(start);
    writer.shape(1, 0);
    writeNumber(this.#random, writer);
  }

  #format(directives: number): void {
    const random = this.#random;
    const start = this.#writer.openString();
    this.#count = 0;
    this.#hasMemory = false;
    for (let i = 0; i < directives; i++) {
      this.#literal();
      this.#directive();
    }
    this.#literal();
    if (random.oneIn(40)) this.#writer.raw(random.pick(BROKEN));
    if (random.oneIn(80)) this.#literal();
    this.#writer.closeString(start);
  }

  #literal(): void {
    const bits = this.#random.next();
    if ((bits & 31) === 0) this.#writer.raw(this.#random.pick(KEYS).subarray(0, 1)); // perhaps "%" or part of UTF-8
    else if ((bits & 15) === 1) this.#writer.raw(PERCENT_TWICE);
    else for (let i = (bits >> 4) & 3; i > 0; i--) this.#writer.byte(0x30 + ((bits >> (4 + 4 * i)) & 15));
  }

  #directive(): void {
    const letter = this.#random.pick(LETTERS);
    this.#writer.byte(0x25);
    if (letter === "b") this.#binaryWidth();
    else this.#fields();
    this.#writer.byte(letter.charCodeAt(0));
    this.#hasMemory ||= isMemory(letter);
    if (letter === "c") this.#takes(BYTE);
    else if (isMemory(letter)) this.#takes(this.#random.oneIn(6) ? INTEGER : STRING);
    else this.#takes(INTEGERS.includes(letter) ? INTEGER : STRING);
  }

  #takes(kind: number): void {
    this.#kinds[this.#count++] = kind;
  }

  #binaryWidth(): void {
    const bits = this.#random.next();
    if ((bits & 1) === 0) this.#writer.byte(0x30 + (1 << ((bits >> 1) & 3)));
    else if ((bits & 62) === 0) this.#writer.byte(0x30 + ((bits >> 6) & 7));
  }

  /** Flags, width and precision, each or none. */
  #fields(): void {
    const random = this.#random;
    const bits = random.next();
    PRINT_FLAGS.forEach((flag, i) => {
      if (((bits >> (3 * i)) & 7) === 0) this.#writer.byte(flag.charCodeAt(0));
    });
    if (((bits >> 15) & 3) === 0) this.#number();
    if (((bits >> 17) & 3) !== 0) return;
    this.#writer.byte(0x2e);
    if (((bits >> 19) & 7) !== 0) this.#number();
  }

  /** A width or a precision; `*` for one that is an argument. */
  #number(): void {
    const random = this.#random;
    const bits = random.next();
    if ((bits & 7) === 0) {
      this.#writer.byte(0x2a);
      this.#takes(WIDTH);
    } else if ((bits & 0x38) === 0) this.#writer.decimal(random.below(530));
    else this.#writer.decimal(random.below(24));
  }

  #arguments(count: number, flipped: number): void {
    let strings = 0;
    for (let i = 0; i < count; i++) if ((this.#kinds[i] === STRING && i < this.#count) !== (i === flipped)) strings |= 1 << i;
    this.#writer.shape(count, strings);
    for (let i = 0; i < count; i++) {
      if ((strings >> i) & 1) writeText(this.#random, this.#writer);
      else this.#integer(this.#kinds[i]);
    }
  }

  #integer(kind: number | undefined): void {
    const random = this.#random;
    if (kind === WIDTH) return this.#small(random.oneIn(8) ? random.pick(WIDTHS) : random.below(24));
    if (kind === BYTE && !random.oneIn(4)) return this.#small(random.pick(BYTES));
    if (!this.#hasMemory) return writeNumber(random, this.#writer);
    const [low, high]: Words = random.pick(NO_ADDRESSES);
    this.#writer.word(low, high);
  }

  #small(number: number): void {
    this.#writer.word(number, number >> 31);
  }
}

const PERCENT_TWICE = Uint8Array.of(0x25, 0x25);
