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
export type MergeSource = Pick<RecordReader, "cpu" | "offset" | "time_high" | "time_low" | "time_ns" | "next">;

export class Merge<Source extends MergeSource> {
  private readonly heap: Source[] = [];
  /** Whether the root's current record has been handed out. */
  private taken = false;

  /** Reads the first record of each source. */
  constructor(
    sources: readonly Source[],
    private readonly report: ReportProblem,
  ) {
    for (const source of sources) if (source.next()) this.heap.push(source);
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sink(i);
  }

  /** The reader that stands at the next record, until the next call; undefined at the end. */
  next(): Source | undefined {
    if (this.taken) this.advance();
    this.taken = true;
    return this.heap[0];
  }

  private advance(): void {
    const root = this.heap[0];
    if (root === undefined) return;
    const { time_high, time_low } = root;
    if (root.next()) {
      if (root.time_high < time_high || (root.time_high === time_high && root.time_low < time_low)) this.stepsBack(root, time_high, time_low);
    } else {
      const last = this.heap.pop();
      if (last !== undefined && last !== root) this.heap[0] = last;
    }
    this.sink(0);
  }

  private stepsBack(source: Source, time_high: number, time_low: number): void {
    const before_ns = (BigInt(time_high) << 32n) + BigInt(time_low);
    this.report({
      kind: "clock",
      file: `cpu${source.cpu}.data`,
      cpu: source.cpu,
      offset: source.offset,
      bytes_skipped: 0,
      bytes_lost: 0,
      why: `time steps back by ${before_ns - source.time_ns} ns; the CPU's own order is kept`,
    });
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
