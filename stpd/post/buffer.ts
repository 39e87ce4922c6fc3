/**
 * Output on its way out: one block of memory that is filled, written and filled again.
 *
 * It must never grow with the recording, only to one piece that is larger than a block.
 * Siblings: output.ts fills it, post.ts flushes it.
 */
/** Takes a piece of output. `bytes` may be reused as soon as the call returns or its promise settles. */
export type WriteBytes = (bytes: Uint8Array) => void | Promise<void>;

/** Bytes that are collected before they are written. */
const BLOCK_SIZE = 1 << 20;

export class OutputBuffer {
  private block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
  private used = 0;

  constructor(private readonly write: WriteBytes) {}

  /** Whether a block's worth waits for flush(). */
  get isFull(): boolean {
    return this.used >= BLOCK_SIZE;
  }

  /** Appends `size` bytes of `from`. */
  append(from: Buffer, begin: number, size: number): void {
    if (this.used + size > this.block.length) this.grow(size);
    from.copy(this.block, this.used, begin, begin + size);
    this.used += size;
  }

  appendString(text: string): void {
    const size = Buffer.byteLength(text);
    if (this.used + size > this.block.length) this.grow(size);
    this.used += this.block.write(text, this.used);
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
  }
}
