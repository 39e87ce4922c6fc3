/** From what happened in a session to what was wrong with it. Pure. */
import { kernelReports, testsOnConsole, type KernelReport } from "./console.ts";
import { lastLine } from "./process.ts";
import type { Session, SessionLimits } from "./session.ts";

/** `environment`: the machine or QEMU is at fault; `boot`: the kernel is, or the machine was too busy; `test`: what was run in the guest is. */
export interface Problem {
  readonly kind: "environment" | "boot" | "test";
  /** One sentence. */
  readonly message: string;
  /** The test of the job in which it came, if that has tests. */
  readonly test?: string;
  /** What the kernel said, if it was the kernel that found it. */
  readonly report?: KernelReport;
}

/** Most of the kernel's reports that are told one by one. */
const REPORTS_TOLD_MAX = 10;

const MUTE = "The kernel does not print on its console, so nobody knows what it found: set CONFIG_PRINTK and CONFIG_SERIAL_8250_CONSOLE (amd64, i386), CONFIG_SERIAL_AMBA_PL011_CONSOLE (arm64) or CONFIG_SCLP_CONSOLE (s390x)";

/** All that was wrong; none if the job succeeded and the kernel had no complaint. */
export function judge(session: Session, limits: SessionLimits): Problem[] {
  const failures = session.transcript.parts().flatMap((part) => part.failures.map((failure) => inTest(part.test, test(`The guest's ${failure}`))));
  const ending = endingProblems(session, limits, failures.length > 0).map((problem) => inTest(session.transcript.test, problem));
  return [...reportProblems(kernelReports(session.console)), ...muteProblems(session), ...failures, ...ending];
}

/** A console that works shows the mark of each test; but the last lines of a guest that died may be missing, and some of a flood. */
function muteProblems({ transcript, console, ending }: Session): Problem[] {
  const tests = transcript.parts().flatMap(({ test }) => test ?? []);
  const sure = transcript.done === undefined ? tests.slice(0, -1) : tests;
  const seen = testsOnConsole(console);
  const mute = ending === "flood" ? [] : sure.filter((name) => !seen.has(name));
  return mute.map((name) => inTest(name, boot(MUTE)));
}

function reportProblems(reports: readonly KernelReport[]): Problem[] {
  const told = reports.slice(0, REPORTS_TOLD_MAX).map((report) => inTest(report.test, { ...test(`The kernel reported: ${report.line}${report.count > 1 ? ` (${report.count} times)` : ""}`), report }));
  const rest = reports.length - told.length;
  return rest > 0 ? [...told, test(`The kernel reported ${rest} more`)] : told;
}

function inTest(name: string | undefined, problem: Problem): Problem {
  return name === undefined ? problem : { ...problem, test: name };
}

function endingProblems(session: Session, limits: SessionLimits, failed: boolean): Problem[] {
  const { transcript, qemu } = session;
  const inStep = transcript.step === undefined ? "" : ` in step \`${transcript.step}\``;
  switch (session.ending) {
    case "boot":
      return [boot(`The guest did not report within ${seconds(limits.boot_ms)} of its start${lastWords(session)}`)];
    case "silence":
      return [test(`The guest fell silent for ${seconds(limits.silence_ms)}${inStep}`)];
    case "timeout":
      return [{ kind: transcript.release === undefined ? "boot" : "test", message: `The job ran out of its ${seconds(limits.timeout_ms)}${inStep}` }];
    case "test timeout":
      return [test(`The test ran out of its ${seconds(limits.tests_ms?.[transcript.test ?? ""] ?? 0)}${inStep}`)];
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
      return exitProblems(session, inStep, failed);
  }
}

function exitProblems(session: Session, inStep: string, failed: boolean): Problem[] {
  const { transcript } = session;
  if (transcript.release === undefined) return [boot(`The guest ended before it reported${lastWords(session)}`)];
  if (transcript.done === undefined) return [test(`The guest ended before its job did${inStep}${lastWords(session)}`)];
  if (transcript.done !== 0 && !failed) return [test(`The job failed${inStep}`)];
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

function boot(message: string): Problem {
  return { kind: "boot", message };
}

function environment(message: string): Problem {
  return { kind: "environment", message };
}
