/**
 * Is this a record's header? The one question on which reading and resynchronising rest.
 *
 * Siblings: spec/recording/record.ts has the layout; reader.ts asks at the expected place, resync.ts anywhere.
 */
import { CONTEXTS, RECORD_MAGIC, RECORD_TYPES } from "../../spec/protocol.ts";
import { EVENT_SIZE } from "../../spec/recording/event.ts";
import { HEADER_OFFSETS, PAYLOAD_SIZE_MAX, RECORD_ALIGN } from "../../spec/recording/record.ts";

// Copies, because a property of an imported object costs a load on each of a few million records.
const MAGIC = RECORD_MAGIC;
const SIZE_MAX = PAYLOAD_SIZE_MAX;
const ALIGN = RECORD_ALIGN;
const MAGIC_AT = HEADER_OFFSETS.magic;
const PAYLOAD_SIZE_AT = HEADER_OFFSETS.payload_size;
const CPU_AT = HEADER_OFFSETS.cpu;
const CONTEXT_AT = HEADER_OFFSETS.context;
const TYPE_AT = HEADER_OFFSETS.type;
const SEQUENCE_AT = HEADER_OFFSETS.sequence;
const CONTEXTS_COUNT = CONTEXTS.length;

/** 1 for each value of RECORD_TYPES. */
const IS_TYPE = Uint8Array.from({ length: 256 }, (_, type) => Number(Object.values<number>(RECORD_TYPES).includes(type)));
const EVENT = RECORD_TYPES.event;

/** High words of a sequence that a JavaScript number holds exactly: 8 PiB of output from one CPU. */
const SEQUENCE_HIGH_MAX = 0x1fffff;
const WORD = 0x1_0000_0000;

/** Why the HEADER_SIZE bytes at `at` cannot be a header that `cpu` wrote; undefined if they can. */
export function headerFault(view: DataView, at: number, cpu: number): string | undefined {
  if (view.getUint32(at + MAGIC_AT, true) !== MAGIC) return "no record begins here";
  const payload_size = view.getUint32(at + PAYLOAD_SIZE_AT, true);
  const type = view.getUint8(at + TYPE_AT);
  if (payload_size > SIZE_MAX) return `payload_size ${payload_size} exceeds ${PAYLOAD_SIZE_MAX}`;
  if (view.getUint16(at + CPU_AT, true) !== cpu) return `the record is of CPU ${view.getUint16(at + CPU_AT, true)}`;
  if (view.getUint8(at + CONTEXT_AT) >= CONTEXTS_COUNT) return `unknown context ${view.getUint8(at + CONTEXT_AT)}`;
  if (IS_TYPE[type] === 0) return `unknown record type ${type}`;
  if (type === EVENT && payload_size < EVENT_SIZE) return `payload_size ${payload_size} of an event is below ${EVENT_SIZE}`;
  if (view.getUint32(at + SEQUENCE_AT, true) % ALIGN !== 0 || view.getUint32(at + SEQUENCE_AT + 4, true) > SEQUENCE_HIGH_MAX)
    return `impossible sequence ${view.getBigUint64(at + SEQUENCE_AT, true)}`;
  return undefined;
}

/** The sequence of a header without a fault, in bytes. */
export function sequenceAt(view: DataView, at: number): number {
  return view.getUint32(at + SEQUENCE_AT + 4, true) * WORD + view.getUint32(at + SEQUENCE_AT, true);
}
