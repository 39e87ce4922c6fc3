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
import { isKernelCached } from "../kernel-harness/fetch.ts";
import { KERNELS, type Kernel } from "../kernel-harness/kernels.ts";
import { runMatrix } from "../kernel-harness/suite/matrix.ts";
import { resultTable } from "../kernel-harness/suite/reports/table.ts";
import { matrixKernel } from "../kernel-harness/suite/suite.ts";

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

/** What needs no guest. A skipped test counts as failed: nothing here may be skipped silently. So does a file that runs no test. */
function vitest(): Count {
  const directory = mkdtempSync(join(tmpdir(), "stp-tests-"));
  try {
    const report = join(directory, "report.json");
    spawnSync("npx", ["--no-install", "vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`], { stdio: "inherit" });
    const { numPassedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
    const empty = testResults.filter((file) => file.status !== "passed" && file.assertionResults.length === 0).length;
    return { passed: numPassedTests, failed: numTotalTests - numPassedTests + empty };
  } catch (error) {
    console.error(`The tests wrote no report: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Kernels that are tested each time: Debian's for this machine, and what takes long to make if it is there. */
const isTested = (kernel: Kernel): boolean => kernel.architecture === "amd64" && (kernel.source.kind === "debian" || isKernelCached(kernel));

/** All guest tests on the first kernel, smoke on the others. */
async function kernels(): Promise<Count> {
  const [first, ...others] = KERNELS.filter(isTested);
  const results = await runMatrix([matrixKernel(first!, "full"), ...others.map((kernel) => matrixKernel(kernel, "smoke"))], {
    report: () => {},
    onResult: ({ kernel, test, outcome, ms, problems, reports }) => {
      console.log(`${outcome === "ok" ? "✓" : "×"} ${kernel}: ${test} ${(ms / 1000).toFixed(1)} s`);
      for (const text of [...problems, ...reports]) console.log(text.replace(/^/gm, "    "));
    },
  });
  console.log(`\n${resultTable(results)}`);
  const left = KERNELS.filter((kernel) => !isTested(kernel)).map(({ name }) => name);
  console.log(`left to "./stp kernel test --all": ${left.length > 0 ? `smoke on ${left.join(", ")}` : "nothing"}; full on other kernels than ${first!.name}: --full`);
  const passed = results.filter(({ outcome }) => outcome === "ok").length;
  return { passed, failed: results.length - passed };
}

const { values } = parseArgs({ options: { guests: { type: "string", default: "yes" } } });
const counts = [typeCheck(), vitest()];
if (values.guests === "yes") counts.push(await kernels());
if (values.guests === "no") console.log("SKIPPED: kernel tests; install what ci/setup.sh names above, then run npm test again");
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
