/**
 * Kernels of other architectures, and of the user's own: a probe on each, and operations against the model. Boots guests.
 * One that is not in the cache is left to the longer command, because it brings QEMU and a compiler with it.
 */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stp } from "../cli/testing.ts";
import { kernelOfDirectory } from "./directory.ts";
import { fetchKernel, isKernelCached } from "./fetch.ts";
import { runGuest } from "./guest.ts";
import { findKernel, KERNELS } from "./kernels.ts";
import { buildModule } from "./module.ts";
import { step } from "./steps.ts";
import { moduleWithInit } from "./testing.ts";

const MINUTE_MS = 60_000;
const OPERATIONS = 20_000;

let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "test-of-architectures-"))));
afterAll(() => rm(directory, { recursive: true, force: true }));

const foreign = KERNELS.filter(({ architecture }) => architecture !== "amd64");

describe.each(foreign.map(({ name }) => name))("%s", (name) => {
  const cached = isKernelCached(findKernel(name));
  if (!cached) console.warn(`SKIPPED ${name}: it is not in the cache; run "./stp kernel fetch ${name}", then again`);

  test.skipIf(!cached)(
    "a probe counts what the workload counts, but for what it says is lost",
    async () => {
      const { status, stdout, stderr } = await stp(["run", "examples/001-opens/probe.c", "--on", name, "--workload", "opens 3 400", "-o", join(directory, name)], { timeout_ms: 4 * MINUTE_MS });
      expect({ status, stderr }).toMatchObject({ status: 0 });
      const facts = [...stderr.matchAll(/workload's (wl-\d) opens=(\d+)/g)].map(([, comm, opens]) => [comm!, Number(opens)] as const);
      expect(facts.map(([comm]) => comm)).toEqual(["wl-0", "wl-1", "wl-2"]);
      const lost = [...stderr.matchAll(/^stp: +(\d+) +\d+ +map +busy +kprobe/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
      const missing = facts.map(([comm, opens]) => opens - Number(new RegExp(`^${comm} +(\\d+)$`, "m").exec(stdout)?.[1]));
      expect(missing.every((count) => count >= 0)).toBe(true);
      expect(missing.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(lost);
    },
    5 * MINUTE_MS,
  );

  test.skipIf(!cached)(
    "operations agree with the model, byte for byte",
    async () => {
      const { status, stdout, stderr } = await stp(["verify", "--on", name, "--ops", String(OPERATIONS)], { timeout_ms: 4 * MINUTE_MS });
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(stdout).toContain(`${name}: ${OPERATIONS} operations of seed 1 agree with the model`);
    },
    5 * MINUTE_MS,
  );
});

const s390x = foreign.find(({ architecture }) => architecture === "s390x")!;
test.skipIf(!isKernelCached(s390x))(
  "a big-endian kernel refuses to record, and says why",
  async () => {
    const { status, stderr } = await stp(["kernel", "record", "examples/001-opens/probe.c", "--on", s390x.name, "-o", join(directory, "recorded")], { timeout_ms: 4 * MINUTE_MS });
    expect(status).toBe(2);
    expect(stderr).toContain("a big-endian kernel cannot record for the sandbox");
  },
  5 * MINUTE_MS,
);

test(
  "a kernel of the user's own boots, and takes a module that was built for it",
  async () => {
    const debian = await fetchKernel(findKernel("debian-6.1-cloud"), { report: console.warn });
    const own = join(directory, "own");
    await symlinks(own, { "vmlinuz-own": debian.image, [basename(debian.headers)]: debian.headers, lib: join(debian.modules!, "../..") });
    const kernel = await kernelOfDirectory(own);
    expect(kernel).toMatchObject({ name: own, release: debian.release });
    expect(kernel.identity).not.toBe(debian.identity);
    const module = await buildModule(kernel, moduleWithInit("stp_own", 'pr_info("stp_own is here\\n");\n\treturn 0;'));
    const guest = await runGuest(kernel, { files: { "/stp_own.ko": module }, steps: [step("insmod", "/stp_own.ko"), step("rmmod", "stp_own")] });
    expect(guest.problems).toEqual([]);
    expect(guest.release).toBe(debian.release);
    expect(guest.console).toContain("stp_own is here");
  },
  5 * MINUTE_MS,
);

async function symlinks(folder: string, links: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder);
  for (const [name, target] of Object.entries(links)) await symlink(target, join(folder, name));
}
