/**
 * Records as the script's output: text, or JSON lines. In text, an error that ended a hit is no output but a line for stderr.
 *
 * 64-bit numbers are exact in JSON: decimal literals, which a reader may round above 2^53; arguments of events are mostly
 * addresses, so they are hexadecimal strings. Text that is not UTF-8 comes with its exact bytes in `base64`.
 * Siblings: merge.ts gives the order, buffer.ts takes the bytes, stacks.ts has the names.
 */
import { isUtf8 } from "node:buffer";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import type { Manifest } from "../../spec/recording/manifest.ts";
import { decodeEvent, type StpLook } from "../../spec/recording/event.ts";
import type { OutputBuffer } from "./buffer.ts";
import type { RecordReader } from "./reader.ts";
import { Search } from "./search.ts";

const PRINT = RECORD_TYPES.print;
/** With what backtraces begin, of the kernel and of user space. The first byte is rare in most texts: a search is as fast as memory then. */
const STACK = Buffer.from("<stack ");
const USER_STACK = Buffer.from("<ustack ");

/**
 * One form of the output: text, JSON lines, … Each method appends to `output` and keeps nothing of it.
 *
 * A printer is made for one recording (post.ts) and may keep a state of bounded size. Calls come in this
 * order: begin, print for each record in the order of the merge, end. It must not throw for anything that is in a record.
 */
export interface Printer {
  /** What stands before the first record. */
  readonly begin?: (output: OutputBuffer) => void;
  /** Any record, whatever its type. It is a cursor: copy what is kept beyond the call. */
  readonly print: (record: RecordReader, output: OutputBuffer) => void;
  /** What stands behind the last record, even if the reading was stopped early. `manifest`: the last one, of a session that was followed that of its end. */
  readonly end?: (output: OutputBuffer, manifest: Manifest) => void;
}

/** Replaces the addresses in a text's backtraces by names; `text` has a character for each byte (latin1). */
export type NameStacks = (text: string, record: RecordReader) => string;

/** The line for stderr of an error record. */
export function errorLine({ cpu, payload }: RecordReader): string {
  return `ERROR: ${payload.toString()} (CPU ${cpu})`;
}

/** The bytes that the script printed, as they are; nothing for an event or an error. */
export const textPrinter: Printer = {
  print(record, output) {
    if (record.type_code === PRINT) output.appendPayload(record);
  },
};

/** The same with names in the place of addresses of backtraces. */
export function namedPrinter(nameStacks: NameStacks): Printer {
  const kernel: Search[] = [];
  const user: Search[] = [];
  return {
    print(record, output) {
      if (record.type_code !== PRINT) return;
      const hasStack = (kernel[record.cpu] ??= new Search(STACK)).isIn(record);
      const hasUserStack = (user[record.cpu] ??= new Search(USER_STACK)).isIn(record);
      if (hasStack || hasUserStack) output.appendLatin1(nameStacks(latin1Of(record), record));
      else output.appendPayload(record);
    },
  };
}

/** Only lines that count a backtrace, folded for flame graphs. `foldLine` gives undefined for any other line. */
export function foldedPrinter(foldLine: (line: string, record: RecordReader) => string | undefined): Printer {
  return {
    print(record, output) {
      if (record.type_code !== PRINT) return;
      for (const line of latin1Of(record).split("\n")) {
        const folded = foldLine(line, record);
        if (folded !== undefined) output.appendLatin1(`${folded}\n`);
      }
    },
  };
}

/** One line of JSON for each record. */
export const jsonPrinter: Printer = {
  print(record, output) {
    if (record.type_code === RECORD_TYPES.event) output.appendString(`{"event":{${placeOf(record)},${eventOf(record)}}}\n`);
    else if (record.type_code === RECORD_TYPES.error) output.appendString(`{"error":{${placeOf(record)},${textOf(record)}}}\n`);
    else output.appendString(`{${placeOf(record)},${textOf(record)}}\n`);
  },
};

/** The text as bytes that a string can hold. */
function latin1Of({ bytes, payload_begin, payload_size }: RecordReader): string {
  return bytes.toString("latin1", payload_begin, payload_begin + payload_size);
}

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
