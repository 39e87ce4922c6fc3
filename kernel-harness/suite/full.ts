/** The full tests: every `*.guest.test.ts` of the project, on a kernel of choice. Sibling: lines-reporter.ts tells us what came of them */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { StpError } from "../../spec/errors.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { CONSOLES_VARIABLE } from "../guest.ts";
import { lastLine, runProcess } from "../process.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { KERNEL_VARIABLE } from "../testing.ts";
import type { TestLine } from "./lines-reporter.ts";
import { resultOf, type Artefact, type Outcome, type TestResult } from "./test.ts";

/** Run by itself: npx would stand between it and our signals. */
const VITEST = join(PROJECT_ROOT, "node_modules/vitest/vitest.mjs");
const TIME_MS_MAX = 60 * 60_000;
/** How what the environment refuses is told: by the harness in the test itself, or by a command that the test runs. A guest that fails is an StpError of another beginning. */
const ENVIRONMENT = /^(?:.*stp: )?Cannot (?:find|fetch) |\bENOSPC\b|\bQEMU died\b/m;
/** Beside a test's own time: when a console was written, and when the test had its result. */
const CLOCK_MS = 2000;

interface FullOptions {
  readonly report: (line: string) => void;
  readonly onResult: (result: TestResult) => void;
  readonly stop?: AbortSignal;
}

/** Runs them. Throws StpError if vitest did not come to its end. */
export async function runFull(kernel: string, options: FullOptions): Promise<void> {
  await inTemporaryDirectory("stp-consoles-", (consoles) => run(kernel, consoles, options));
}

async function run(kernel: string, consoles: string, { report, onResult, stop }: FullOptions): Promise<void> {
  const env = { ...process.env, STP_TESTS: "guest", [KERNEL_VARIABLE]: kernel, [CONSOLES_VARIABLE]: consoles };
  const outcomes = new Set<Outcome>();
  const take = async (text: string): Promise<void> => {
    const line = parseLine(text);
    if (!line) return;
    if (line.state === "begins") return report(line.file);
    const result = resultOfLine(kernel, line);
    outcomes.add(result.outcome);
    onResult(result.outcome === "ok" ? result : { ...result, artefacts: await consolesSince(consoles, Date.now() - line.ms - CLOCK_MS) });
  };
  let rest = "";
  let taken = Promise.resolve();
  const onStdout = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) taken = taken.then(() => take(line));
  };
  const args = [VITEST, "run", "--reporter=./kernel-harness/suite/lines-reporter.ts"];
  const { status, stderr } = await runProcess(process.execPath, args, { cwd: PROJECT_ROOT, env, timeout_ms: TIME_MS_MAX, onStdout, ...(stop && { signal: stop }) });
  await taken;
  if (stop?.aborted) throw new StpError("The full tests were interrupted");
  const failed = outcomes.has("failed") || outcomes.has("environment");
  if (outcomes.size === 0 || (status !== 0 && !failed)) throw new StpError(`Cannot run the full tests: vitest ended with status ${status}: ${lastLine(stderr)}`);
}

/** A line of the reporter; others print, too. */
function parseLine(text: string): TestLine | undefined {
  return text.startsWith('{"file":') ? (JSON.parse(text) as TestLine) : undefined;
}

/** A test that was skipped failed: it was asked for. */
export function resultOfLine(kernel: string, { file, test, state, ms, errors }: TestLine): TestResult {
  const isEnvironment = errors.some((error) => ENVIRONMENT.test(error));
  const outcome = state === "passed" ? "ok" : isEnvironment ? "environment" : "failed";
  const problems = outcome === "ok" ? [] : errors.length > 0 ? errors : [`It was ${state}`];
  return resultOf(kernel, `${file.replace(/\.guest\.test\.ts$/, "")}${test === undefined ? "" : `: ${test}`}`, { group: "full", outcome, ms, problems });
}

/** Consoles of guests that failed meanwhile. */
async function consolesSince(directory: string, since_ms: number): Promise<Artefact[]> {
  const names = (await readdir(directory)).sort();
  const found = await Promise.all(names.map(async (name) => ({ name, path: join(directory, name), ms: (await stat(join(directory, name))).mtimeMs })));
  return Promise.all(found.filter(({ ms }) => ms >= since_ms).map(async ({ name, path }) => ({ name, contents: await readFile(path) })));
}
