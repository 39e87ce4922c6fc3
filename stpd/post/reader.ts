/**
 * Reads one CPU's stream record by record: streaming, bounded memory, past any damage.
 *
 * A reader is a cursor: its fields are the current record, valid until next(), so that a record costs no object.
 * With nothing lost, `sequence` is the place in the stream. Their difference (the *shift*) is how bytes lost or inserted
 * before are seen, and how a header whose sequence alone is damaged is told from them.
 *
 * While the stream is open it may still grow: then what its present end leaves undecided waits for more.
 * It must never hang, allocate by what damaged bytes say, or drop a record that is whole.
 * Siblings: whole.ts, header.ts, resync.ts, window.ts, parts.ts below it; merge.ts above.
 */
import { CONTEXTS, RECORD_TYPES, type Context, type RecordType } from "../../spec/protocol.ts";
import { HEADER_OFFSETS, HEADER_SIZE, PAYLOAD_SIZE_MAX, type StpRecord } from "../../spec/recording/record.ts";
import { headerFault, sequenceAt } from "./header.ts";
import type { Place } from "./parts.ts";
import type { Problem, ReportProblem } from "./problem.ts";
import { findEntry, findRecord, RECORD_SIZE_MAX } from "./resync.ts";
import { WholeRecords } from "./whole.ts";
import type { StreamWindow } from "./window.ts";

/** Bytes behind damage in an open stream for which its judgement waits: enough for any record and the next. */
const WAIT_SIZE_MAX = 4 * PAYLOAD_SIZE_MAX;

// Copies, because a property of an imported object costs a load on each of a few million records.
const HEADER = HEADER_SIZE;
const PAYLOAD_SIZE_AT = HEADER_OFFSETS.payload_size;
const TIME_AT = HEADER_OFFSETS.time_ns;
const TYPE_NAMES: ReadonlyMap<number, RecordType> = new Map(Object.entries(RECORD_TYPES).map(([name, code]) => [code, name as RecordType]));
const TYPE_AT = HEADER_OFFSETS.type;

/** A record whose shift differs from that of the records before; the next record tells why. */
interface Suspect {
  readonly offset: number;
  readonly shift: number;
}

export interface ReaderOptions {
  /** The stream may still grow; until resume() says otherwise. */
  readonly isOpen?: boolean;
  /** The session did not end: that the stream ends inside a record is no damage. */
  readonly isUnfinished?: boolean;
}

export class RecordReader {
  readonly cpu: number;
  /** Stream offset of the current record, if it is where it belongs; it never decreases. */
  offset: number;
  /** Where its payload stands in `bytes`. */
  payload_begin = 0;
  payload_size = 0;
  /** Value in RECORD_TYPES. */
  type_code = 0;
  /** High and low words of its time. */
  time_high = 0;
  time_low = 0;
  /** Records read so far. */
  count = 0;
  /** Bytes of the stream before its first record that were not kept, on purpose. */
  not_kept: number;

  private readonly whole: WholeRecords;
  private size = 0;
  private suspect: Suspect | undefined;
  /** Offset of some record before; a multiple of 8 from all others unless bytes are missing. */
  private step: number;
  /** Whether the first record from `offset` on may have begun before it. */
  private isEntering: boolean;
  /** Bytes that are missing before `offset`, if it is being entered behind a hole. */
  private hole = 0;
  private readonly isUnfinished: boolean;

  constructor(
    private readonly window: StreamWindow,
    private readonly report: ReportProblem,
    { isOpen = false, isUnfinished = false }: ReaderOptions = {},
  ) {
    window.isOpen = isOpen;
    this.cpu = window.parts.cpu;
    this.whole = new WholeRecords(window, this.cpu);
    this.offset = this.step = this.not_kept = window.parts.begin;
    this.isEntering = this.offset > 0;
    this.isUnfinished = isUnfinished;
  }

  /** Goes to the next record; false at the end of the stream, for now if it is open. */
  next(): boolean {
    const { window } = this;
    window.isShort = false;
    if (this.isEntering && !this.enter()) return false;
    let at = this.offset + this.size;
    for (;;) {
      const size = this.whole.sizeAt(at);
      const inner = size === 0 ? 0 : this.whole.recordInside(at, size);
      if (size !== 0 && inner === 0) {
        this.accept(at, size);
        return true;
      }
      if (size === 0 && window.load(at, 1) === 0) {
        if (!this.passHole(at)) return false;
        at = this.offset;
        continue;
      }
      const fault = this.faultAt(at);
      const next = inner === 0 ? findRecord(window, at + 1, this.cpu, this.step) : inner;
      if (this.mustWait(at)) return this.wait(at);
      if (inner === 0) this.skipDamage(at, fault, next);
      else this.problem("damaged", at, `payload_size is wrong or bytes are missing, for a record begins ${inner - at} bytes on`, inner - at);
      at = next;
    }
  }

  /** Where the current record is in the recording. */
  get place(): Place {
    return this.window.parts.placeOf(this.offset);
  }

  /** Lets an open stream go on where more was written, or ends it. */
  resume(isOpen: boolean): void {
    this.window.isOpen = isOpen;
    this.window.resume();
  }

  /** The memory that holds the current payload, from `payload_begin` on. */
  get bytes(): Buffer {
    return this.window.buffer;
  }

  /** The same memory. */
  get view(): DataView {
    return this.window.view;
  }

  /** All that is in memory of the stream. */
  get memory(): Buffer {
    return this.window.buffer.subarray(0, this.window.end - this.window.begin);
  }

  /** Stream offset of the current payload. */
  get payload_offset(): number {
    return this.offset + HEADER;
  }

  /** A view of the current payload; copy it to keep it. */
  get payload(): Uint8Array {
    return this.window.buffer.subarray(this.payload_begin, this.payload_begin + this.payload_size);
  }

  get context(): Context {
    return CONTEXTS[this.window.view.getUint8(this.header + HEADER_OFFSETS.context)] as Context; // headerFault() checked it
  }

  get type(): RecordType {
    return TYPE_NAMES.get(this.type_code) as RecordType; // headerFault() checked it
  }

  get probe(): number {
    return this.window.view.getUint32(this.header + HEADER_OFFSETS.probe, true);
  }

  get sequence(): bigint {
    return this.window.view.getBigUint64(this.header + HEADER_OFFSETS.sequence, true);
  }

  get time_ns(): bigint {
    return this.window.view.getBigUint64(this.header + TIME_AT, true);
  }

  /** A copy of the current record that outlives next(). */
  copy(): StpRecord & { readonly offset: number } {
    const { offset, cpu, context, type, probe, sequence, time_ns } = this;
    return { offset, cpu, context, type, probe, sequence, time_ns, payload: Uint8Array.from(this.payload) };
  }

  private get header(): number {
    return this.payload_begin - HEADER;
  }

  private accept(at: number, size: number): void {
    const { view, begin } = this.window;
    const index = at - begin;
    const payload_size = view.getUint32(index + PAYLOAD_SIZE_AT, true);
    this.offset = this.step = at;
    this.size = size;
    this.payload_begin = index + HEADER;
    this.payload_size = payload_size;
    this.type_code = view.getUint8(index + TYPE_AT);
    this.time_low = view.getUint32(index + TIME_AT, true);
    this.time_high = view.getUint32(index + TIME_AT + 4, true);
    this.count++;
    const shift = sequenceAt(view, index) - at;
    if (shift !== this.whole.shift || this.suspect !== undefined) this.judgeShift(at, shift);
    for (let i = index + HEADER + payload_size; i < index + size; i++)
      if (view.getUint8(i) !== 0) return this.problem("damaged", at, "the padding is not zero, so the end of the text may be wrong; the record is kept");
  }

  private faultAt(at: number): string | undefined {
    const { window } = this;
    return window.load(at, HEADER) < HEADER ? undefined : headerFault(window.view, at - window.begin, this.cpu);
  }

  /** There is no record at `at`; `next` is the offset of the one behind, or of the end. */
  private skipDamage(at: number, fault: string | undefined, next: number): void {
    const { window } = this;
    if (fault !== undefined || window.load(next, 1) > 0) this.problem("damaged", at, fault ?? "payload_size is damaged, it exceeds the file", next - at);
    else if (!this.isUnfinished || window.parts.hasHole(next)) this.problem("cut", at, "the file ends inside a record", next - at);
  }

  /** Enters a stretch of the stream at `offset`; false if that must wait. What is left there of a record that began before is skipped. */
  private enter(): boolean {
    const { window, offset, hole } = this;
    const entry = findEntry(window, offset, this.cpu);
    if (entry === undefined && this.mustWait(offset)) return this.wait(offset);
    this.offset = this.step = entry ?? this.endOfRest(offset);
    this.isEntering = false;
    if (hole > 0) this.problem("gap", offset, "bytes before this part are missing", this.offset - offset, hole);
    else this.not_kept = this.offset;
    this.hole = 0;
    return true;
  }

  /** If a stretch from `offset` on may be a part of a single record, its end; else `offset`. */
  private endOfRest(offset: number): number {
    const { window } = this;
    window.rewind(offset);
    const next = findRecord(window, offset, this.cpu, offset);
    if (next - offset < RECORD_SIZE_MAX && window.load(next, 1) === 0) return next;
    window.rewind(offset);
    return offset;
  }

  /** At the end of a stretch: true if another begins, after a hole. */
  private passHole(at: number): boolean {
    const { window } = this;
    const isUnread = window.parts.isUnread;
    const next = window.skipHole();
    if (next === undefined) return this.finish(at);
    this.settleSuspect();
    this.hole = isUnread ? 0 : next - at; // the first part may have been removed before it could be read
    this.offset = next;
    this.size = this.whole.shift = 0;
    this.isEntering = true;
    return this.enter();
  }

  /** Whether what is to be decided at `at` depends on what may still be written. */
  private mustWait(at: number): boolean {
    return this.window.isShort && this.window.end - at <= WAIT_SIZE_MAX;
  }

  private wait(at: number): false {
    this.offset = at;
    this.size = 0;
    this.window.rewind(at);
    return false;
  }

  /** A differing shift is a lie of one header if the next record is as before, else bytes are missing or too many. */
  private judgeShift(at: number, shift: number): void {
    if (this.suspect && shift === this.whole.shift) {
      this.problem("sequence", this.suspect.offset, "the sequence number is damaged; the record is kept");
      this.suspect = undefined;
      return;
    }
    this.settleSuspect();
    if (shift !== this.whole.shift) this.suspect = { offset: at, shift };
  }

  private settleSuspect(): void {
    if (!this.suspect) return;
    const { offset, shift } = this.suspect;
    const change = shift - this.whole.shift;
    if (change > 0) this.problem("gap", offset, "the sequence has a gap", 0, change);
    else this.problem("sequence", offset, `the sequence steps back: ${-change} bytes are repeated or foreign`);
    this.whole.shift = shift;
    this.suspect = undefined;
  }

  private finish(at: number): false {
    this.offset = at;
    this.size = 0;
    if (this.window.failure !== undefined) this.problem("file", at, this.window.failure);
    this.window.failure = undefined;
    if (!this.window.isOpen) this.settleSuspect();
    return false;
  }

  private problem(kind: Problem["kind"], offset: number, why: string, bytes_skipped = 0, bytes_lost = 0): void {
    this.report({ kind, ...this.window.parts.placeOf(offset), cpu: this.cpu, bytes_skipped, bytes_lost, why });
  }
}
