/**
 * Is there a whole record at a place, and is it one record?
 *
 * A damaged payload_size that is too large hides the records behind it, and so do bytes that are missing inside of one.
 * Whether a header found inside is a record or a part of the text, only the sequences can tell.
 * Siblings: reader.ts asks at each record, resync.ts looks for the next one.
 */
import { RECORD_MAGIC } from "../../spec/protocol.ts";
import { HEADER_OFFSETS, HEADER_SIZE } from "../../spec/recording/record.ts";
import { headerFault, sequenceAt } from "./header.ts";
import { findMagic, isContinued, isFollowed } from "./resync.ts";
import type { StreamWindow } from "./window.ts";

const MAGIC_SIZE = 4;
// Copies, because a property of an imported object costs a load on each of a few million records.
const MAGIC = RECORD_MAGIC;
const HEADER = HEADER_SIZE;
const PAYLOAD_SIZE_AT = HEADER_OFFSETS.payload_size;

export class WholeRecords {
  /** By how much sequences exceed places in the stream, as far as is known. */
  shift = 0;
  /** Offset of a header that was looked at from the record before, and has no fault. */
  private faultless = -1;

  constructor(
    private readonly window: StreamWindow,
    private readonly cpu: number,
  ) {}

  /** Bytes of the record at `at`, all of it in memory and the header after it, too; 0 if it is not a whole record. */
  sizeAt(at: number): number {
    const { window } = this;
    if (window.load(at, HEADER) < HEADER) return 0;
    const index = at - window.begin;
    if (at !== this.faultless && headerFault(window.view, index, this.cpu) !== undefined) return 0;
    const size = (HEADER + window.view.getUint32(index + PAYLOAD_SIZE_AT, true) + 7) & -8;
    return window.load(at, size + HEADER) < size ? 0 : size;
  }

  /** Offset of a record that begins inside the one at `at`, which is then no record; 0 if none does. */
  recordInside(at: number, size: number): number {
    const { view, begin } = this.window;
    const index = at - begin;
    const end = index + size;
    for (let i = index + HEADER; i < end; i += 8)
      if (view.getUint32(i, true) === MAGIC && this.isInside(at, size, begin + i, false)) return begin + i;
    return this.isConfirmed(at, size) ? 0 : this.recordInsideOutOfStep(at, size);
  }

  /** Whether what follows the record agrees that it ends there. */
  private isConfirmed(at: number, size: number): boolean {
    const available = this.window.load(at, size + HEADER);
    if (available === size) return true;
    if (available < size + HEADER || !isContinued(this.window, at, size, this.cpu)) return false;
    this.faultless = at + size;
    return true;
  }

  private recordInsideOutOfStep(at: number, size: number): number {
    const end = at + size + MAGIC_SIZE - 1;
    for (let from = at + 1; ; from++) { // bytes of the header may be missing, too
      from = findMagic(this.window, from, Math.min(end, at + this.window.load(at, size + HEADER)));
      if (from < 0) return 0;
      if (this.isInside(at, size, from, true)) return from;
    }
  }

  /**
   * Whether a record truly begins at `inner`. A payload may hold headers for reasons of its own, so only the sequence
   * that proves damage counts. The outer record's true sequence is its own or, if that is damaged, the one expected. If
   * its payload_size is wrong, inner is as far on in the stream as in the file. If bytes of it are missing, inner is
   * where the outer claims to end; or later if more is missing, and then what follows inner must confirm it.
   */
  private isInside(at: number, size: number, inner: number, isUnconfirmed: boolean): boolean {
    const { window } = this;
    if (window.load(at, size + HEADER) < inner - at + HEADER) return false;
    if (headerFault(window.view, inner - window.begin, this.cpu) !== undefined) return false;
    const sequence = sequenceAt(window.view, inner - window.begin);
    const own = sequence - sequenceAt(window.view, at - window.begin);
    const expected = sequence - (at + this.shift);
    if (own === inner - at || expected === inner - at || own === size || expected === size) return true;
    return isUnconfirmed && Math.max(own, expected) > size && isFollowed(window, at, inner, this.cpu);
  }
}
