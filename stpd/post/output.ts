/**
 * Records as the script's output: text, or JSON lines. In text, an error that ended a hit is no output but a line for stderr.
 *
 * 64-bit numbers are exact in JSON: decimal literals, which a reader may round above 2^53; arguments of events are mostly
 * addresses, so they are hexadecimal strings. Text that is not UTF-8 comes with its exact bytes in `base64`.
 * Siblings: merge.ts gives the order, buffer.ts takes the bytes.
 */
import { isUtf8 } from "node:buffer";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import { decodeEvent, type StpLook } from "../../spec/recording/event.ts";
import type { OutputBuffer } from "./buffer.ts";
import type { RecordReader } from "./reader.ts";
import { foldLine, nameStacks } from "./stacks.ts";
import type { KernelSymbols } from "./symbols.ts";

/** Appends one record to the output. */
export type PrintRecord = (record: RecordReader, output: OutputBuffer) => void;

/** The line for stderr of an error record; undefined for others. */
export function errorLine({ type_code, cpu, payload }: RecordReader): string | undefined {
  return type_code === RECORD_TYPES.error ? `ERROR: ${payload.toString()} (CPU ${cpu})` : undefined;
}

/** The bytes that the script printed, as they are; nothing for an event or an error. */
export const printText: PrintRecord = (record, output) => {
  if (record.type_code === RECORD_TYPES.print) output.append(record.bytes, record.payload_begin, record.payload_size);
};

/** The same with names in the place of the kernel addresses of backtraces. */
export function printNamed(symbols: KernelSymbols): PrintRecord {
  return (record, output) => {
    if (record.type_code !== RECORD_TYPES.print) return;
    const text = latin1Of(record);
    if (text.includes("<stack ")) output.append(...whole(Buffer.from(nameStacks(text, symbols), "latin1")));
    else output.append(record.bytes, record.payload_begin, record.payload_size);
  };
}

/** Only lines that count a backtrace, folded for flame graphs. */
export function printFolded(symbols: KernelSymbols | undefined): PrintRecord {
  return (record, output) => {
    if (record.type_code !== RECORD_TYPES.print) return;
    for (const line of latin1Of(record).split("\n")) {
      const folded = foldLine(line, symbols);
      if (folded !== undefined) output.append(...whole(Buffer.from(`${folded}\n`, "latin1")));
    }
  };
}

/** The text as bytes that a string can hold. */
function latin1Of({ bytes, payload_begin, payload_size }: RecordReader): string {
  return bytes.toString("latin1", payload_begin, payload_begin + payload_size);
}

function whole(bytes: Buffer): [Buffer, number, number] {
  return [bytes, 0, bytes.length];
}

/** One line of JSON for each record. */
export const printJson: PrintRecord = (record, output) => {
  if (record.type_code === RECORD_TYPES.event) output.appendString(`{"event":{${placeOf(record)},${eventOf(record)}}}\n`);
  else if (record.type_code === RECORD_TYPES.error) output.appendString(`{"error":{${placeOf(record)},${textOf(record)}}}\n`);
  else output.appendString(`{${placeOf(record)},${textOf(record)}}\n`);
};

function placeOf({ time_ns, cpu, context, probe, sequence }: RecordReader): string {
  return `"time_ns":${time_ns},"cpu":${cpu},"context":"${context}","probe":${probe},"sequence":${sequence}`;
}

function textOf({ bytes, payload_begin, payload_size, payload }: RecordReader): string {
  const text = `"text":${JSON.stringify(bytes.toString("utf8", payload_begin, payload_begin + payload_size))}`;
  return isUtf8(payload) ? text : `${text},"base64":"${bytes.toString("base64", payload_begin, payload_begin + payload_size)}"`;
}

function eventOf({ payload }: RecordReader): string {
  const event = decodeEvent(payload);
  if (event === undefined) return `"damaged":"${Buffer.from(payload).toString("base64")}"`;
  const args = event.args.map((arg) => `"0x${arg.toString(16)}"`).join(",");
  return `"pid":${event.pid},"tid":${event.tid},"uid":${event.uid},"comm":${JSON.stringify(event.comm)},"args":[${args}],"order":${event.order},"began_ns":${event.time_ns},"flags":${event.flags},"looks":[${event.looks.map(lookOf).join(",")}]`;
}

function lookOf({ kind, key, detail, value }: StpLook): string {
  const gave = typeof value === "string" ? `"error":"${value}"` : `"base64":"${Buffer.from(value).toString("base64")}"`;
  return `{"look":"${kind}","key":"0x${key.toString(16)}","detail":${detail},${gave}}`;
}
