/** Results as JUnit's XML: a kernel is a suite. A failing test is a `failure`, a failing environment an `error`. Pure. */
import { create } from "xmlbuilder2";
import { byKernel } from "../outcome.ts";
import type { TestResult } from "../test.ts";

/** Characters that XML 1.0 does not have at all; consoles do. */
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

export function junitXml(results: readonly TestResult[]): string {
  const testsuite = [...byKernel(results)].map(([kernel, own]) => suite(kernel, own));
  return `${create({ version: "1.0", encoding: "UTF-8" }, { testsuites: { ...counts(results), testsuite } }).end({ prettyPrint: true })}\n`;
}

function suite(kernel: string, results: readonly TestResult[]): object {
  return { "@name": kernel, ...counts(results), testcase: results.map(testcase) };
}

function counts(results: readonly TestResult[]): object {
  const count = (outcome: TestResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  const seconds = results.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  return { "@tests": results.length, "@failures": count("failed"), "@errors": count("environment"), "@skipped": count("not run"), "@time": seconds.toFixed(3) };
}

function testcase({ kernel, test, outcome, ms, problems, reports }: TestResult): object {
  const [message = ""] = (problems[0] ?? "").split("\n");
  const why = { "@message": message.replace(NOT_IN_XML, "?"), "#": [...problems, ...reports].join("\n").replace(NOT_IN_XML, "?") };
  return {
    "@classname": `stp.${kernel.replaceAll(".", "_")}`, // readers take what is before the last dot for a package
    "@name": test,
    "@time": (ms / 1000).toFixed(3),
    ...(outcome === "failed" && { failure: why }),
    ...(outcome === "environment" && { error: why }),
    ...(outcome === "not run" && { skipped: why }),
  };
}
