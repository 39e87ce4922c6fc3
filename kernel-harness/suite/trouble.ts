/** Whose fault an error is: the environment's, our C's for a kernel, or a bug of the harness. */
import { messageOf, StpError } from "../../spec/errors.ts";
import { CompileError } from "../module.ts";
import type { Outcome } from "./test.ts";

/** What to do about what the system refuses. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "make space, or set STP_CACHE_DIR and TMPDIR to where there is some",
  EDQUOT: "make space, or set STP_CACHE_DIR and TMPDIR to where there is some",
  EROFS: "set STP_CACHE_DIR and TMPDIR to another file system",
  EACCES: "set STP_CACHE_DIR and TMPDIR to directories of your own",
  EMFILE: "raise the limit of open files by ulimit -n",
  EAGAIN: "raise the limit of processes, or run fewer guests at once (--guests)",
  ENOMEM: "run fewer guests at once (--guests)",
};

export interface Failure {
  readonly outcome: Outcome;
  readonly problems: readonly string[];
}

/** A failing test is what a kernel broke, or we did; the environment is everything that the system or a tool refuses. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CompileError) return { outcome: "failed", problems: [error.message] };
  if (error instanceof StpError) return { outcome: "environment", problems: [error.message] };
  const { code, syscall, stack } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return { outcome: "failed", problems: [`The harness has a bug: ${stack ?? messageOf(error)}`] };
  const remedy = REMEDIES[code ?? ""];
  return { outcome: "environment", problems: [`${messageOf(error)}${remedy === undefined ? "" : `; ${remedy}`}`] };
}
