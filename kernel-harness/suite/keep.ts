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

/** Makes the directory, so that nobody else writes his into it. Throws StpError. */
export async function claimResults(directory: string): Promise<string> {
  await mkdir(directory).catch((cause: unknown) => {
    throw new StpError(`Cannot write into ${directory}: ${messageOf(cause)}`, { cause });
  });
  return directory;
}

/** `results.json`, `results.xml` (JUnit), `results.ktap`, `results.txt` (the table); for a failure KERNEL/TEST/ with the console and what the guest sent. */
export async function keepResults(directory: string, results: readonly TestResult[]): Promise<void> {
  const files = { "results.json": resultsJson(results), "results.xml": junitXml(results), "results.ktap": ktap(results), "results.txt": resultTable(results) };
  for (const [name, text] of Object.entries(files)) await keepFile(join(directory, name), text);
  const folders = new Set<string>();
  for (const { kernel, test, artefacts } of results) {
    if (artefacts.length === 0) continue;
    const folder = ownName(join(fileName(kernel), fileName(test)), folders);
    for (const { name, contents } of artefacts) await keepFile(join(directory, folder, name), contents);
  }
}

/** A directory of a kernel, or the sentence that is a test's name, as the name of one folder here. */
const fileName = (text: string): string => text.replace(/[^\w.-]+/g, "_").replace(/^\.+/, "_");

/** The path, or with a number behind it if another has it. */
function ownName(path: string, taken: Set<string>): string {
  let own = path;
  for (let n = 2; taken.has(own); n++) own = `${path}-${n}`;
  taken.add(own);
  return own;
}
