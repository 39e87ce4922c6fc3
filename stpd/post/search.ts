/**
 * Which records hold a few given bytes? Asked of every record, so memory is searched once, as far as it is filled, and not
 * record by record.
 *
 * Siblings: output.ts asks, before it looks at a text more closely.
 */
import type { RecordReader } from "./reader.ts";

export class Search {
  /** Stream offset of the first occurrence that does not begin before the last record that was asked for; Infinity if there is none in `searched`. */
  #found = Infinity;
  /** Stream offset behind what was searched. */
  #searched = -1;

  constructor(private readonly bytes: Buffer) {}

  /** Whether the payload of a record holds the bytes. Records of one reader, in its order. */
  isIn(record: RecordReader): boolean {
    const begin = record.payload_offset;
    const end = begin + record.payload_size;
    if (end > this.#searched || this.#found < begin) this.#search(record, begin);
    return this.#found + this.bytes.length <= end;
  }

  #search(record: RecordReader, begin: number): void {
    const memory = record.memory;
    const found = memory.indexOf(this.bytes, record.payload_begin);
    this.#found = found < 0 ? Infinity : begin + found - record.payload_begin;
    this.#searched = begin + memory.length - record.payload_begin;
  }
}
