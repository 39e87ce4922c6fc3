/** A job's steps as text, one a line. Sibling: guest/job.c, which reads them; guest/job.h lists the verbs. */
import { StpError } from "../spec/errors.ts";

/** Guest's limit on one line, in bytes. */
const LINE_SIZE_MAX = 4095;

/** One step from its words, quoted where they need it: `step("await", "stpd", "it says \"go\"", 5)`. */
export function step(...words: readonly (string | number)[]): string {
  return words.map((word) => quote(String(word))).join(" ");
}

/** The steps file. Throws StpError if a step does not fit on a line. */
export function formatSteps(steps: readonly string[]): string {
  for (const line of steps) {
    if (line.includes("\n")) throw new StpError(`Cannot run step ${JSON.stringify(line)}: it has more than one line; build it with step()`);
    if (Buffer.byteLength(line) >= LINE_SIZE_MAX) throw new StpError(`Cannot run step ${line.slice(0, 60)}…: it is longer than ${LINE_SIZE_MAX} bytes`);
  }
  return steps.map((line) => `${line}\n`).join("");
}

function quote(word: string): string {
  if (/^[^\s"\\#]+$/.test(word)) return word;
  return `"${word.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
