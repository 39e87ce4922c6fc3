/**
 * Reads one `cpuN.data` record by record: streaming, bounded memory, past any damage.
 *
 * A reader is a cursor: its fields are the current record, valid until next(), so that a record costs no object.
 * With nothing lost, `sequence` is the file offset. Their difference (the *shift*) is how bytes lost or inserted before
 * are seen, and how a header whose sequence alone is damaged is told from them.
 *
 * It must never hang, allocate by what damaged bytes say, or drop a record that is whole.
 * Siblings: header.ts, resync.ts, window.ts below it; merge.ts above.
 */
import { CONTEXTS, RECORD_MAGIC, RECORD_TYPES, type Context, type RecordType } from "../../spec/protocol.ts";
import { HEADER_OFFSETS, HEADER_SIZE, RECORD_ALIGN, recordSize, type StpRecord } from "../../spec/recording/record.ts";
import { headerFault, sequenceAt } from "./header.ts";
import type { Problem, ReportProblem } from "./problem.ts";
import { findMagic, findRecord, isContinued, isFollowed } from "./resync.ts";
import type { FileWindow } from "./window.ts";

const MAGIC_SIZE = 4;
const PAYLOAD_SIZE_AT = HEADER_OFFSETS.payload_size;
const TIME_AT = HEADER_OFFSETS.time_ns;
const TYPE_NAMES: ReadonlyMap<number, RecordType> = new Map(Object.entries(RECORD_TYPES).map(([name, code]) => [code, name as RecordType]));
const TYPE_AT = HEADER_OFFSETS.type;

/** A record whose shift differs from that of the records before; the next record tells why. */
interface Suspect {
  readonly offset: number;
  readonly shift: number;
}

export class RecordReader {
  /** File offset of the current record. */
  offset = 0;
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

  private size = 0;
  private shift = 0;
  private suspect: Suspect | undefined;

  constructor(
    readonly cpu: number,
    private readonly window: FileWindow,
    private readonly report: ReportProblem,
  ) {}

  /** Goes to the next record; false at the end of the file. */
  next(): boolean {
    let at = this.offset + this.size;
    for (;;) {
      if (this.window.load(at, HEADER_SIZE) === 0) return this.finish(at);
      const size = this.wholeRecordAt(at);
      if (size === 0) {
        at = this.skipDamage(at);
        continue;
      }
      const inner = this.recordInside(at, size);
      if (inner === 0) {
        this.accept(at, size);
        return true;
      }
      this.problem("damaged", at, `payload_size is wrong or bytes are missing, for a record begins ${inner - at} bytes on`, inner - at);
      at = inner;
    }
  }

  /** The memory that holds the current payload, from `payload_begin` on. */
  get bytes(): Buffer {
    return this.window.buffer;
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
    return this.payload_begin - HEADER_SIZE;
  }

  /** Bytes of the record at `at`, all of it in memory and the header after it, too; 0 if it is not a whole record. */
  private wholeRecordAt(at: number): number {
    const { window } = this;
    if (window.load(at, HEADER_SIZE) < HEADER_SIZE) return 0;
    const index = at - window.begin;
    if (headerFault(window.view, index, this.cpu) !== undefined) return 0;
    const size = recordSize(window.view.getUint32(index + PAYLOAD_SIZE_AT, true));
    return window.load(at, size + HEADER_SIZE) < size ? 0 : size;
  }

  /** Offset of a record that begins inside the one at `at`, which is then no record; 0 if none does. */
  private recordInside(at: number, size: number): number {
    const { view, begin } = this.window;
    const index = at - begin;
    for (let i = index + HEADER_SIZE; i < index + size; i += RECORD_ALIGN)
      if (view.getUint32(i, true) === RECORD_MAGIC && this.isInside(at, size, begin + i, false)) return begin + i;
    return this.isConfirmed(at, size) ? 0 : this.recordInsideOutOfStep(at, size);
  }

  /** Whether what follows the record agrees that it ends there. */
  private isConfirmed(at: number, size: number): boolean {
    const available = this.window.load(at, size + HEADER_SIZE);
    return available === size || (available >= size + HEADER_SIZE && isContinued(this.window, at, size, this.cpu));
  }

  private recordInsideOutOfStep(at: number, size: number): number {
    const end = at + size + MAGIC_SIZE - 1;
    for (let from = at + 1; ; from++) { // bytes of the header may be missing, too
      from = findMagic(this.window, from, Math.min(end, at + this.window.load(at, size + HEADER_SIZE)));
      if (from < 0) return 0;
      if (this.isInside(at, size, from, true)) return from;
    }
  }

  /**
   * Whether a record truly begins at `inner`. A payload may hold headers for reasons of its own, so only the sequence
   * that proves damage counts. The outer record's true sequence is its own or, if that is damaged, the one expected. If
   * its payload_size is wrong, inner is as far on in the stream as in the file. If bytes of it are missing, inner is
   * where the outer claims to end; or later if more is missing, and then what follows inner must confirm it.
   */
  private isInside(at: number, size: number, inner: number, isUnconfirmed: boolean): boolean {
    const { window } = this;
    if (window.load(at, size + HEADER_SIZE) < inner - at + HEADER_SIZE) return false;
    if (headerFault(window.view, inner - window.begin, this.cpu) !== undefined) return false;
    const sequence = sequenceAt(window.view, inner - window.begin);
    const own = sequence - sequenceAt(window.view, at - window.begin);
    const expected = sequence - (at + this.shift);
    if (own === inner - at || expected === inner - at || own === size || expected === size) return true;
    return isUnconfirmed && Math.max(own, expected) > size && isFollowed(window, at, inner, this.cpu);
  }

  private accept(at: number, size: number): void {
    const { view } = this.window;
    const index = at - this.window.begin;
    this.offset = at;
    this.size = size;
    this.payload_begin = index + HEADER_SIZE;
    this.payload_size = view.getUint32(index + PAYLOAD_SIZE_AT, true);
    this.type_code = view.getUint8(index + TYPE_AT);
    this.time_low = view.getUint32(index + TIME_AT, true);
    this.time_high = view.getUint32(index + TIME_AT + 4, true);
    this.count++;
    const shift = sequenceAt(view, index) - at;
    if (shift !== this.shift || this.suspect) this.judgeShift(at, shift);
    for (let i = this.payload_begin + this.payload_size; i < index + size; i++)
      if (view.getUint8(i) !== 0) return this.problem("damaged", at, "the padding is not zero, so the end of the text may be wrong; the record is kept");
  }

  /** Skips from `at` to the next record or the end of the file. */
  private skipDamage(at: number): number {
    const { window } = this;
    const available = window.load(at, HEADER_SIZE);
    const fault = available < HEADER_SIZE ? undefined : headerFault(window.view, at - window.begin, this.cpu);
    const found = findRecord(window, at + 1, this.cpu, this.offset);
    const ended = window.load(found, 1) === 0;
    if (fault === undefined && ended) this.problem("cut", at, "the file ends inside a record", found - at);
    else this.problem("damaged", at, fault ?? "payload_size is damaged, it exceeds the file", found - at);
    return found;
  }

  /** A differing shift is a lie of one header if the next record is as before, else bytes are missing or too many. */
  private judgeShift(at: number, shift: number): void {
    if (this.suspect && shift === this.shift) {
      this.problem("sequence", this.suspect.offset, "the sequence number is damaged; the record is kept");
      this.suspect = undefined;
      return;
    }
    this.settleSuspect();
    if (shift !== this.shift) this.suspect = { offset: at, shift };
  }

  private settleSuspect(): void {
    if (!this.suspect) return;
    const { offset, shift } = this.suspect;
    const change = shift - this.shift;
    if (change > 0) this.problem("gap", offset, "the sequence has a gap", 0, change);
    else this.problem("sequence", offset, `the sequence steps back: ${-change} bytes are repeated or foreign`);
    this.shift = shift;
    this.suspect = undefined;
  }

  private finish(at: number): false {
    this.settleSuspect();
    this.offset = at;
    this.size = 0;
    if (this.window.failure !== undefined) this.problem("file", at, this.window.failure);
    this.window.failure = undefined;
    return false;
  }

  private problem(kind: Problem["kind"], offset: number, why: string, bytes_skipped = 0, bytes_lost = 0): void {
    this.report({ kind, file: `cpu${this.cpu}.data`, cpu: this.cpu, offset, bytes_skipped, bytes_lost, why });
  }
}
