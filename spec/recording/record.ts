/**
 * A record as it stands in `cpuN.data`: `record_header`, payload, zeros to a multiple of 8 (T1).
 *
 * Siblings: event.ts is the payload of an event; runtime-c/src/ring.c writes records, stpd/post/ reads them.
 */
import { CONTEXTS, RECORD_MAGIC, RECORD_TYPES, type Context, type RecordType } from "../protocol.ts";
import { offsetOf, sizeOf } from "../layout.ts";

/** Bytes that every record is a multiple of. */
export const RECORD_ALIGN = 8;

/** Bytes of a record before its payload. */
export const HEADER_SIZE = sizeOf("record_header");

/**
 * Bytes of the largest payload that a reader accepts; a header that claims more is damaged.
 * It bounds a reader's memory, so it is far below what the largest ring would take.
 */
export const PAYLOAD_SIZE_MAX = 1 << 18;

/** Offsets in bytes of a record's fields. */
export const HEADER_OFFSETS = {
  magic: offsetOf("record_header", "magic"),
  payload_size: offsetOf("record_header", "payload_size"),
  cpu: offsetOf("record_header", "cpu"),
  context: offsetOf("record_header", "context"),
  type: offsetOf("record_header", "type"),
  probe: offsetOf("record_header", "probe"),
  sequence: offsetOf("record_header", "sequence"),
  time_ns: offsetOf("record_header", "time_ns"),
} as const;

/** One record, decoded. */
export interface StpRecord {
  readonly cpu: number;
  readonly context: Context;
  readonly type: RecordType;
  /** Index into the manifest's probes. */
  readonly probe: number;
  /** Offset in bytes of the record in its CPU's stream. */
  readonly sequence: bigint;
  /** Monotonic, the same clock on all CPUs. */
  readonly time_ns: bigint;
  readonly payload: Uint8Array;
}

/** Bytes of a whole record, padding included. */
export function recordSize(payload_size: number): number {
  return HEADER_SIZE + Math.ceil(payload_size / RECORD_ALIGN) * RECORD_ALIGN;
}

/** The record's bytes, as the C writes them. For tests and generators. */
export function encodeRecord(record: StpRecord): Uint8Array {
  const bytes = new Uint8Array(recordSize(record.payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(HEADER_OFFSETS.magic, RECORD_MAGIC, true);
  view.setUint32(HEADER_OFFSETS.payload_size, record.payload.length, true);
  view.setUint16(HEADER_OFFSETS.cpu, record.cpu, true);
  view.setUint8(HEADER_OFFSETS.context, CONTEXTS.indexOf(record.context));
  view.setUint8(HEADER_OFFSETS.type, RECORD_TYPES[record.type]);
  view.setUint32(HEADER_OFFSETS.probe, record.probe, true);
  view.setBigUint64(HEADER_OFFSETS.sequence, record.sequence, true);
  view.setBigUint64(HEADER_OFFSETS.time_ns, record.time_ns, true);
  bytes.set(record.payload, HEADER_SIZE);
  return bytes;
}

/**
 * Records of an undamaged stretch of a stream, oldest first. Throws if it is not one: what it is given comes from
 * memory, so that is a bug. Files are read by stpd/post/reader.ts.
 */
export function decodeRecords(bytes: Uint8Array): StpRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: StpRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const record = decodeRecord(view, at);
    records.push(record);
    at += recordSize(record.payload.length);
  }
  return records;
}

const TYPE_NAMES = new Map(Object.entries(RECORD_TYPES).map(([name, code]) => [code as number, name as RecordType]));

function decodeRecord(view: DataView, at: number): StpRecord {
  if (view.getUint32(at + HEADER_OFFSETS.magic, true) !== RECORD_MAGIC) throw new Error(`There is no record at offset ${at}`);
  const size = view.getUint32(at + HEADER_OFFSETS.payload_size, true);
  return {
    cpu: view.getUint16(at + HEADER_OFFSETS.cpu, true),
    context: CONTEXTS[view.getUint8(at + HEADER_OFFSETS.context)]!,
    type: TYPE_NAMES.get(view.getUint8(at + HEADER_OFFSETS.type))!,
    probe: view.getUint32(at + HEADER_OFFSETS.probe, true),
    sequence: view.getBigUint64(at + HEADER_OFFSETS.sequence, true),
    time_ns: view.getBigUint64(at + HEADER_OFFSETS.time_ns, true),
    payload: new Uint8Array(view.buffer, view.byteOffset + at + HEADER_SIZE, size).slice(),
  };
}
