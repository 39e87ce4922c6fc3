/** The full tests: every `*.guest.test.ts` of the project, on a kernel of choice. Sibling: lines-reporter.ts tells us what came of them */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { atEnd } from "../../spec/at-end.ts";
import { StpError } from "../../spec/errors.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { KERNEL_VARIABLE } from "../testing.ts";
import type { TestLine } from "./lines-reporter.ts";
import type { TestResult } from "./test.ts";

export const FULL_GROUP = "full";

/** Last words of vitest that a message carries. */
const STDERR_SIZE_MAX = 4096;
/** Beginnings of the sentences by which the harness says that a machine has not what it needs. */
const ENVIRONMENT = /StpError: Cannot (?:find|fetch)|ENOSPC|QEMU died/;

interface FullOptions {
  readonly report: (line: string) => void;
  readonly onResult: (result: TestResult) => void;
}

/** Runs them. Throws StpError if vitest did not come to its end. */
export async function runFull(kernel: string, { report, onResult }: FullOptions): Promise<void> {
  const args = ["--no-install", "vitest", "run", "--reporter=./kernel-harness/suite/lines-reporter.ts"];
  const child = spawn("npx", args, { cwd: PROJECT_ROOT, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, STP_TESTS: "guest", [KERNEL_VARIABLE]: kernel } });
  const undo = atEnd(() => child.kill("SIGTERM"));
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => (stderr = (stderr + bytes.toString()).slice(-STDERR_SIZE_MAX)));
  const closed = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  let failed = false;
  let count = 0;
  for await (const text of createInterface(child.stdout)) {
    const line = parseLine(text);
    if (!line) continue;
    if (line.state === "begins") report(line.file);
    else {
      count++;
      failed ||= line.state !== "passed";
      onResult(resultOf(kernel, line));
    }
  }
  const status = await closed;
  undo();
  if (count === 0 || (status !== 0 && !failed)) throw new StpError(`Cannot run the full tests: vitest ended with status ${status}: ${stderr.trim().split("\n").at(-1) ?? ""}`);
}

/** A line of the reporter; others print, too. */
function parseLine(text: string): TestLine | undefined {
  if (!text.startsWith('{"file":')) return undefined;
  return JSON.parse(text) as TestLine;
}

/** A skipped test is a failed one: it was asked for. */
function resultOf(kernel: string, { file, test, state, ms, errors }: TestLine): TestResult {
  const outcome = state === "passed" ? "ok" : errors.some((error) => ENVIRONMENT.test(error)) ? "environment" : "failed";
  const problems = outcome === "ok" ? [] : errors.length > 0 ? errors : [`It was ${state}`];
  return { kernel, group: FULL_GROUP, test: `${file.replace(/\.guest\.test\.ts$/, "")}${test === undefined ? "" : `: ${test}`}`, outcome, ms, problems, reports: [], figures: {}, artefacts: [] };
}
