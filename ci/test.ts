/**
 * Runs the type check and the tests, and closes with one line that counts them.
 *
 * `--guests=yes|no|never`: whether guests can run here; "no" prints SKIPPED, "never" is the developer's gate.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface Count {
  passed: number;
  failed: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
  readonly testResults: readonly { readonly status: string; readonly name: string; readonly assertionResults: readonly unknown[] }[];
}

function typeCheck(): Count {
  const { status } = spawnSync("npx", ["--no-install", "tsc", "--noEmit"], { stdio: "inherit" });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A skipped test counts as failed: nothing here may be skipped silently. So does a file that runs no test. */
function vitest(which: "ok" | "guest"): Count {
  const directory = mkdtempSync(join(tmpdir(), "stp-tests-"));
  try {
    const report = join(directory, "report.json");
    spawnSync("npx", ["--no-install", "vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`], {
      stdio: "inherit",
      env: { ...process.env, STP_TESTS: which },
    });
    const { numPassedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
    const empty = testResults.filter((file) => file.status !== "passed" && file.assertionResults.length === 0).length;
    return { passed: numPassedTests, failed: numTotalTests - numPassedTests + empty };
  } catch (error) {
    console.error(`The ${which} tests wrote no report: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { guests: { type: "string", default: "yes" } } });
const counts = [typeCheck(), vitest("ok")];
if (values.guests === "yes") counts.push(vitest("guest"));
if (values.guests === "no") console.log("SKIPPED: kernel tests; install what ci/setup.sh names above, then run npm test again");
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
