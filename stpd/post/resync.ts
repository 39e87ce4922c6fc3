/**
 * After damage: where does the next record begin?
 *
 * The magic is searched at any alignment. A plausible header in step with the last record (a multiple of 8 bytes away)
 * is believed at once; one out of step, as after lost or inserted bytes, only if another header or the end of the file
 * follows where it says. Each step goes forward, so a search is linear in the bytes skipped.
 * Siblings: header.ts says what is plausible; reader.ts searches when it finds damage.
 */
import { RECORD_MAGIC } from "../../spec/protocol.ts";
import { HEADER_OFFSETS, HEADER_SIZE, PAYLOAD_SIZE_MAX, RECORD_ALIGN, recordSize } from "../../spec/recording/record.ts";
import { headerFault, sequenceAt } from "./header.ts";
import type { StreamWindow } from "./window.ts";

/** Bytes of the longest record. */
export const RECORD_SIZE_MAX = recordSize(PAYLOAD_SIZE_MAX);

const MAGIC = Buffer.alloc(4);
MAGIC.writeUInt32LE(RECORD_MAGIC);

/** Offset of the first record from `from` on, else of the stream's end. `step`: offset of any record before. */
export function findRecord(window: StreamWindow, from: number, cpu: number, step: number): number {
  let at = from;
  for (;;) {
    const available = window.load(at, MAGIC.length);
    if (available < MAGIC.length) return at + available;
    const candidate = findMagic(window, at, at + available);
    if (candidate < 0) at += available - MAGIC.length + 1;
    else if (isRecord(window, candidate, cpu, (candidate - step) % RECORD_ALIGN === 0)) return candidate;
    else at = candidate + 1;
  }
}

/**
 * Where a stream that was not kept from its begin is entered, at `from`: offset of the first record whose sequence is its
 * place, for the bytes before are the rest of another; undefined if none is as near as the longest record reaches.
 */
export function findEntry(window: StreamWindow, from: number, cpu: number): number | undefined {
  for (let at = from; at <= from + RECORD_SIZE_MAX; ) {
    const available = window.load(at, HEADER_SIZE);
    if (available < HEADER_SIZE) return undefined;
    const candidate = findMagic(window, at, at + available);
    if (candidate < 0) at += available - MAGIC.length + 1;
    else if (isEntry(window, candidate, cpu)) return candidate;
    else at = candidate + 1;
  }
  return undefined;
}

/** Offset of the first magic that lies in memory and between two offsets, else -1. */
export function findMagic(window: StreamWindow, from: number, to: number): number {
  const hit = window.buffer.indexOf(MAGIC, from - window.begin);
  return hit < 0 || window.begin + hit + MAGIC.length > to ? -1 : window.begin + hit;
}

/**
 * Whether the plausible header at `offset` is confirmed by the header, or the end of the file, where its record ends.
 * Memory from `anchor` on is kept.
 */
export function isFollowed(window: StreamWindow, anchor: number, offset: number, cpu: number): boolean {
  const size = recordSize(window.view.getUint32(offset - window.begin + HEADER_OFFSETS.payload_size, true));
  const available = window.load(anchor, offset - anchor + size + HEADER_SIZE) - (offset - anchor);
  return available === size || (available >= size + HEADER_SIZE && isContinued(window, offset, size, cpu));
}

/** Whether another header of the same stream stands behind the record at `offset`; both must be in memory. */
export function isContinued({ view, begin }: StreamWindow, offset: number, size: number, cpu: number): boolean {
  const index = offset - begin;
  return headerFault(view, index + size, cpu) === undefined && sequenceAt(view, index + size) === sequenceAt(view, index) + size;
}

function isEntry(window: StreamWindow, offset: number, cpu: number): boolean {
  if (window.load(offset, HEADER_SIZE) < HEADER_SIZE) return false;
  const { view, begin } = window;
  return headerFault(view, offset - begin, cpu) === undefined && sequenceAt(view, offset - begin) === offset;
}

function isRecord(window: StreamWindow, offset: number, cpu: number, inStep: boolean): boolean {
  if (window.load(offset, HEADER_SIZE) < HEADER_SIZE) return false;
  if (headerFault(window.view, offset - window.begin, cpu) !== undefined) return false;
  return inStep || isFollowed(window, offset, offset, cpu);
}
