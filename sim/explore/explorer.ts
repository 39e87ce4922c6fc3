/**
 * What an explorer is: it makes runs of a course, one after the other, and shows each outcome.
 *
 * Siblings: depth-first.ts, pct.ts, random.ts; explore.ts counts, judges and doubles what they show.
 */
import type { Course, Outcome } from "../run.ts";

/** Shown at the end of each run, while the machine is still as the run left it. False: enough. */
export type Visit = (outcome: Outcome) => boolean;

/** True if it made every run that it has; false if it was told that it is enough. */
export type Explorer = (course: Course, visit: Visit) => boolean;
