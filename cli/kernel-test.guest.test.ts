/** A broken environment is told apart from a failing test. Boots no guest, but wants what guests want. */
import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { inTemporaryDirectory } from "../kernel-harness/temporary.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";

/** Nobody listens there. */
const NO_PROXY = "http://127.0.0.1:9";

async function testWith(environment: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<{ readonly status: number | undefined; readonly stdout: string }> {
  return stp(["kernel", "test", ...args], { env: { ...process.env, ...environment }, timeout_ms: TEST_MS_MAX });
}

/** A program at the head of the path. */
async function withProgram(directory: string, name: string, script: string): Promise<NodeJS.ProcessEnv> {
  const folder = join(directory, "bin");
  await mkdir(folder);
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
  return { PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}` };
}

describe("stp kernel test", { timeout: 2 * TEST_MS_MAX }, () => {
  test("with a QEMU that crashes exits with 2, and names its last words", async () => {
    await inTemporaryDirectory("test-of-kernel-test-", async (directory) => {
      const crashing = await withProgram(directory, "qemu-system-x86_64", 'echo "qemu: assertion failed" >&2; kill -SEGV $$');
      const { status, stdout } = await testWith(crashing, "--test", "replay");
      expect(status, stdout).toBe(2);
      expect(stdout).toMatch(/^ {2}# QEMU died \(SIGSEGV\): qemu: assertion failed\n {2}not ok 1 boot # ERROR environment$/m);
      expect(stdout).toMatch(/^not ok 1 debian-6\.1-cloud # ERROR environment$/m);
    });
  });

  test("that is interrupted prints and keeps what it has", async () => {
    await inTemporaryDirectory("test-of-kernel-test-", async (directory) => {
      const results = join(directory, "results");
      const child = spawn(process.execPath, [join(PROJECT_ROOT, "stp"), "kernel", "test", "--test", "replay", "--test", "stress", "--results", results], { stdio: ["ignore", "pipe", "inherit"] });
      let stdout = "";
      child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
      const ended = new Promise((resolve) => child.once("exit", resolve));
      setTimeout(() => child.kill("SIGINT"), 4000);
      expect(await ended).toBe(130);
      expect(stdout).toMatch(/^(not )?ok 1 debian-6\.1-cloud # (SKIP|ERROR)/m);
      const kept = JSON.parse(await readFile(join(results, "results.json"), "utf8")) as { kernels: { tests: { test: string; outcome: string }[] }[] };
      expect(kept.kernels[0]!.tests.find(({ test }) => test === "stress")!.outcome).not.toBe("ok");
    });
  });

  test("with no mirror exits with 2, and says what it could not fetch", async () => {
    await inTemporaryDirectory("test-of-kernel-test-", async (directory) => {
      const cut = { STP_CACHE_DIR: join(directory, "cache"), http_proxy: NO_PROXY, https_proxy: NO_PROXY };
      const { status, stdout } = await testWith(cut, "debian-6.1-rt", "--json");
      expect(status, stdout).toBe(2);
      const read = JSON.parse(stdout) as { kernels: { tests: { test: string; problems: string[] }[] }[] };
      expect(read).toMatchObject({ outcome: "environment", kernels: [{ kernel: "debian-6.1-rt", outcome: "environment", tests: [{ test: "fetch", outcome: "environment" }] }] });
      expect(read.kernels[0]!.tests[0]!.problems[0]).toMatch(/^Cannot fetch debian-6\.1-rt: /);
    });
  });
});
