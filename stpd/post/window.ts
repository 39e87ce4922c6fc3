/**
 * A part of a file in memory that slides forward: chunked reads, bounded memory.
 *
 * It must never hold more than its first size or twice the largest stretch asked for.
 * Siblings: reader.ts and resync.ts look through it.
 */
import { readSync } from "node:fs";
import { messageOf } from "../../spec/errors.ts";

/** Bytes of a window at first; it holds many records of usual size. */
const WINDOW_SIZE_DEFAULT = 1 << 18;

export class FileWindow {
  /** The memory. Valid until the next load(). */
  buffer: Buffer;
  /** The same memory. */
  view: DataView;
  /** File offset of the memory's first byte. */
  begin = 0;
  /** What the system said when it refused to read on; the file ends there for us. */
  failure: string | undefined;
  /** Bytes of the file in memory. */
  private filled = 0;
  private ended = false;

  /** `size`: bytes at first; only tests want another. */
  constructor(
    private readonly fd: number,
    size = WINDOW_SIZE_DEFAULT,
  ) {
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.view = viewOf(this.buffer);
  }

  /**
   * Brings `size` bytes of the file from `offset` on into memory, unless the file ends before.
   * Returns how many are there, perhaps more. Offsets of successive calls must not decrease.
   */
  load(offset: number, size: number): number {
    const available = this.begin + this.filled - offset;
    if (available >= size || this.ended) return Math.max(available, 0);
    this.slide(offset, size);
    while (!this.ended && this.filled < size) this.read();
    return this.filled;
  }

  private slide(offset: number, size: number): void {
    const from = Math.min(offset - this.begin, this.filled);
    if (size * 2 > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(size * 2);
      this.buffer.copy(larger, 0, from, this.filled);
      this.buffer = larger;
      this.view = viewOf(larger);
    } else {
      this.buffer.copyWithin(0, from, this.filled);
    }
    this.filled -= from;
    this.begin = offset;
  }

  private read(): void {
    try {
      const bytes = readSync(this.fd, this.buffer, this.filled, this.buffer.length - this.filled, this.begin + this.filled);
      this.filled += bytes;
      this.ended = bytes === 0;
    } catch (error) {
      this.failure = messageOf(error);
      this.ended = true;
    }
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
