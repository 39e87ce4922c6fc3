/** Told apart: what is the environment's fault, and what is a bug of ours. Pure. */
import { messageOf, StpError } from "../../spec/errors.ts";

/** What the system refuses when a machine is full or misused, and what to do about it. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the disk; make some, or set STP_CACHE_DIR and TMPDIR to where there is",
  EDQUOT: "the disk quota is used up; make space, or set STP_CACHE_DIR and TMPDIR to where there is",
  EROFS: "the file system is read-only; set STP_CACHE_DIR and TMPDIR to another",
  EACCES: "no permission; set STP_CACHE_DIR and TMPDIR to directories of your own",
  EMFILE: "too many files are open; raise the limit by ulimit -n",
  ENOMEM: "no memory is left; run fewer guests at once (--guests)",
};

/** One sentence about an error that is the environment's. Throws it again if it is not. */
export function environmentTrouble(error: unknown): string {
  if (error instanceof StpError) return error.message;
  const refusal = REFUSALS[(error as NodeJS.ErrnoException).code ?? ""];
  if (refusal === undefined) throw error;
  return `${messageOf(error)}: ${refusal}`;
}
