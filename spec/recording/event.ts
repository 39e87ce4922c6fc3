/**
 * The payload of an event record: what a recorder saw at a probe hit.
 *
 * Siblings: record.ts is what stands around it; runtime-c/src/task.c writes it.
 */
import { LIMITS } from "../protocol.ts";
import { offsetOf, sizeOf } from "../layout.ts";

/** Bytes of an event record's payload. */
export const EVENT_SIZE = sizeOf("event");

/** One probe hit. */
export interface StpEvent {
  /** Process (thread group) id. */
  readonly pid: number;
  /** Thread id. */
  readonly tid: number;
  readonly uid: number;
  /** Task name, without its NUL; bytes that are not UTF-8 become U+FFFD. */
  readonly comm: string;
  /** Function arguments, unsigned 64 bits each. */
  readonly args: readonly bigint[];
}

const OFFSETS = {
  pid: offsetOf("event", "pid"),
  tid: offsetOf("event", "tid"),
  uid: offsetOf("event", "uid"),
  comm: offsetOf("event", "comm"),
  args: offsetOf("event", "args"),
} as const;

/** The event that a payload holds; undefined if the payload is not EVENT_SIZE bytes. */
export function decodeEvent(payload: Uint8Array): StpEvent | undefined {
  if (payload.length !== EVENT_SIZE) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return {
    pid: view.getUint32(OFFSETS.pid, true),
    tid: view.getUint32(OFFSETS.tid, true),
    uid: view.getUint32(OFFSETS.uid, true),
    comm: decodeComm(payload.subarray(OFFSETS.comm, OFFSETS.comm + LIMITS.COMM_SIZE.value)),
    args: Array.from({ length: LIMITS.EVENT_ARGS.value }, (_, i) => view.getBigUint64(OFFSETS.args + i * 8, true)),
  };
}

/** The payload that holds an event. `comm` is cut to what fits before its NUL; missing arguments are 0. */
export function encodeEvent(event: StpEvent): Uint8Array {
  const bytes = new Uint8Array(EVENT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(OFFSETS.pid, event.pid, true);
  view.setUint32(OFFSETS.tid, event.tid, true);
  view.setUint32(OFFSETS.uid, event.uid, true);
  new TextEncoder().encodeInto(event.comm, bytes.subarray(OFFSETS.comm, OFFSETS.comm + LIMITS.COMM_SIZE.value - 1));
  event.args.slice(0, LIMITS.EVENT_ARGS.value).forEach((arg, i) => view.setBigUint64(OFFSETS.args + i * 8, arg, true));
  return bytes;
}

function decodeComm(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
