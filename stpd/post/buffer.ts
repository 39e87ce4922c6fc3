/**
 * Output on its way out: one block of memory that is filled, written and filled again.
 *
 * It must never grow with the recording, only to one piece that is larger than a block.
 * Siblings: output.ts fills it, post.ts flushes it.
 */
import type { RecordReader } from "./reader.ts";

/** Takes a piece of output. `bytes` may be reused as soon as the call returns or its promise settles. */
export type WriteBytes = (bytes: Uint8Array) => void | Promise<void>;

/** Bytes that are collected before they are written. */
const BLOCK_SIZE = 1 << 18;

/** Bytes up to which copying word by word is faster than a call. */
const COPY_SIZE_MAX = 256;
const WORD_SIZE = 4;

export class OutputBuffer {
  private block = Buffer.allocUnsafeSlow(BLOCK_SIZE + COPY_SIZE_MAX);
  private view = new DataView(this.block.buffer);
  private used = 0;

  constructor(private readonly write: WriteBytes) {}

  /** Whether a block's worth waits for flush(). */
  get isFull(): boolean {
    return this.used >= BLOCK_SIZE;
  }

  /** Appends `size` bytes of `from`. */
  append(from: Uint8Array, begin: number, size: number): void {
    if (this.used + size > this.block.length) this.grow(size);
    this.block.set(from.subarray(begin, begin + size), this.used);
    this.used += size;
  }

  /** Appends the payload of a record, whose bytes are padded: of small ones there are millions. */
  appendPayload({ view: from, bytes, payload_begin: begin, payload_size: size }: RecordReader): void {
    if (size > COPY_SIZE_MAX) return this.append(bytes, begin, size);
    if (this.used + size + WORD_SIZE > this.block.length) this.grow(size + WORD_SIZE);
    const { view: to, used: at } = this;
    for (let i = 0; i < size; i += WORD_SIZE) to.setInt32(at + i, from.getInt32(begin + i, true), true);
    this.used += size;
  }

  appendString(text: string): void {
    const size = Buffer.byteLength(text);
    if (this.used + size > this.block.length) this.grow(size);
    this.used += this.block.write(text, this.used);
  }

  /** A byte for each character, whose codes are all below 256. */
  appendLatin1(text: string): void {
    if (this.used + text.length > this.block.length) this.grow(text.length);
    this.used += this.block.write(text, this.used, "latin1");
  }

  async flush(): Promise<void> {
    const { used } = this;
    this.used = 0;
    if (used > 0) await this.write(this.block.subarray(0, used));
  }

  private grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(this.used + size);
    this.block.copy(larger, 0, 0, this.used);
    this.block = larger;
    this.view = new DataView(larger.buffer);
  }
}
