/**
 * One stream out of the per-CPU files, in order of (time, CPU, sequence): a binary heap of readers.
 *
 * A CPU's own order is never changed. Where its clock steps back, its records come out at once after the one before, as
 * if they had that one's time: the result is the sort by (greatest time so far on the CPU, CPU, place in its file).
 * Siblings: reader.ts gives the records, output.ts prints them.
 */
import type { ReportProblem } from "./problem.ts";
import type { RecordReader } from "./reader.ts";

/** The part of a reader that the order depends on. */
export type MergeSource = Pick<RecordReader, "cpu" | "place" | "time_high" | "time_low" | "time_ns" | "next">;

export class Merge<Source extends MergeSource> {
  private readonly heap: Source[] = [];
  /** Sources that had no further record when they were last asked. */
  private readonly dry: Source[] = [];
  /** Whether the root's current record has been handed out. */
  private taken = false;

  /** Reads the first record of each source. */
  constructor(
    sources: readonly Source[],
    private readonly report: ReportProblem,
  ) {
    for (const source of sources) (source.next() ? this.heap : this.dry).push(source);
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sink(i);
  }

  /** The reader that stands at the next record, until the next call; undefined at the end. */
  next(): Source | undefined {
    const root = this.peek();
    this.taken = true;
    return root;
  }

  /** What next() is going to give, unless refill() finds an older one. */
  peek(): Source | undefined {
    if (this.taken) this.advance();
    this.taken = false;
    return this.heap[0];
  }

  /** As next(), after peek() gave something. */
  take(): void {
    this.taken = true;
  }

  /** Asks sources that were at their end again: they may have grown. */
  refill(): void {
    this.peek();
    for (const source of this.dry.splice(0)) {
      if (this.step(source)) this.rise(source);
      else this.dry.push(source);
    }
  }

  private advance(): void {
    const root = this.heap[0];
    if (root === undefined) return;
    if (!this.step(root)) {
      this.dry.push(root);
      const last = this.heap.pop();
      if (last !== undefined && last !== root) this.heap[0] = last;
    }
    this.sink(0);
  }

  /** Goes to a source's next record; false at its end. */
  private step(source: Source): boolean {
    const { time_high, time_low } = source;
    if (!source.next()) return false;
    if (source.time_high < time_high || (source.time_high === time_high && source.time_low < time_low)) this.stepsBack(source, time_high, time_low);
    return true;
  }

  private stepsBack(source: Source, time_high: number, time_low: number): void {
    const before_ns = (BigInt(time_high) << 32n) + BigInt(time_low);
    this.report({
      kind: "clock",
      ...source.place,
      cpu: source.cpu,
      bytes_skipped: 0,
      bytes_lost: 0,
      why: `time steps back by ${before_ns - source.time_ns} ns; the CPU's own order is kept`,
    });
  }

  /** Puts a source into the heap. */
  private rise(source: Source): void {
    const { heap } = this;
    let hole = heap.length;
    for (;;) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent];
      if (hole === 0 || above === undefined || !isBefore(source, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = source;
  }

  /** Moves the reader at index `hole` down to its place. */
  private sink(hole: number): void {
    const { heap } = this;
    const moved = heap[hole];
    if (moved === undefined) return;
    for (;;) {
      let child = 2 * hole + 1;
      let least = heap[child];
      if (least === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, least)) {
        least = right;
        child++;
      }
      if (!isBefore(least, moved)) break;
      heap[hole] = least;
      hole = child;
    }
    heap[hole] = moved;
  }
}

function isBefore(a: MergeSource, b: MergeSource): boolean {
  if (a.time_high !== b.time_high) return a.time_high < b.time_high;
  if (a.time_low !== b.time_low) return a.time_low < b.time_low;
  return a.cpu < b.cpu;
}
