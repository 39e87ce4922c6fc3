/** The examples as their pages show them: each command prints what stands behind it, and the golden files hold the same. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT, runtimeSources } from "../spec/runtime.ts";
import { compileProbe } from "../sim/probe.ts";
import { Sandbox } from "../sim/sandbox.ts";
import { instantiate } from "../sim/wasi.ts";
import { needsGuest, runCommandLine, stp, TEST_MS_MAX } from "./testing.ts";

const POOL = "examples/002-memory-scheme";
const LIMITS = "examples/003-limits";
const TRACE = "examples/001-opens/trace";

/** Three times it is no power of two. */
const LEAST_RING_BYTES = 1 << 12;

/** A trace is kept in the repository. */
const TRACE_BYTES_MAX = 400_000;

const read = (path: string): Promise<string> => readFile(join(PROJECT_ROOT, path), "utf8");

let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "test-of-examples-"))));
afterAll(() => rm(directory, { recursive: true }));

/** Blocks of one command each, and the block behind each that shows what it prints. */
async function shown(page: string): Promise<(readonly [command: string, output: string])[]> {
  const blocks = [...(await read(page)).matchAll(/^```sh\n(\.\/stp run .*)\n```\n(?:(?!```)[^\n]*\n)*?```\n([^]*?)^```$/gm)];
  return blocks.map((match) => [match[1]!, match[2]!] as const).filter(([command]) => !needsGuest(command));
}

/** Each has a trace beside it. */
const RECORDED = [
  "examples/004-syscall-latency",
  "examples/005-top-io",
  "examples/006-run-queue-latency",
  "examples/007-page-faults",
  "examples/008-kernel-stacks",
  "examples/009-profiler",
  "examples/010-interval",
];

const PAGES = (await Promise.all([POOL, LIMITS, ...RECORDED].map((folder) => shown(`${folder}/README.md`)))).flat();

describe("a page shows what its command prints, losses behind the output", { timeout: TEST_MS_MAX }, () => {
  test("there are such commands", () => expect(PAGES.length).toBe(5 + RECORDED.length));

  test.each(PAGES)("%s", async (command, output) => {
    const { status, stdout, stderr } = await runCommandLine(command, directory);
    expect({ status, printed: stdout + stderr }).toEqual({ status: 0, printed: output });
  });
});

describe("golden output", { timeout: TEST_MS_MAX }, () => {
  test.each([
    [["run", `${POOL}/probe.c`, "--trace", TRACE], `${POOL}/output.txt`],
    [["run", `${LIMITS}/probe.c`, "--seed", "1"], `${LIMITS}/output.txt`],
    [["run", `${LIMITS}/fixed.c`, "--seed", "1"], `${LIMITS}/fixed.txt`],
    ...RECORDED.map((folder): [string[], string] => [["run", `${folder}/probe.c`], `${folder}/output.txt`]),
  ])("of stp %s is %s", async (args, golden) => {
    expect(await stp(args)).toMatchObject({ status: 0, stdout: await read(golden) });
  });

  test("with the limits that it needs the program loses nothing", async () => {
    expect(await stp(["run", `${LIMITS}/fixed.c`, "--seed", "1"])).toMatchObject({ stderr: "" });
  });
});

describe("a recorded example", { timeout: TEST_MS_MAX }, () => {
  test.each(RECORDED)("%s printed live what the sandbox prints over its trace", async (folder) => {
    expect(await stp(["post", `${folder}/trace`])).toMatchObject({ status: 0, stdout: await read(`${folder}/output.txt`) });
  });

  test.each(RECORDED)("%s shows code that is the probe's", async (folder) => {
    const probe = await read(`${folder}/probe.c`);
    const pieces = [...(await read(`${folder}/README.md`)).matchAll(/^```c\n([^]*?)^```$/gm)].map((match) => match[1]!);
    expect(pieces.length).toBeGreaterThan(0);
    expect(pieces.filter((piece) => !probe.includes(piece))).toEqual([]);
  });

  test.each(RECORDED)("%s is small", async (folder) => {
    const files = await readdir(join(PROJECT_ROOT, folder, "trace"), { recursive: true, withFileTypes: true });
    const sizes = await Promise.all(files.filter((file) => file.isFile()).map(async (file) => (await stat(join(file.parentPath, file.name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(TRACE_BYTES_MAX);
  });
});

test("the pool has all its memory back from sessions that could not begin", { timeout: TEST_MS_MAX }, async () => {
  const { wasm } = await compileProbe({ path: "probe.c", text: await read(`${POOL}/probe.c`) }, runtimeSources("wasm32"), false);
  const instance = await instantiate(wasm, { env: { yield() {} } });
  // Each takes its maps' memory, more than a third of the pool, and then has no ring.
  for (let i = 0; i < 3; i++) expect(() => new Sandbox(instance, 1, 3 * LEAST_RING_BYTES)).toThrow("a ring must be a power of two");
  new Sandbox(instance, 1).start();
});

describe("a pool that is too small", { timeout: TEST_MS_MAX }, () => {
  test("is refused before anything runs, with the sentences that the page shows", async () => {
    const probe = await read(`${POOL}/probe.c`);
    const path = join(directory, "small.c");
    await writeFile(path, probe.replace("(64 * 1024)", "(16 * 1024)"));
    const { status, stderr } = await stp(["run", path, "--trace", TRACE]);
    expect(status).toBe(2);
    const page = /^```\n(stp: The session cannot begin: [^]*?)^```$/m.exec(await read(`${POOL}/README.md`))?.[1];
    expect(stderr).toBe(page);
  });

  test("stp check finds the example safe", async () => {
    expect(await stp(["check", `${POOL}/probe.c`])).toMatchObject({ status: 0 });
  });
});
