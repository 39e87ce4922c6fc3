/** `./stp run PROBE --on host`, on a machine that is a guest: its files are this machine's, its kernel is its own. Boots one guest. */
import { beforeAll, expect, test } from "vitest";
import { fetchKernel } from "../kernel-harness/fetch.ts";
import { runGuest, type GuestResult } from "../kernel-harness/guest.ts";
import { findKernel } from "../kernel-harness/kernels.ts";
import { buildProbe, buildStpd } from "../kernel-harness/run.ts";
import { step } from "../kernel-harness/steps.ts";
import { buildEnter } from "../kernel-harness/tools.ts";
import { cacheRoot } from "../spec/cache.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { readProbe } from "./program.ts";

const MINUTE_MS = 60_000;
const PROBE = "examples/001-opens/probe.c";
const MISSING = "cli/no-such-probe.c";
let guest: GuestResult;

beforeAll(async () => {
  const kernel = await fetchKernel(findKernel("debian-6.1")); // the cloud kernel cannot read the host's files
  // Built here, found in the cache there: a compiler takes minutes in a guest.
  await buildProbe(kernel, readProbe(PROJECT_ROOT + PROBE));
  await buildStpd();
  const enter = ["/enter", PROJECT_ROOT, kernel.release, kernel.headers, "/usr/bin/env", `STP_CACHE_DIR=${cacheRoot()}`, process.execPath, "./stp"];
  guest = await runGuest(kernel, {
    host_files: true,
    memory_mib: 2048,
    timeout_ms: 8 * MINUTE_MS,
    files: { "/enter": await buildEnter() },
    steps: [
      step("run", "command", 180, ...enter, "run", PROBE, "--on", "host", "-c", "/bin/ls /"),
      step("start", "until", ...enter, "run", PROBE, "--on", "host", "-o", "/recording"),
      step("await", "until", "session stp_001_opens started", 180),
      step("signal", "until", "INT"),
      step("wait", "until", 60),
      step("start", "missing", ...enter, "run", MISSING, "--on", "host"),
      step("wait", "missing", 120, 2),
      step("run", "left", 60, "/enter", "/", kernel.release, kernel.headers, "/bin/sh", "-c", "cat /proc/modules; ls /sys/kernel/debug /recording"),
    ],
  });
  expect(guest.problems, guest.outputs["command"]?.stderr).toEqual([]);
}, 10 * MINUTE_MS);

const LINE = /^(\S+) +(\d+)$/gm;

test("prints what the command did, and ends with it", () => {
  const { stdout, stderr } = guest.outputs["command"]!;
  const counts = new Map([...stdout.matchAll(LINE)].map((match) => [match[1]!, Number(match[2])]));
  expect(counts.get("ls")).toBeGreaterThan(0);
  expect(stderr).toContain("stpd: session stp_001_opens started");
});

test("without a command ^C ends it, and what the probe says at its end is printed", () => {
  const { stdout, status } = guest.outputs["until"]!;
  expect(status).toBe(0);
  expect([...stdout.matchAll(LINE)].length).toBeGreaterThan(0);
});

test("a probe that is not there is one sentence, and exit status 2", () => {
  expect(guest.outputs["missing"]!.stderr).toMatch(/^stp: Cannot .*no-such-probe.*\n$/);
});

test("leaves no module and no folder, and the recording where it was wanted", () => {
  const { stdout } = guest.outputs["left"]!;
  expect(stdout).not.toContain("stp_001_opens");
  expect(stdout).toContain("manifest.json");
});
