/**
 * A part of a stream in memory that slides forward: chunked reads, bounded memory.
 *
 * It must never hold more than its first size or twice the largest stretch asked for.
 * Siblings: parts.ts is where the bytes come from; reader.ts and resync.ts look through the window.
 */
import { messageOf } from "../../spec/errors.ts";
import type { Parts } from "./parts.ts";

/** Bytes of a window at first; it holds many records of usual size, and those of all CPUs fit a processor's cache. */
const WINDOW_SIZE_DEFAULT = 1 << 17;

export class StreamWindow {
  /** The memory. Valid until the next load(). */
  buffer: Buffer;
  /** The same memory. */
  view: DataView;
  /** Stream offset of the memory's first byte. */
  begin: number;
  /** What the system said when it refused to read on; the stream ends there for us. */
  failure: string | undefined;
  /** Whether the stream may still grow. */
  isOpen = false;
  /** Whether a load() has come short at an end that is none for ever. Whoever asks clears it. */
  isShort = false;
  /** Bytes of the stream in memory. */
  private filled = 0;
  private ended = false;

  /** `size`: bytes at first; only tests want another. */
  constructor(
    readonly parts: Parts,
    size = WINDOW_SIZE_DEFAULT,
  ) {
    this.begin = parts.begin;
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.view = viewOf(this.buffer);
  }

  /** Stream offset behind the memory's last byte. */
  get end(): number {
    return this.begin + this.filled;
  }

  /**
   * Brings `size` bytes of the stream from `offset` on into memory, unless the stream ends or has a hole before.
   * Returns how many are there, perhaps more. Offsets of successive calls must not decrease, except after rewind().
   */
  load(offset: number, size: number): number {
    const available = this.begin + this.filled - offset;
    if (available >= size) return available;
    if (!this.ended) this.fill(offset, size);
    if (this.filled < size + offset - this.begin) this.isShort ||= this.isOpen && !this.parts.hasHole(this.end);
    return Math.max(this.begin + this.filled - offset, 0);
  }

  /** Lets the next load() begin at an offset before that of the last one. */
  rewind(offset: number): void {
    if (offset >= this.begin) return;
    this.parts.rewind(offset);
    this.begin = offset;
    this.filled = 0;
    this.ended = false;
  }

  /** More may have been written: the next load() looks. */
  resume(): void {
    this.ended = this.failure !== undefined;
  }

  /** At the end: goes on behind a hole. Returns the stream offset there; undefined if there is no hole. */
  skipHole(): number | undefined {
    if (this.failure !== undefined) return undefined;
    const next = this.parts.skipHole(this.end);
    if (next === undefined) return undefined;
    this.begin = next;
    this.filled = 0;
    this.ended = false;
    return next;
  }

  private fill(offset: number, size: number): void {
    this.slide(offset, size);
    while (!this.ended && this.filled < size) this.read();
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
    this.begin += from;
  }

  private read(): void {
    try {
      const bytes = this.parts.read(this.buffer, this.filled, this.buffer.length - this.filled, this.end);
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
