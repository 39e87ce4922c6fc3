/** What every verb shows while it works: a progress line on a terminal, nothing elsewhere. Results never go here. */
import { InvalidArgumentError } from "commander";
import ora, { type Ora } from "ora";
import { WORKLOAD_MODES } from "../kernel-harness/workload.ts";

export interface Progress {
  /** Replaces the line. */
  readonly show: (line: string) => void;
  /** A line that stays, on stderr. */
  readonly note: (line: string) => void;
  /** Takes the line away until it is drawn again: for what goes to stdout meanwhile. */
  readonly hide: () => void;
  readonly end: () => void;
}

/** Begins a progress line. Call `end` before anything is written to stdout. */
export function beginProgress(line: string): Progress {
  const isTerminal = process.stderr.isTTY === true;
  const spinner: Ora = ora({ text: line, stream: process.stderr, isSilent: !isTerminal, discardStdin: false }).start();
  return {
    show: (text) => {
      spinner.text = text;
    },
    note: (text) => {
      spinner.clear();
      process.stderr.write(`stp: ${text}\n`);
    },
    hide: () => void spinner.clear(),
    end: () => void spinner.stop(),
  };
}

/** For an option that `readWorkload()` reads. */
export const WORKLOAD_HELP = `what the guest does meanwhile, as "io 3 100": ${WORKLOAD_MODES.join(", ")}; then, if wanted, processes and count`;

/** For an option that limits how long a kernel may take to boot. */
export const BOOT_SECONDS_HELP = "longest time that a kernel may take to boot";
export const BOOT_S_MAX = 3600;

/** A whole number of an option. Throws what commander prints as a usage error. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(`it must be a whole number from ${min} to ${max}`);
    return value;
  };
}

/** Exit status of what ^C ended, as shells have it: 128 + SIGINT. */
export const EXIT_INTERRUPTED = 130;

/** For an option that may be given again. */
export function gather(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
