/** `./stp run PROBE --on TESTED_KERNEL` prints while the session runs, and ^C ends the session in order. Boots two guests. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inTemporaryDirectory } from "../kernel-harness/temporary.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { writeFile } from "node:fs/promises";
import { TESTED_KERNEL } from "../kernel-harness/testing.ts";

const MINUTE_MS = 60_000;

/** A line each 100 ms, and one at the end. */
const PROBE = `
#include <stp/stp.h>

STP_PROBE(timer, "100ms") { stp_printf(ctx, "tick\\n"); }
STP_PROBE(end) { stp_printf(ctx, "over\\n"); }
`;

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
  /** When each piece of stdout came, and when the command ended, in milliseconds from its start. */
  readonly times_ms: readonly number[];
  readonly end_ms: number;
}

/** Runs the command as a user does; `onOutput` sees its stdout so far. */
async function run(workload: string, onOutput: (stdout: string, interrupt: () => void) => void = () => {}): Promise<Run> {
  return inTemporaryDirectory("stp-live-", async (directory) => {
    const probe = join(directory, "ticks.c");
    await writeFile(probe, PROBE);
    const begin_ms = performance.now();
    const child = spawn("./stp", ["run", probe, "--on", TESTED_KERNEL, "--workload", workload], { cwd: PROJECT_ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const times_ms: number[] = [];
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes: Buffer) => {
      times_ms.push(performance.now() - begin_ms);
      stdout += bytes.toString();
      onOutput(stdout, () => child.kill("SIGINT"));
    });
    child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
    const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { stdout, stderr, status, times_ms, end_ms: performance.now() - begin_ms };
  });
}

describe("live output", { timeout: 5 * MINUTE_MS }, () => {
  test("comes while the session runs, not when it ends", async () => {
    const { stdout, stderr, status, times_ms, end_ms } = await run("interval 1 400"); // 4 s
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^(tick\n){20,}over\n$/);
    expect(times_ms.length).toBeGreaterThan(5);
    expect(end_ms - times_ms[0]!).toBeGreaterThan(2000);
  });

  test("^C ends the workload and the session: the end probe prints, the status is that of a session", async () => {
    let interrupted = false;
    const { stdout, stderr, status, end_ms } = await run("interval 1 100000", (seen, interrupt) => {
      if (interrupted || !seen.includes("tick\ntick\n")) return;
      interrupted = true;
      interrupt();
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^(tick\n)+over\n$/);
    expect(end_ms).toBeLessThan(MINUTE_MS);
  });
});
