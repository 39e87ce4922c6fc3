/**
 * The ring of one CPU: its unread records, oldest first (T1–T4, T6).
 *
 * It never drops a record by itself: who writes into a ring that overwrites calls ring_make_room() first. Nothing interrupts anything here, so T5 has no work; time (T3) is not kept.
 * Sibling: runtime-c/src/ring.c
 */
import { RECORD_HEADER_SIZE } from "./protocol.gen";
import { record_dump, Words } from "./dump";
import { Bytes } from "./value";

/** A record: header fields that a dump shows, and payload. */
export class RingRecord {
  type: i32 = 0;
  context: i32 = 0;
  probe: i32 = 0;
  sequence: u64 = 0;
  readonly payload: Bytes;

  constructor(payload_max: i32) {
    this.payload = new Bytes(payload_max);
  }
}

/** A ring; its unread records are the first `count` of `records`, oldest first, the others are free. */
export class Ring {
  count: i32 = 0;
  /** Bytes that the unread records take. */
  unread: i32 = 0;
  /** Offset in the CPU's stream at which the next record will begin. */
  next: u64 = 0;
  readonly records: StaticArray<RingRecord>;

  constructor(
    readonly cpu: i32,
    readonly size: i32,
    /** Whether old records make room for new ones (T6). */
    public overwrites: bool,
  ) {
    this.records = new StaticArray<RingRecord>(size / RECORD_HEADER_SIZE);
    for (let i = 0; i < this.records.length; i++) this.records[i] = new RingRecord(size - RECORD_HEADER_SIZE);
  }
}

/** Empties the ring and starts its stream anew. */
export function ring_init(ring: Ring): void {
  ring.count = 0;
  ring.unread = 0;
  ring.next = 0;
}

/** Offers a record (T1). False if the ring has no room: nothing is taken, no sequence is used (T2). */
export function ring_write(ring: Ring, type: i32, context: i32, probe: i32, payload: Bytes): bool {
  const size = record_size(payload);
  if (ring.unread + size > ring.size) return false;
  const record = ring.records[ring.count++];
  record.type = type;
  record.context = context;
  record.probe = probe;
  record.sequence = ring.next;
  record.payload.set(payload, payload.length);
  ring.next += size;
  ring.unread += size;
  return true;
}

/** The probe whose record, the oldest, is in the way of a new one and has been dropped (T6); -1 if nothing is, or may be dropped. */
export function ring_make_room(ring: Ring, payload: Bytes): i32 {
  const size = record_size(payload);
  if (!ring.overwrites || size > ring.size || ring.unread + size <= ring.size) return -1;
  const probe = ring.records[0].probe;
  drop_oldest(ring);
  return probe;
}

/** The reader takes up to `count` records, oldest first, and outputs them (T4); those of a ring that overwrites stay (T6). Returns how many. */
export function ring_read(ring: Ring, count: i64, outputs: Words): i32 {
  const shown = count < 0 ? 0 : count > <i64>ring.count ? ring.count : <i32>count;
  for (let i = 0; i < shown; i++) outputs.end = record_dump(ring, ring.records[i], outputs.end);
  if (!ring.overwrites) for (let i = 0; i < shown; i++) drop_oldest(ring);
  return shown;
}

function drop_oldest(ring: Ring): void {
  const oldest = ring.records[0];
  ring.count--;
  ring.unread -= record_size(oldest.payload);
  for (let i = 0; i < ring.count; i++) ring.records[i] = ring.records[i + 1];
  ring.records[ring.count] = oldest; // free now
}

/** Bytes of the ring that a record takes (T1). */
function record_size(payload: Bytes): i32 {
  return RECORD_HEADER_SIZE + ((payload.length + 7) & ~7);
}
