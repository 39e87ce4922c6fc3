/**
 * The string pool (B1–B3).
 *
 * Keeps only how many strings of a level are in use: nothing in the model reads a pool string again after
 * the call that made it. Never hands one out outside a probe.
 * Sibling: runtime-c/src/string.c
 */
import { EFULL, EINVAL, ESTATE, LOSS_FULL, LOSS_KIND_STRING, STRING_SIZE_MAX } from "./protocol.gen";
import { string_dump, Words } from "./dump";
import { format_cuts, format_text, formatted } from "./format";
import { Cpu, Ledger } from "./probe";
import { Arguments, Bytes } from "./value";

const text = new Bytes(STRING_SIZE_MAX - 1);

/** Takes a pool string and outputs the formatted text in it (B3). Returns 0, -ESTATE, -EINVAL or -EFULL. */
export function str_printf(ledger: Ledger, cpu: Cpu, format: Bytes, args: Arguments, outputs: Words): i32 {
  const level = cpu.innermost();
  if (level === null) return -ESTATE; // B1
  if (format_text(format, args) != 0) return -EINVAL;
  ledger.attempt(LOSS_KIND_STRING);
  if (level.strings == cpu.strings_max) {
    ledger.lose(LOSS_KIND_STRING, LOSS_FULL); // B2; no text is made, so none is cut
    return -EFULL;
  }
  level.strings++;
  ledger.cut(format_cuts(args)); // P1
  if (formatted.length > STRING_SIZE_MAX - 1) ledger.cut(1); // B3
  text.clear();
  text.append(formatted, min(formatted.length, STRING_SIZE_MAX - 1));
  string_dump(text, outputs);
  ledger.deliver(LOSS_KIND_STRING);
  return 0;
}
