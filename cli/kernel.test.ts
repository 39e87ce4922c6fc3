/** What the command says of kernels, with an empty cache. Fetches none. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KERNELS } from "../kernel-harness/kernels.ts";
import { stp, TEST_MS_MAX, type Ran } from "./testing.ts";

let cache = "";
beforeEach(async () => void (cache = await mkdtemp(join(tmpdir(), "test-of-kernel-"))));
afterEach(() => rm(cache, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ran> => stp(["kernel", ...args], { env: { ...process.env, STP_CACHE_DIR: cache } });

async function keep(key: string): Promise<void> {
  await mkdir(join(cache, "kernel", key), { recursive: true });
  await writeFile(join(cache, "kernel", key, "release"), "6.1.0-x\n");
}

test(
  "kernel list has a line for each kernel, with its state and how to get it, and whether it is here",
  async () => {
    await keep("debian-6.1-rt.layout1");
    const { status, stdout, stderr } = await run("list");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(" ")[0])).toEqual(KERNELS.map(({ name }) => name));
    expect(lines.find((line) => line.startsWith("debian-6.1-rt "))).toMatch(/^debian-6\.1-rt +here +6\.1\.0-x/);
    expect(lines.find((line) => line.startsWith("debian-6.1-cloud "))).toMatch(/^debian-6\.1-cloud +fetchable +"\.\/stp kernel fetch debian-6\.1-cloud", about 1 min, from Debian /);
    expect(lines.find((line) => line.startsWith("sanitizers-races "))).toMatch(/^sanitizers-races +buildable +"\.\/stp kernel fetch sanitizers-races", about \d+ min, from Debian's linux-source/);
  },
  TEST_MS_MAX,
);

test(
  "kernel list --json says the same",
  async () => {
    await keep("debian-6.1.layout1");
    const { status, stdout } = await run("list", "--json");
    expect(status).toBe(0);
    const rows = JSON.parse(stdout) as readonly { readonly name: string; readonly state: string; readonly release?: string; readonly architecture: string }[];
    expect(rows.map(({ name, architecture }) => [name, architecture])).toEqual(KERNELS.map(({ name, architecture }) => [name, architecture]));
    expect(rows.filter(({ state }) => state === "here")).toMatchObject([{ name: "debian-6.1", release: "6.1.0-x" }]);
  },
  TEST_MS_MAX,
);

test(
  "kernel fetch with one unknown name among several fetches none",
  async () => {
    const { status, stdout, stderr } = await run("fetch", "debian-6.1-cloud", "debian-6.1-tr");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("did you mean debian-6.1-rt?");
  },
  TEST_MS_MAX,
);
