/** stp kernel bench: what each operation costs, beside SystemTap. */
import { Command } from "commander";
import type { DeliveryRow } from "../kernel-harness/bench/delivery.ts";
import { benchKernel, isCost, isDelivery, type BenchResult, type CostRow } from "../kernel-harness/bench/run.ts";
import { KERNELS } from "../kernel-harness/kernels.ts";
import { beginProgress } from "./terminal.ts";

export function kernelBenchCommand(): Command {
  return new Command("bench")
    .description("Count the guest instructions of each operation, ours beside SystemTap 4.8, and of each kprobe hit beside bpftrace, too. Both are fetched from Debian and run in the same guest.")
    .argument("[kernel]", "the kernel", KERNELS[0].name)
    .option("--json", "print the result as JSON")
    .action(bench);
}

async function bench(kernel: string, options: { readonly json?: boolean }): Promise<void> {
  const progress = beginProgress(`measuring on ${kernel}`);
  try {
    const result = await benchKernel(kernel, progress.show);
    progress.end();
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : asTable(result));
  } finally {
    progress.end();
  }
}

const WIDTHS = [52, 10, 10, 8, 10, 10, 10, 10] as const;

function asTable({ kernel, rows }: BenchResult): string {
  return [
    `guest instructions for each operation, loop subtracted (QEMU -icount, 1 CPU, ${kernel})\n\n`,
    line("operation", "ours", "SystemTap", "ratio", "bpftrace", "at most"),
    ...rows.filter(isCost).map(asLine),
    "\nwhat arrives, QEMU with 2 CPUs, at most 2 MiB of ring for each\n\n",
    line("", "ours", "SystemTap", "ratio", "bpftrace", "relay", "lost", "at least"),
    ...rows.filter(isDelivery).map(asDelivery),
  ].join("");
}

function asLine({ operation, unit, ours, peer, ratio, bpftrace, target }: CostRow): string {
  const mark = target !== undefined && ours > target ? " over" : "";
  const what = unit === "seconds" ? `${operation} (s)` : operation;
  return `${line(what, String(ours), String(peer), `${ratio}x`, String(bpftrace ?? "-"), String(target ?? "-")).trimEnd()}${mark}\n`;
}

function asDelivery({ operation, ours, peer, ratio, bpftrace, relay_write, reported_lost, at_least }: DeliveryRow): string {
  const mark = at_least !== undefined && ours < at_least ? " short" : "";
  return `${line(operation, String(ours), String(peer), `${ratio}x`, ...[bpftrace, relay_write, reported_lost, at_least].map((cell) => String(cell ?? "-"))).trimEnd()}${mark}\n`;
}

function line(...cells: readonly string[]): string {
  return `${cells.map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[i]!) : cell.padStart(WIDTHS[i]!))).join("")}\n`;
}
