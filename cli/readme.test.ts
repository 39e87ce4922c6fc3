/** Every command of the READMEs that needs no guest is run here; readme.guest.test.ts runs the others. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { commandsOf, needsGuest, runCommandLine, TEST_MS_MAX } from "./testing.ts";

/** Commands that no test can run, and why. */
const NOT_HERE: Readonly<Record<string, string>> = {
  "npm test": "it runs this test",
};

const README = await readFile(join(PROJECT_ROOT, "README.md"), "utf8");
const EXAMPLE = await readFile(join(PROJECT_ROOT, "examples/001-opens/README.md"), "utf8");
/** How many schedules there are changes with every change of the C. */
const withoutCounts = (line: string): string => (/^ {2}(?:kprobe|schedules|faults|losses) /.test(line) ? line.replace(/(?<![\w-])\d+/g, "N") : line);

const ran = new Map<string, string>();

let temporary = "";
beforeAll(async () => void (temporary = await mkdtemp(join(tmpdir(), "test-of-readme-"))));
afterAll(() => rm(temporary, { recursive: true, force: true }));

describe("README", { timeout: TEST_MS_MAX }, () => {
  const commands = [...new Set([...commandsOf(README), ...commandsOf(EXAMPLE)])];

  test("has the two commands of the project", () => {
    expect(commandsOf(README).slice(0, 2)).toEqual(["npm start", "npm test"]);
  });

  test.each(commands.filter((command) => !needsGuest(command) && !(command in NOT_HERE)))("%s succeeds, and prints something", async (command) => {
    const { status, stdout, stderr } = await runCommandLine(command, temporary);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringMatching(/^stp: /m) as string });
    expect(stdout).not.toBe("");
    ran.set(command, stdout);
  });

  test("shows what npm start prints, line by line", () => {
    const shown = /^```sh\nnpm start\n```\n[^`]*^```\n([^]*?)^```$/m.exec(README)?.[1]?.trimEnd().split("\n") ?? [];
    expect(shown.length).toBeGreaterThan(5);
    const printed = (ran.get("npm start") ?? "").split("\n").map(withoutCounts);
    expect(printed).toEqual(expect.arrayContaining(shown.filter((line) => line.trim() !== "…").map(withoutCounts)));
  });

  test("shows the example's probe as it is", async () => {
    const probe = await readFile(join(PROJECT_ROOT, "examples/001-opens/probe.c"), "utf8");
    const shown = /^```c\n([^]*?)^```$/m.exec(README)?.[1] ?? "no probe";
    expect(probe).toContain(shown);
  });
});

test("commandsOf takes the commands of sh and console blocks, with or without a prompt, and nothing else", () => {
  const markdown = "```sh\n./stp a\n$ npm b c\n# note\ncd x\n```\n```\n./stp no\n```\n```console\n$ ./stp d\noutput\n```\n";
  expect(commandsOf(markdown)).toEqual(["./stp a", "npm b c", "./stp d"]);
});
