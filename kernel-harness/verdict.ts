/** From what happened in a session to what was wrong with it. Pure. */
import { findKernelReports } from "./console.ts";
import { lastLine } from "./process.ts";
import type { Session, SessionLimits } from "./session.ts";

/** `environment`: the machine or QEMU is at fault; `test`: what was run in the guest is. */
export interface Problem {
  readonly kind: "environment" | "test";
  /** One sentence. */
  readonly message: string;
}

/** All that was wrong; none if the job succeeded and the kernel had no complaint. */
export function judge(session: Session, limits: SessionLimits): Problem[] {
  const reports = findKernelReports(session.console).map((line) => test(`The kernel reported: ${line}`));
  return [...reports, ...session.transcript.failures.map((failure) => test(`The guest's ${failure}`)), ...endingProblems(session, limits)];
}

function endingProblems(session: Session, limits: SessionLimits): Problem[] {
  const { transcript, qemu } = session;
  const inStep = transcript.step === undefined ? "" : ` in step \`${transcript.step}\``;
  switch (session.ending) {
    case "boot":
      return [environment(`The guest did not report within ${seconds(limits.boot_ms)} of its start${lastWords(session)}`)];
    case "silence":
      return [test(`The guest fell silent for ${seconds(limits.silence_ms)}${inStep}`)];
    case "timeout":
      return [{ kind: transcript.release === undefined ? "environment" : "test", message: `The job ran out of its ${seconds(limits.timeout_ms)}${inStep}` }];
    case "flood":
      return [test(`The kernel printed without end on its console${inStep}`)];
    case "damage":
      return [test(`The guest's report cannot be read: ${session.damage ?? ""}`)];
    case "power":
      return [test("The guest did not power off after its job")];
    case "interrupt":
      return [environment(`Interrupted${inStep}`)];
    case "exit":
      if (qemu.status !== 0) return [environment(`QEMU died (${qemu.signal ?? `status ${qemu.status}`})${inStep}: ${lastLine(qemu.stderr)}`)];
      return exitProblems(session, inStep);
  }
}

function exitProblems(session: Session, inStep: string): Problem[] {
  const { transcript } = session;
  if (transcript.release === undefined) return [environment(`The guest ended before it reported${lastWords(session)}`)];
  if (transcript.done === undefined) return [test(`The guest ended before its job did${inStep}${lastWords(session)}`)];
  if (transcript.done !== 0 && transcript.failures.length === 0) return [test(`The job failed${inStep}`)];
  return [];
}

function lastWords(session: Session): string {
  const line = lastLine(session.console).trim();
  return line === "" ? "; its console is empty" : `; its console ends with "${line}"`;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

function test(message: string): Problem {
  return { kind: "test", message };
}

function environment(message: string): Problem {
  return { kind: "environment", message };
}
