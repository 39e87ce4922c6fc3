/** A probe's error, as its user sees it: in the sandbox. Sibling: errors.guest.test.ts, on a kernel. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stp, TEST_MS_MAX } from "./testing.ts";

let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "test-of-errors-"))));
afterAll(() => rm(directory, { recursive: true, force: true }));

const PROBE = `#include <stp/stp.h>
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_printf(ctx, "opened\\n");
	stp_raise(ctx, "enough of %s", "this");
}
STP_PROBE(end)
{
	stp_printf(ctx, "end\\n");
}
`;

async function run(...args: string[]): ReturnType<typeof stp> {
  const path = join(directory, "probe.c");
  await writeFile(path, PROBE);
  return stp(["run", path, "--seed", "1", "--events", "50", "--cpus", "1", ...args]);
}

test("an error that nothing catches ends the session, is said on stderr, and the exit status is 1 (X7, X5)", { timeout: TEST_MS_MAX }, async () => {
  const { status, stdout, stderr } = await run();
  expect(stdout).toBe("opened\nend\n");
  expect(stderr).toMatch(/^stp: ERROR: enough of this \(CPU 0\)$/m);
  expect(stderr).toMatch(/ 1 +1 +hit +error +kprobe "do_sys_openat2", line 2$/m);
  expect(status).toBe(1);
});

test("--limit errors=3 lets three hits end so, and --json has each", { timeout: TEST_MS_MAX }, async () => {
  const { status, stdout } = await run("--limit", "errors=3", "--json");
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line) as { error?: { text: string } });
  expect(lines.flatMap(({ error }) => (error ? [error.text] : []))).toEqual(Array(3).fill("enough of this"));
  expect(status).toBe(1);
});

test.each([
  ["a limit that there is not", "actons=3", /^stp: option '--limit <name=n>' argument 'actons=3' is invalid\. give one of .*actions.* and a number/m],
  ["a limit without a number", "actions", /give one of/],
  ["a limit of 0", "actions=0", /it must be a whole number from 1 to 4294967295/],
])("%s is refused in one sentence", { timeout: TEST_MS_MAX }, async (_what, limit, sentence) => {
  const { status, stderr } = await run("--limit", limit);
  expect(stderr).toMatch(sentence);
  expect(status).toBe(2);
});
