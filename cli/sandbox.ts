/** A program in the sandbox, ready for events: what the verbs that run one share. */
import { runtimeSources } from "../spec/runtime.ts";
import { compileProbe, type ProbeSource } from "../sim/probe.ts";
import { Sandbox, SANDBOX_RING_BYTES, type SessionLimits } from "../sim/sandbox.ts";
import { instantiate } from "../sim/wasi.ts";
import type { Progress } from "./terminal.ts";

/** Compiles, and takes all memory of a session. Throws StpError with clang's message, or with what the session's log says. */
export async function openSandbox(probe: ProbeSource, cpus: number, progress: Progress, limits: SessionLimits = {}): Promise<Sandbox> {
  const { wasm, warnings } = await compileProbe(probe, runtimeSources("wasm32"), false, progress.show);
  if (warnings !== "") progress.note(`clang warns:\n${warnings.trimEnd()}`);
  return new Sandbox(await instantiate(wasm, { env: { yield() {} } }), cpus, SANDBOX_RING_BYTES, limits);
}

/** Says so if the program looked at what the recording does not have. */
export function sayMissing({ missing }: Sandbox, path: string, where: string, progress: Progress): void {
  if (missing > 0) progress.note(`${missing} values that the probe looked at are not in ${where}, and were given as faults; record it again by "./stp kernel record ${path}"`);
}
