/** Results as files: for people and for other programs, and what says more about each failure. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, StpError } from "../../spec/errors.ts";
import { junitXml } from "./reports/junit.ts";
import { resultsJson } from "./reports/json.ts";
import { ktap } from "./reports/ktap.ts";
import { resultTable } from "./reports/table.ts";
import type { TestResult } from "./test.ts";

/** Writes one file. Throws StpError if it cannot. */
export async function keepFile(path: string, contents: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  } catch (cause) {
    throw new StpError(`Cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** `results.json`, `results.xml` (JUnit), `results.ktap`, `results.txt` (the table); for a failure KERNEL/TEST/ with the console and what the guest sent. */
export async function keepResults(directory: string, results: readonly TestResult[]): Promise<void> {
  const files = { "results.json": resultsJson(results), "results.xml": junitXml(results), "results.ktap": ktap(results), "results.txt": resultTable(results) };
  for (const [name, text] of Object.entries(files)) await keepFile(join(directory, name), text);
  for (const { kernel, test, artefacts } of results) {
    for (const { name, contents } of artefacts) await keepFile(join(directory, fileName(kernel), fileName(test), name), contents);
  }
}

const fileName = (test: string): string => test.replace(/[^\w.-]+/g, "_");
