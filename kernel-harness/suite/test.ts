/** What a test in a guest is, and what comes of it. Siblings: smoke.ts has tests, course.ts runs them. */
import type { FetchedKernel } from "../fetch.ts";
import type { GuestFiles } from "../initramfs.ts";
import type { Part } from "../transcript.ts";

/** A test of a kernel: several share a guest, so each takes away what it has put there. */
export interface GuestTest {
  /** A word: letters, digits, dashes. */
  readonly name: string;
  /** Longest time in the guest. */
  readonly seconds_max: number;
  /** Builds what it needs. Throws StpError if that cannot be had, CompileError if our own C does not compile. */
  readonly prepare: (kernel: FetchedKernel, report: (line: string) => void) => Promise<PreparedTest>;
}

export interface PreparedTest {
  readonly files: GuestFiles;
  readonly steps: readonly string[];
  /** Judges what came of its steps, if all of them succeeded. */
  readonly check: (part: Part) => Checked | Promise<Checked>;
}

export interface Checked {
  /** Sentences, each about something wrong. */
  readonly problems: readonly string[];
  /** What is worth knowing, by name. */
  readonly figures?: Readonly<Record<string, number>>;
  /** Kept if there are problems. */
  readonly artefacts?: readonly Artefact[];
}

/**
 * `failed`: the test, or the kernel that it ran on, is at fault. `environment`: the machine, QEMU, a mirror or a tool is.
 * `not run`: what it needs did not come about, and that has a result of its own.
 */
export type Outcome = "ok" | "failed" | "environment" | "not run";

/** A file that says more about a failure. */
export interface Artefact {
  readonly name: string;
  readonly contents: Uint8Array | string;
}

export interface TestResult {
  readonly kernel: string;
  readonly test: string;
  /** Many tests that a table shows as one. */
  readonly group?: string;
  readonly outcome: Outcome;
  readonly ms: number;
  /** Sentences; none if it is ok. */
  readonly problems: readonly string[];
  /** Reports of the kernel, each whole. */
  readonly reports: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  /** Of a failure. */
  readonly artefacts: readonly Artefact[];
}

/** A result of which not all is known. */
export function resultOf(kernel: string, test: string, facts: Partial<TestResult> & Pick<TestResult, "outcome">): TestResult {
  return { kernel, test, ms: 0, problems: [], reports: [], figures: {}, artefacts: [], ...facts };
}
