/** Runs a job in a guest kernel and says what came of it. */
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chooseAccelerator } from "./accelerator.ts";
import type { FetchedKernel } from "./fetch.ts";
import { packInitramfs, type GuestFiles } from "./initramfs.ts";
import type { Accelerator } from "./qemu.ts";
import { runSession, type Session, type SessionListeners } from "./session.ts";
import type { Part, ProgramOutput } from "./transcript.ts";
import { judge, type Problem } from "./verdict.ts";

/** A directory: the console of each guest that fails is kept there. For tests that do not give it out. */
export const CONSOLES_VARIABLE = "STP_CONSOLES";

const DEFAULTS = { cpus: 2, memory_mib: 512, boot_ms: 90_000, silence_ms: 30_000, timeout_ms: 180_000 } as const;

export interface Job extends SessionListeners {
  readonly files: GuestFiles;
  /** Steps, one a line: guest/job.h lists the verbs, steps.ts builds them. */
  readonly steps: readonly string[];
  readonly cpus?: number;
  readonly memory_mib?: number;
  /** The guest may read all files of the host (guest/enter.c). */
  readonly host_files?: boolean;
  /** The kernel's code is patched all the time: see `turns` in qemu.ts. */
  readonly patches?: boolean;
  /** One CPU at a time has something to do. TCG then runs them in one thread, where the next one's turn never waits for the host. */
  readonly alternate?: boolean;
  /** Longest time from QEMU's start to the guest's first report. */
  readonly boot_ms?: number;
  /** Longest silence of the report channel after that. */
  readonly silence_ms?: number;
  /** Longest time from QEMU's start to the end of the job. */
  readonly timeout_ms?: number;
  /** Longest time of a test of the job, by its name. */
  readonly tests_ms?: Readonly<Record<string, number>>;
  /** Told what is happening, one line at a time. */
  readonly report?: (line: string) => void;
}

export interface GuestResult {
  /** Every step succeeded, and the kernel had no complaint. */
  readonly ok: boolean;
  /** `uname -r` of the guest; undefined if it never reported. */
  readonly release: string | undefined;
  readonly accelerator: Accelerator;
  /** The tests that began, in their order: of a job that has `test` steps. What those gave is not in `outputs` and `files`. */
  readonly tests: readonly Part[];
  /** By the name that `start` or `run` gave; `insmod` and `rmmod` for those steps. */
  readonly outputs: Readonly<Record<string, ProgramOutput>>;
  /** What `send` sent, by path in the guest. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The kernel's console, bounded to 8 MiB. */
  readonly console: string;
  readonly problems: readonly Problem[];
  /** From QEMU's start to the guest's first report. */
  readonly boot_ms: number | undefined;
  /** From QEMU's start to its end. */
  readonly total_ms: number;
}

/** Runs the job. A failing job is a result; throws StpError only if no guest could be started at all. */
export async function runGuest(kernel: FetchedKernel, job: Job): Promise<GuestResult> {
  const { cpus, memory_mib, boot_ms, silence_ms, timeout_ms, host_files = false } = { ...DEFAULTS, ...job };
  const limits = { boot_ms, silence_ms, timeout_ms, ...(job.tests_ms && { tests_ms: job.tests_ms }) };
  const initramfs = await packInitramfs(kernel, job.files, job.steps, host_files);
  const usual = await chooseAccelerator(kernel, job.report ?? (() => {}));
  const accelerator = (job.patches || job.alternate) && usual === "tcg" ? "turns" : usual;
  const boot = (): Promise<Session> => runSession(kernel, { accelerator, cpus, memory_mib, ...(host_files && { host_files }) }, initramfs, limits, job);
  let session = await boot();
  // On a machine under load QEMU sometimes stands still before the kernel has said anything. Who set a time of their own wants to see that.
  if (session.ending === "boot" && job.boot_ms === undefined) {
    job.report?.(`${kernel.name} did not come up within ${boot_ms / 1000} s; once more`);
    session = await boot();
  }
  const problems = judge(session, limits);
  const consoles = process.env[CONSOLES_VARIABLE];
  if (consoles !== undefined && problems.length > 0) await writeFile(join(consoles, `${Date.now()}-${randomUUID().slice(0, 8)}.console.log`), session.console);
  const [apart, ...tests] = session.transcript.parts();
  return {
    ok: problems.length === 0,
    release: session.transcript.release,
    accelerator,
    tests,
    outputs: apart.outputs,
    files: apart.files,
    console: session.console,
    problems,
    boot_ms: session.boot_ms,
    total_ms: session.total_ms,
  };
}
