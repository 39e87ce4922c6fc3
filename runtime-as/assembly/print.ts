/**
 * Printing: a buffer for each level of each CPU, sent as one record (P2–P4).
 *
 * Never splits a text over two records; what does not fit into a whole buffer is cut and counted.
 * Sibling: runtime-c/src/print.c
 */
import { EFULL, EINVAL, ESTATE, LOSS_FULL, LOSS_KIND_RECORD, RECORD_PRINT } from "./protocol.gen";
import { format_cuts, format_text, formatted } from "./format";
import { Cpu, Ledger, Level } from "./probe";
import { ring_write } from "./ring";
import { Arguments, Bytes } from "./value";

/** Appends to the innermost probe's print buffer (P2). Returns 0, -ESTATE or -EINVAL. */
export function print_printf(ledger: Ledger, cpu: Cpu, format: Bytes, args: Arguments): i32 {
  const level = cpu.innermost();
  if (level === null) return -ESTATE;
  if (format_text(format, args) != 0) return -EINVAL;
  ledger.cut(format_cuts(args)); // P1
  const buffer = level.print;
  if (formatted.length > buffer.capacity - buffer.length) flush(ledger, cpu, level);
  if (formatted.length > buffer.capacity) ledger.cut(1);
  buffer.append(formatted, min(formatted.length, buffer.capacity));
  return 0;
}

/** Sends the innermost probe's print buffer (P3). Returns 0, -ESTATE or -EFULL; the buffer is empty then. */
export function print_flush(ledger: Ledger, cpu: Cpu): i32 {
  const level = cpu.innermost();
  return level === null ? -ESTATE : flush(ledger, cpu, level);
}

function flush(ledger: Ledger, cpu: Cpu, level: Level): i32 {
  if (level.print.length == 0) return 0; // nothing is offered
  const taken = ring_write(cpu.ring, RECORD_PRINT, level.index, level.probe, level.print);
  level.print.clear();
  ledger.attempt(LOSS_KIND_RECORD);
  if (taken) ledger.deliver(LOSS_KIND_RECORD);
  else ledger.lose(LOSS_KIND_RECORD, LOSS_FULL);
  return taken ? 0 : -EFULL;
}
