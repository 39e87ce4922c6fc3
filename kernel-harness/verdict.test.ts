import { expect, test } from "vitest";
import type { Session } from "./session.ts";
import { Transcript } from "./transcript.ts";
import { judge, type Problem } from "./verdict.ts";

const LIMITS = { boot_ms: 90_000, silence_ms: 30_000, timeout_ms: 180_000 } as const;

interface Facts extends Partial<Omit<Session, "transcript">> {
  readonly release?: string;
  readonly step?: string;
  readonly done?: number;
}

const WELL = { ending: "exit", qemu: { status: 0, signal: null, stderr: "" }, console: "", damage: undefined, boot_ms: 1, total_ms: 2 } as const;

/** A session that ended well, but for the given facts. */
function problemsOf(facts: Facts): string[] {
  const transcript = Object.assign(new Transcript(), { release: "6.1.0", done: 0, ...facts });
  return judge({ ...WELL, ...facts, transcript }, LIMITS).map(({ kind, message }) => `${kind}: ${message}`);
}

const UNHEARD = { release: undefined, done: undefined } as unknown as Facts;
const UNDONE = { done: undefined, step: "run p 9 /p" } as unknown as Facts;

test("a session that ended well has no problem", () => {
  expect(problemsOf({})).toEqual([]);
});

test("a guest that never reports did not boot, with the console's last words", () => {
  expect(problemsOf({ ...UNHEARD, ending: "boot", console: "[ 1.0] a\r\n[ 2.0] waiting\r\n" })).toEqual([
    'boot: The guest did not report within 90 s of its start; its console ends with "[ 2.0] waiting"',
  ]);
  expect(problemsOf(UNHEARD)).toEqual(["boot: The guest ended before it reported; its console is empty"]);
});

test("silence and timeout after the first report are the test's fault, and name the step", () => {
  expect(problemsOf({ ...UNDONE, ending: "silence" })).toEqual(["test: The guest fell silent for 30 s in step `run p 9 /p`"]);
  expect(problemsOf({ ...UNDONE, ending: "timeout" })).toEqual(["test: The job ran out of its 180 s in step `run p 9 /p`"]);
});

test("QEMU that dies is the environment's fault", () => {
  expect(problemsOf({ ...UNDONE, qemu: { status: null, signal: "SIGABRT", stderr: "a\nassertion failed\n" } })).toEqual([
    "environment: QEMU died (SIGABRT) in step `run p 9 /p`: assertion failed",
  ]);
});

test("a guest that ends without a verdict is the test's fault", () => {
  expect(problemsOf({ ...UNDONE, console: "[ 1.0] Kernel panic - not syncing: x" })).toEqual([
    "test: The kernel reported: Kernel panic - not syncing: x",
    'test: The guest ended before its job did in step `run p 9 /p`; its console ends with "[ 1.0] Kernel panic - not syncing: x"',
  ]);
});

test("a kernel warning fails a job whose steps all succeeded", () => {
  expect(problemsOf({ console: "[ 1.0] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2\r\n" })).toEqual(["test: The kernel reported: WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2"]);
});

test("what the kernel reported comes with its report, its test and how often it did", () => {
  const line = "BUG: KCSAN: data-race in f / g";
  const problems = (console: string): Problem[] => judge({ ...WELL, transcript: Object.assign(new Transcript(), { release: "6.1.0", done: 0 }), console }, LIMITS);
  expect(problems(`[ 1.0] stp-test: one\n[ 1.1] ${line}\n[ 1.2] ${line}\n`)).toMatchObject([{ kind: "test", message: `The kernel reported: ${line} (2 times)`, test: "one", report: { kind: "KCSAN", title: line, count: 2 } }]);
  expect(problems(`[ 1.1] ${line}\n`)).toMatchObject([{ message: `The kernel reported: ${line}` }]);
  const many = Array.from({ length: 12 }, (_, i) => `[ 1.0] BUG: KCSAN: data-race in f${i} / g\n`).join("");
  expect(problems(many).map(({ message }) => message)).toHaveLength(11);
  expect(problems(many).at(-1)!.message).toBe("The kernel reported 2 more");
});

test("a test without its mark on the console is a kernel without a console", () => {
  const problems = (console: string, facts: Partial<Session> & { readonly done?: number | undefined } = {}): (string | undefined)[] => {
    const transcript = new Transcript();
    for (const name of ["one", "two"]) transcript.accept({ type: "step", payload: Buffer.from(`test ${name}`) });
    const session = { ...WELL, console, ...facts, transcript: Object.assign(transcript, { release: "6.1.0", done: "done" in facts ? facts.done : 0 }) };
    return judge(session, LIMITS).flatMap(({ kind, message, test }) => (kind === "boot" && message.includes("CONFIG_SERIAL_8250_CONSOLE") ? [test] : []));
  };
  expect(problems("")).toEqual(["one", "two"]);
  expect(problems("[ 1.0] stp-test: one\r\n")).toEqual(["two"]);
  expect(problems("[ 1.0] stp-test: one\r\n[ 1.0][   T1] stp-test: two\r\n")).toEqual([]);
  expect(problems("", { done: undefined })).toEqual(["one"]); // the last may have died before its mark came
  expect(problems("", { ending: "flood" })).toEqual([]);
});

test("a job that failed is a problem even if the guest did not say why", () => {
  expect(problemsOf({ done: 1 })).toEqual(["test: The job failed"]);
});
