/**
 * The payload of an event record: what a recorder saw at a probe hit (L3). Its head, then the looks of the body, in order.
 *
 * Siblings: record.ts is what stands around it; runtime-c/src/look.c writes it.
 */
import { ERRORS, EVENT_FLAGS, LIMITS, LOOKS, type ErrorName, type LookName } from "../protocol.ts";
import { offsetOf, sizeOf } from "../layout.ts";

/** Bytes of an event's head. */
export const EVENT_SIZE = sizeOf("event");

/** One value that a body looked at (L1). */
export interface StpLook {
  readonly kind: LookName;
  /** Which one; 0 where there is only one of its kind. */
  readonly key: bigint;
  readonly detail: number;
  /** What it gave: bytes, or an error. */
  readonly value: Uint8Array | ErrorName;
}

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
  /** Monotonic time when the hit began. */
  readonly time_ns: bigint;
  /** Number of the hit among all of its session, from 1: the order in which they are replayed. */
  readonly order: number;
  /** Bits of EVENT_FLAGS. */
  readonly flags: number;
  readonly looks: readonly StpLook[];
}

const AT = {
  pid: offsetOf("event", "pid"),
  tid: offsetOf("event", "tid"),
  uid: offsetOf("event", "uid"),
  looks_size: offsetOf("event", "looks_size"),
  comm: offsetOf("event", "comm"),
  args: offsetOf("event", "args"),
  time_ns: offsetOf("event", "time_ns"),
  order: offsetOf("event", "order"),
  flags: offsetOf("event", "flags"),
} as const;
const LOOK_SIZE = sizeOf("look");
const LOOK_AT = { kind: offsetOf("look", "kind"), error: offsetOf("look", "error"), size: offsetOf("look", "size"), key: offsetOf("look", "key"), detail: offsetOf("look", "detail") } as const;
const LOOK_NAMES = new Map<number, LookName>(Object.entries(LOOKS).map(([name, { code }]) => [code, name as LookName]));
const ERROR_NAMES = new Map<number, ErrorName>(Object.entries(ERRORS).map(([name, { code }]) => [code, name as ErrorName]));

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const padded = (size: number): number => Math.ceil(size / 8) * 8;

/** The event that a payload holds; undefined if it is not whole. */
export function decodeEvent(payload: Uint8Array): StpEvent | undefined {
  if (payload.length < EVENT_SIZE) return undefined;
  const view = viewOf(payload);
  const looks = decodeLooks(payload.subarray(EVENT_SIZE));
  if (!looks || view.getUint32(AT.looks_size, true) !== payload.length - EVENT_SIZE) return undefined;
  return {
    pid: view.getUint32(AT.pid, true),
    tid: view.getUint32(AT.tid, true),
    uid: view.getUint32(AT.uid, true),
    comm: decodeComm(payload.subarray(AT.comm, AT.comm + LIMITS.COMM_SIZE.value)),
    args: Array.from({ length: LIMITS.EVENT_ARGS.value }, (_, i) => view.getBigUint64(AT.args + i * 8, true)),
    time_ns: view.getBigUint64(AT.time_ns, true),
    order: orderOf(payload),
    flags: view.getUint32(AT.flags, true),
    looks,
  };
}

/** `order` of a payload that is an event. */
export function orderOf(payload: Uint8Array): number {
  return viewOf(payload).getUint32(AT.order, true);
}

/** What an event may leave out: no looks, order and time 0. */
export type PartialEvent = Pick<StpEvent, "pid" | "tid" | "uid" | "comm" | "args"> & Partial<StpEvent>;

/** The payload that holds an event. `comm` is cut to what fits before its NUL; missing arguments are 0. */
export function encodeEvent({ pid, tid, uid, comm, args, time_ns = 0n, order = 0, flags = 0, looks = [] }: PartialEvent): Uint8Array {
  const tail = looks.map(encodeLook);
  const looks_size = tail.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(EVENT_SIZE + looks_size);
  const view = viewOf(bytes);
  view.setUint32(AT.pid, pid, true);
  view.setUint32(AT.tid, tid, true);
  view.setUint32(AT.uid, uid, true);
  view.setUint32(AT.looks_size, looks_size, true);
  new TextEncoder().encodeInto(comm, bytes.subarray(AT.comm, AT.comm + LIMITS.COMM_SIZE.value - 1));
  args.slice(0, LIMITS.EVENT_ARGS.value).forEach((arg, i) => view.setBigUint64(AT.args + i * 8, arg, true));
  view.setBigUint64(AT.time_ns, time_ns, true);
  view.setUint32(AT.order, order, true);
  view.setUint32(AT.flags, flags, true);
  let at = EVENT_SIZE;
  for (const look of tail) {
    bytes.set(look, at);
    at += look.length;
  }
  return bytes;
}

/** As an event whose missing looks the sandbox makes up. */
export function markMadeUp(payload: Uint8Array): Uint8Array {
  const view = viewOf(payload);
  view.setUint32(AT.flags, view.getUint32(AT.flags, true) | EVENT_FLAGS.made_up, true);
  return payload;
}

function decodeLooks(bytes: Uint8Array): StpLook[] | undefined {
  const view = viewOf(bytes);
  const looks: StpLook[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + LOOK_SIZE > bytes.length) return undefined;
    const kind = LOOK_NAMES.get(view.getUint16(at + LOOK_AT.kind, true));
    const code = view.getUint16(at + LOOK_AT.error, true);
    const size = view.getUint32(at + LOOK_AT.size, true);
    const error = ERROR_NAMES.get(code);
    const next = at + LOOK_SIZE + padded(size);
    if (!kind || next > bytes.length || (code !== 0 && (!error || size !== 0))) return undefined;
    const key = view.getBigUint64(at + LOOK_AT.key, true);
    looks.push({ kind, key, detail: view.getUint32(at + LOOK_AT.detail, true), value: error ?? bytes.slice(at + LOOK_SIZE, at + LOOK_SIZE + size) });
    at = next;
  }
  return looks;
}

function encodeLook({ kind, key, detail, value }: StpLook): Uint8Array {
  const failed = typeof value === "string";
  const size = failed ? 0 : value.length;
  const bytes = new Uint8Array(LOOK_SIZE + padded(size));
  const view = viewOf(bytes);
  view.setUint16(LOOK_AT.kind, LOOKS[kind].code, true);
  view.setUint16(LOOK_AT.error, failed ? ERRORS[value].code : 0, true);
  view.setUint32(LOOK_AT.size, size, true);
  view.setBigUint64(LOOK_AT.key, key, true);
  view.setUint32(LOOK_AT.detail, detail, true);
  if (!failed) bytes.set(value, LOOK_SIZE);
  return bytes;
}

function decodeComm(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
