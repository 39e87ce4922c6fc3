/**
 * What is wrong with a recording's data: where, how much, why.
 *
 * Problems are kept up to a limit and counted beyond it: a file of nothing but damage must not fill the memory.
 * Siblings: reader.ts and merge.ts find problems, post.ts reports them.
 */

/** Problems that are kept and reported one by one; further ones are only counted. */
export const PROBLEMS_KEPT_MAX = 100;

/** What kind of problem it is. */
export const PROBLEM_KINDS = {
  damaged: "bytes that are no record were skipped; none skipped: a record that was kept contradicts itself",
  cut: "the file ends inside a record, and nothing follows on it",
  gap: "bytes are missing here, by the sequence numbers or by the names of the files",
  sequence: "the sequence number is wrong or steps back; the record was kept",
  clock: "time steps back; the CPU's own order was kept",
  file: "a file is missing, unreadable, or not one of the recording's",
} as const;
export type ProblemKind = keyof typeof PROBLEM_KINDS;

export interface Problem {
  readonly kind: ProblemKind;
  /** Name in the recording directory. */
  readonly file: string;
  readonly cpu: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** Bytes of the file that were not read as records, from `offset` on. */
  readonly bytes_skipped: number;
  /** Bytes that should have been in the file at `offset` and are not. */
  readonly bytes_lost: number;
  /** The end of a sentence that begins with the place. */
  readonly why: string;
}

export type ReportProblem = (problem: Problem) => void;

/** One line for people. */
export function describeProblem({ file, offset, why, bytes_skipped, bytes_lost }: Problem): string {
  const skipped = bytes_skipped ? `; ${bytes_skipped} bytes skipped` : "";
  const lost = bytes_lost ? `; ${bytes_lost} bytes lost` : "";
  return `${file}: at offset ${offset}: ${why}${skipped}${lost}`;
}

/** Bounded memory of problems. */
export class ProblemLog {
  readonly kept: Problem[] = [];
  count = 0;
  private readonly incomplete = new Set<number>();

  add(problem: Problem): void {
    this.count++;
    if (problem.bytes_skipped > 0 || problem.bytes_lost > 0 || problem.kind === "file") this.incomplete.add(problem.cpu);
    if (this.kept.length < PROBLEMS_KEPT_MAX) this.kept.push(problem);
  }

  /** Whether records of a CPU may be missing for a reason that is in the log. */
  isIncomplete(cpu: number): boolean {
    return this.incomplete.has(cpu);
  }
}
