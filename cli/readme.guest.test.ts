/** The README's commands that boot a guest, in its order. Sibling: readme.test.ts runs the others. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { commandsOf, needsGuest, runCommandLine, TEST_MS_MAX } from "./testing.ts";

let temporary = "";
beforeAll(async () => void (temporary = await mkdtemp(join(tmpdir(), "test-of-readme-"))));
afterAll(() => rm(temporary, { recursive: true, force: true }));

const texts = await Promise.all(["README.md", "examples/001-opens/README.md"].map((path) => readFile(join(PROJECT_ROOT, path), "utf8")));
/** Commands that CI leaves out, and why. */
const NOT_HERE: Readonly<Record<string, string>> = {
  "./stp kernel bench": "it fetches and builds SystemTap, and its figures are for people",
};
const commands = [...new Set(texts.flatMap(commandsOf))].filter((command) => needsGuest(command) && !(command in NOT_HERE));

test.each(commands)("%s succeeds, and prints something", async (command) => {
  // What one command records, a later one replays: a README that says the same twice may not fail for that.
  const output = /(?:-o|--output) \/tmp\/(\S+)/.exec(command)?.[1];
  if (output !== undefined) await rm(join(temporary, output), { recursive: true, force: true });
  const { status, stdout, stderr } = await runCommandLine(command, temporary);
  expect(status, stderr).toBe(0);
  expect(stdout).not.toBe("");
}, TEST_MS_MAX);
