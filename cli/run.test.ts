/** stp run and stp post over the committed trace. */
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { stp, TEST_MS_MAX, type Ran } from "./testing.ts";

const PROBE = "examples/001-opens/probe.c";
const TRACE = "examples/001-opens/trace";

let directory = "";
let golden = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "test-of-run-"));
  golden = await readFile(join(PROJECT_ROOT, "examples/001-opens/output.txt"), "utf8");
});
afterAll(() => rm(directory, { recursive: true }));

const fine = (stdout: string): Ran => ({ status: 0, stdout, stderr: "", left: [] });

describe("stp run", { timeout: TEST_MS_MAX }, () => {
  test("of the example prints its golden output, byte for byte, and nothing else", async () => {
    expect(await stp(["run", PROBE])).toEqual(fine(golden));
  });

  test("on any number of CPUs prints the same counts", async () => {
    for (const cpus of ["1", "3"]) expect(await stp(["run", PROBE, "--cpus", cpus])).toEqual(fine(golden));
  });

  test("with --output keeps a recording, whole, which stp post prints identically", async () => {
    const recording = join(directory, "recording");
    expect(await stp(["run", PROBE, "--output", `${recording}/`])).toEqual(fine(golden));
    expect((await readdir(recording)).sort()).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json"]);
    expect(await readdir(directory)).toEqual(["recording"]);
    expect(await stp(["post", recording])).toEqual(fine(golden));
  });

  test("with --json prints JSON lines that hold the golden output", async () => {
    const { status, stdout } = await stp(["run", PROBE, "--json"]);
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as { readonly text?: string });
    expect(status).toBe(0);
    expect(lines.map((line) => line.text).join("")).toBe(golden);
  });

  test("started by its own name in another directory prints the same", async () => {
    const { stdout } = await stp(["run", join(PROJECT_ROOT, PROBE)], { cwd: directory });
    expect(stdout).toBe(golden);
  });
});

describe("stp post", { timeout: TEST_MS_MAX }, () => {
  test("of the committed trace prints what the probe printed live on the kernel: the same as the replay", async () => {
    expect(await stp(["post", TRACE])).toEqual(fine(golden));
  });
});
