/**
 * The rows of the bench: what is measured, what is subtracted, and the bound that the design sets.
 *
 * A loop has one name on all sides: runtime-c/bench/bench.c and bench.stp; meter.c for those at the end, hits.ts for kprobes.
 */
import { rounded, ticksPerOperation, type Measurements } from "./figures.ts";

export interface Row {
  readonly operation: string;
  readonly unit: "instructions" | "seconds";
  /** At most so much for ours, where the design says so. */
  readonly target?: number;
  readonly loop: string;
  /** Loop whose turn is subtracted. */
  readonly less?: string;
}

export const ROWS: readonly Row[] = [
  { operation: "map add, int64 key", unit: "instructions", target: 50, loop: "map_add", less: "loop" },
  { operation: "map read, int64 key", unit: "instructions", target: 35, loop: "map_read", less: "loop" },
  { operation: "map add, two int64 keys", unit: "instructions", target: 60, loop: "map_add_two", less: "loop" },
  { operation: "map add, short string key", unit: "instructions", target: 90, loop: "map_add_string", less: "loop_string" },
  { operation: "statistics add", unit: "instructions", target: 22, loop: "stat_add", less: "loop" },
  { operation: "statistics add, log histogram", unit: "instructions", target: 35, loop: "stat_add_histogram", less: "loop" },
  { operation: "per-CPU statistics map add, int64 key", unit: "instructions", target: 50, loop: "map_stat_add", less: "loop" },
  { operation: "per-CPU statistics map add, string key", unit: "instructions", target: 85, loop: "map_stat_add_string", less: "loop_string" },
  { operation: "merged read, 1 CPU", unit: "instructions", target: 80, loop: "map_stat_count", less: "loop" },
  { operation: 'printf "%s %d\\n", buffered', unit: "instructions", target: 180, loop: "printf_buffered", less: "loop_string" },
  { operation: "a flush each, extra", unit: "instructions", target: 100, loop: "printf_flushed", less: "printf_buffered" },
  { operation: "walk, per element of 1000", unit: "instructions", target: 10, loop: "walk" },
  { operation: "walk sorted by value, per element of 1000", unit: "instructions", target: 120, loop: "walk_sorted" },
  { operation: "added per kprobe hit, near-empty body", unit: "instructions", target: 345, loop: "kprobe", less: "call_bare" },
  { operation: "added per kprobe hit, map[pid]++", unit: "instructions", loop: "kprobe_map", less: "call_bare" },
  { operation: "added per kprobe hit, per-CPU map[pid]++", unit: "instructions", loop: "kprobe_map_per_cpu", less: "call_bare" },
  { operation: "added per kprobe hit, map[comm]++", unit: "instructions", loop: "kprobe_map_comm", less: "call_bare" },
  { operation: 'added per kprobe hit, printf("%s %d\\n", comm, pid)', unit: "instructions", loop: "kprobe_printf", less: "call_bare" },
  { operation: "load + empty run + unload", unit: "seconds", target: 0.4, loop: "load_run_unload" },
];

/** The row's figure on one side, in its unit. Ticks are nanoseconds of the guest, each of one instruction. */
export function rowFigure(row: Row, measurements: Measurements): number {
  const ticks = ticksPerOperation(measurements, row.loop, row.less);
  return row.unit === "seconds" ? rounded(ticks / 1e9, 3) : rounded(ticks, 1);
}
