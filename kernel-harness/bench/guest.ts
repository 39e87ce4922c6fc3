/** A guest whose clock counts instructions: what runs in it costs the same each time. Sibling: ../guest.ts, which is fast instead */
import { StpError } from "../../spec/errors.ts";
import type { FetchedKernel } from "../fetch.ts";
import { packInitramfs, type GuestFiles } from "../initramfs.ts";
import { runSession } from "../session.ts";
import type { ProgramOutput } from "../transcript.ts";
import { judge } from "../verdict.ts";

/** One CPU: with several, their order would not repeat. The files of bpftrace are there twice while the kernel unpacks them. */
const MACHINE = { accelerator: "icount", cpus: 1, memory_mib: 2048 } as const;
/** Of real time; a quarter of a billion instructions take a second or two. */
const LIMITS = { boot_ms: 300_000, silence_ms: 120_000, timeout_ms: 1_800_000 } as const;

export interface CountedRun {
  readonly outputs: Readonly<Record<string, ProgramOutput>>;
  /** What `send` sent, by path in the guest. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Runs a job of steps. Throws StpError if a step fails or the kernel complains. */
export async function runCounted(kernel: FetchedKernel, files: GuestFiles, steps: readonly string[], onStep?: (output: string) => void): Promise<CountedRun> {
  const session = await runSession(kernel, MACHINE, await packInitramfs(kernel, files, steps), LIMITS, { onOutput: (name) => onStep?.(name) });
  const problems = judge(session, LIMITS);
  const { outputs, files: sent } = session.transcript.parts()[0];
  if (problems.length > 0) {
    const said = Object.values(outputs).flatMap((output) => output.stderr.trim().split("\n").slice(-1)).filter((line) => line !== "");
    throw new StpError(`Cannot measure on ${kernel.name}: ${[...problems.map((problem) => problem.message), ...said].join("; ")}`);
  }
  return { outputs, files: sent };
}
