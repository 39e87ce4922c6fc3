/** stp fuzz as a user runs it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stp, TEST_MS_MAX } from "./testing.ts";

let corpus: string;
beforeEach(() => void (corpus = mkdtempSync(join(tmpdir(), "stp-fuzz-cli-"))));
afterEach(() => rmSync(corpus, { recursive: true, force: true }));

test("stp fuzz says what it has reached, and keeps its corpus", async () => {
  const { status, stdout } = await stp(["fuzz", "--seconds", "3", "--jobs", "1", "--corpus", corpus]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^fuzz: no failure \(seed 1, 1 thread, [\d.]+ s\)\n {2}executions {2}\d+, \d+ a second\n {2}edges {7}\d+ of \d+ reached\n {2}cells {7}\d+ of \d+/);
  expect(readdirSync(corpus).length).toBeGreaterThan(5);
}, TEST_MS_MAX);

test("stp fuzz --json is one object", async () => {
  const { status, stdout } = await stp(["fuzz", "--seconds", "2", "--jobs", "1", "--corpus", corpus, "--json"]);
  expect(status).toBe(0);
  const result = JSON.parse(stdout) as Record<string, unknown>;
  expect(result).toMatchObject({ seed: 1, jobs: 1, corpus });
  expect(Number(result["executions"])).toBeGreaterThan(10);
}, TEST_MS_MAX);

test.each([
  [["fuzz", "probe.c"], 'stp: Cannot fuzz probe.c: only the runtime itself can be fuzzed yet; for a probe, run "./stp check probe.c"\n'],
  [["fuzz", "--corpus", "/dev/null/x"], "stp: Cannot keep a corpus in /dev/null/x: "],
])("%j is refused in one sentence", async (args, message) => {
  const { status, stderr } = await stp(args);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
}, TEST_MS_MAX);
