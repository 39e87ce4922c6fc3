/**
 * Histograms: the bucket of a sample, and the lines of text (S4–S6).
 *
 * Never prints: it makes one line at a time, print.ts appends it.
 * Sibling: runtime-c/src/hist.c
 */
import { HIST_BUCKETS_MAX, HIST_KIND_LINEAR, HIST_KIND_LOG, HIST_KIND_NONE } from "./protocol.gen";
import { digits_count, signed_append, unsigned_append } from "./digits";
import { Stats } from "./stats";
import { Bytes } from "./value";

/** The bucket of 0 in a log histogram (S4). */
const LOG_ZERO: i32 = 64;
/** Columns of the longest bar (S6). */
const BAR_MAX: i32 = 50;
/** Empty rows that are shown next to one that is not (S6). */
const NEAR: i32 = 2;
const WIDTH_MIN: i32 = 5;

const SPACE: u8 = 0x20;
const NEWLINE: u8 = 0x0a;

/** How a map's statistics are counted in buckets. */
export class Histogram {
  /** All buckets, those of what is below and above included; 0 without a histogram. */
  readonly buckets: i32;

  constructor(readonly kind: i32, readonly low: i64, readonly high: i64, readonly interval: i64) {
    this.buckets = kind == HIST_KIND_LINEAR ? <i32>((high - low) / interval) + 3 : kind == HIST_KIND_LOG ? HIST_BUCKETS_MAX : 0;
  }

  /** The bucket that a sample falls into; 0 without a histogram. */
  bucket_of(sample: i64): i32 {
    if (this.kind == HIST_KIND_NONE) return 0;
    if (this.kind == HIST_KIND_LOG) {
      // S4
      if (sample < 0) return LOG_ZERO - (64 - <i32>clz(0 - <u64>sample));
      return LOG_ZERO + (64 - <i32>clz(<u64>sample)); // 0 has no significant bit
    }
    if (sample < this.low) return 0; // S5
    const index = (<u64>sample - <u64>this.low) / <u64>this.interval; // a difference that int64 may not hold
    return index >= <u64>(this.buckets - 2) ? this.buckets - 1 : 1 + <i32>index;
  }
}

/** The histogram at hand: rows `first` to `last`, shaped by `histogram_begin`. */
export class Rows {
  first: i32 = 0;
  last: i32 = -1;
  width: i32 = 0;
  count_width: i32 = 0;
  scale: u64 = 1;
}
export const rows = new Rows();

/** A label: a sign, a mark and the digits of an int64. */
const label = new Bytes(24);

/** Shapes the rows of S6. There is at least one sample. */
export function histogram_begin(histogram: Histogram, stats: Stats): void {
  const end = histogram.buckets - 1;
  let first = end;
  let last = 0;
  let greatest: u64 = 0;
  for (let i = 0; i <= end; i++) {
    const count = stats.bucket(i);
    if (count == 0) continue;
    first = min(first, i);
    last = i;
    greatest = max(greatest, count);
  }
  const outer = histogram.kind == HIST_KIND_LINEAR; // whose first and last bucket are rows only if they are not empty
  const least = histogram.kind == HIST_KIND_LOG && first >= LOG_ZERO ? LOG_ZERO : outer && stats.bucket(0) == 0 ? 1 : 0;
  const most = outer && stats.bucket(end) == 0 ? end - 1 : end;
  rows.first = max(first - NEAR, least);
  rows.last = min(last + NEAR, most);
  rows.width = max(WIDTH_MIN, max(label_length(histogram, rows.first), label_length(histogram, rows.last)));
  rows.count_width = digits_count(greatest, 10);
  rows.scale = greatest / BAR_MAX + u64(greatest % BAR_MAX != 0);
}

/** Makes the line above the rows. */
export function histogram_head(out: Bytes): void {
  out.clear();
  out.fill(SPACE, rows.width - 5);
  text_append(out, "value |");
  out.fill(0x2d, BAR_MAX);
  text_append(out, " count\n");
}

/** Whether a row is left out: nothing is in it or near it. */
export function histogram_row_is_left_out(stats: Stats, row: i32): bool {
  for (let i = max(row - NEAR, rows.first); i <= min(row + NEAR, rows.last); i++) {
    if (stats.bucket(i) != 0) return false;
  }
  return true;
}

/** Makes the line that stands for rows left out. */
export function histogram_gap(out: Bytes): void {
  out.clear();
  out.fill(SPACE, rows.width);
  text_append(out, " ~\n");
}

/** Makes the line of a row. */
export function histogram_row(out: Bytes, histogram: Histogram, stats: Stats, row: i32): void {
  const count = stats.bucket(row);
  const bar = <i32>(count / rows.scale);
  out.clear();
  out.fill(SPACE, rows.width - label_length(histogram, row));
  out.append(label, label.length);
  text_append(out, " |");
  out.fill(0x40, bar);
  out.fill(SPACE, BAR_MAX + 1 + rows.count_width - bar - digits_count(count, 10));
  unsigned_append(out, count);
  out.push(NEWLINE);
}

/** Makes the last line. */
export function histogram_foot(out: Bytes): void {
  out.clear();
  out.push(NEWLINE);
}

/** Makes `label` that of a row; returns its length. */
function label_length(histogram: Histogram, row: i32): i32 {
  label.clear();
  if (histogram.kind == HIST_KIND_LOG) {
    const power = (<u64>1) << (row < LOG_ZERO ? 63 - row : max(row - 65, 0));
    signed_append(label, row < LOG_ZERO ? <i64>(0 - power) : row == LOG_ZERO ? 0 : <i64>power);
    return label.length;
  }
  const end = histogram.buckets - 1;
  if (row == 0) label.push(0x3c);
  if (row == end) label.push(0x3e);
  const steps = row == 0 ? 0 : row == end ? row - 2 : row - 1;
  signed_append(label, histogram.low + steps * histogram.interval);
  return label.length;
}

function text_append(out: Bytes, text: string): void {
  for (let i = 0; i < text.length; i++) out.push(<u8>text.charCodeAt(i));
}
