/** Writes encoded operations (O1) one after the other into memory that grows. Words are written as two halves: a bigint would cost an allocation. */
import { offsetOf } from "../spec/layout.ts";

export const AT_CODE = offsetOf("op_header", "code");
export const AT_SIZE = offsetOf("op_header", "size");
export const AT_CPU = offsetOf("op_header", "cpu");
export const AT_CONTEXT = offsetOf("op_header", "context");
export const AT_TARGET = offsetOf("op_header", "target");
const AT_RESERVED = offsetOf("op_header", "reserved");
const AT_VALUE = offsetOf("op_header", "value");

export class Writer {
  /** Where the next byte goes. */
  at = 0;
  bytes: Uint8Array;
  /** The same memory. */
  words: Int32Array;

  /** `size`: bytes to begin with, a multiple of 8. */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.words = new Int32Array(this.bytes.buffer);
  }

  /** Makes sure that so many bytes fit. */
  reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const old = this.bytes.subarray(0, this.at);
    this.bytes = new Uint8Array(Math.max(this.bytes.length * 2, (this.at + size + 7) & ~7));
    this.words = new Int32Array(this.bytes.buffer);
    this.bytes.set(old);
  }

  /** All of the header but size and value; the value comes next. */
  header(code: number, cpu: number, context: number, target: number): void {
    const { at, bytes } = this;
    bytes[at + AT_CODE] = code;
    bytes[at + AT_CODE + 1] = code >> 8;
    bytes[at + AT_CPU] = cpu;
    bytes[at + AT_CONTEXT] = context;
    bytes[at + AT_TARGET] = target;
    bytes[at + AT_RESERVED] = 0;
    this.at = at + AT_VALUE;
  }

  /** Fills in the size of the operation that began at `start` and ends here. */
  size(start: number): void {
    const size = this.at - start;
    this.bytes[start + AT_SIZE] = size;
    this.bytes[start + AT_SIZE + 1] = size >> 8;
  }

  word(low: number, high: number): void {
    const index = this.at >> 2;
    this.words[index] = low;
    this.words[index + 1] = high;
    this.at += 8;
  }

  shape(count: number, strings: number): void {
    this.word((1 << count) | strings, 0);
  }

  byte(byte: number): void {
    this.bytes[this.at++] = byte;
  }

  raw(bytes: Uint8Array): void {
    if (bytes.length > 32) this.bytes.set(bytes, this.at);
    else for (let i = 0; i < bytes.length; i++) this.bytes[this.at + i] = bytes[i] ?? 0;
    this.at += bytes.length;
  }

  decimal(number: number): void {
    if (number >= 10) this.decimal(Math.floor(number / 10));
    this.byte(0x30 + (number % 10));
  }

  string(bytes: Uint8Array): void {
    const start = this.openString();
    this.raw(bytes);
    this.closeString(start);
  }

  /** An empty string. */
  nothing(): void {
    this.word(0, 0);
    this.word(0, 0);
  }

  /** Begins a string whose length is not yet known. */
  openString(): number {
    this.at += 8;
    return this.at;
  }

  /** Ends it: writes its length before it and 1 to 8 zeros after it. */
  closeString(start: number): void {
    this.words[(start >> 2) - 2] = this.at - start;
    this.words[(start >> 2) - 1] = 0;
    do this.byte(0);
    while (this.at % 8 !== 0);
  }
}
