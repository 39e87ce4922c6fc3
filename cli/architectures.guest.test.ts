/**
 * Kernels of other architectures, and of the user's own: a probe on each, and operations against the model. Boots guests.
 * One that is not in the cache is left out, and said so: it brings QEMU and a compiler with it.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stp } from "./testing.ts";
import { ARCHITECTURES, type ArchitectureName } from "../kernel-harness/architectures.ts";
import { describeDirectory } from "../kernel-harness/directory.ts";
import { fetchKernel, isKernelCached } from "../kernel-harness/fetch.ts";
import { runGuest } from "../kernel-harness/guest.ts";
import { findKernel, KERNELS } from "../kernel-harness/kernels.ts";
import { buildModule } from "../kernel-harness/module.ts";
import { step } from "../kernel-harness/steps.ts";
import { KERNEL_VARIABLE, moduleWithInit } from "../kernel-harness/testing.ts";

const MINUTE_MS = 60_000;
const OPERATIONS = 20_000;
/** How a register dump begins. */
const REGISTERS: Readonly<Record<ArchitectureName, RegExp>> = { amd64: /^rip /m, arm64: /^pc \w+ sp /m, i386: /^eip /m, s390x: /^psw \w+ mask /m };

let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "test-of-architectures-"))));
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What differs between architectures: arguments, registers and stacks of programs and kernel, division, and address 0. */
const PROBE = `#include <stp/stp.h>

STP_MAP(seen, STP_KEYS(STP_STR), STP_INT64, .entries_max = 16);

STP_PROBE(uprobe, "/workload:fill_table")
{
	stp_map_add(&seen, STP_KEY("uprobe"), 1);
	stp_printf(ctx, "%s count=%d\\n", stp_execname(ctx), stp_arg(ctx, 1));
	stp_print_registers(ctx);
	stp_printf(ctx, "%s\\n", stp_user_stack(ctx));
}

STP_PROBE(kretprobe, "vfs_read")
{
	if (stp_returned(ctx) > stp_arg(ctx, 2))
		stp_map_add(&seen, STP_KEY("more than asked"), 1);
	stp_map_add(&seen, STP_KEY("kretprobe"), 1);
}

STP_PROBE(kprobe, "kernel_clone")
{
	stp_map_add(&seen, STP_KEY("null"), stp_kernel_int(ctx, 8, 8));
	stp_printf(ctx, "from %s\\n", stp_stack(ctx));
}

STP_PROBE(tracepoint, "sched:sched_process_exec")
{
	stp_printf(ctx, "exec %s\\n", stp_tracepoint_string(ctx, filename));
}

STP_PROBE(end)
{
	s64 n = -7 * stp_map_get(&seen, STP_KEY("uprobe"));

	stp_printf(ctx, "uprobe=%d kretprobe=%d more=%d null=%d divided=%d,%d\\n", stp_map_get(&seen, STP_KEY("uprobe")), stp_map_get(&seen, STP_KEY("kretprobe")) > 0,
		   stp_map_get(&seen, STP_KEY("more than asked")), stp_map_get(&seen, STP_KEY("null")), n / 4, n % 4);
}
`;

/** Not among the full tests of one kernel, which are about that one. */
const foreign = KERNELS.filter(({ architecture }) => architecture !== "amd64" && process.env[KERNEL_VARIABLE] === undefined);

describe.each(foreign.map(({ name, architecture }) => [name, ARCHITECTURES[architecture]] as const))("%s", (name, architecture) => {
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
    "arguments, registers and stacks are those of the architecture",
    async () => {
      await writeFile(join(directory, "probe.c"), PROBE);
      const output = join(directory, `${name}-parts`);
      const { status, stdout, stderr } = await stp(["run", join(directory, "probe.c"), "--on", name, "--workload", "faults 2 150", "-o", output], { timeout_ms: 4 * MINUTE_MS });
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(stdout).toContain("exec /workload\n");
      expect(stdout).toContain("uprobe=2 kretprobe=1 more=0 null=0 divided=-3,-2\n");
      // Of functions that no other file calls the compiler of i386 passes arguments in registers of its own choice.
      if (architecture.bits === 64) expect([...stdout.matchAll(/^wl-(\d) count=(\d+)$/gm)].map(([, process, count]) => [process, count]).sort()).toEqual([["0", "150"], ["1", "151"]]);
      expect(stdout).toMatch(REGISTERS[architecture.name]);
      expect(stdout).toMatch(/^<ustack \d+ 0x[0-9a-f]+/m);
      const posted = await stp(["post", output]);
      expect(posted.stdout).toMatch(/^from <stack kernel_clone\+0x[01] \S+/m);
      expect(stderr).toMatch(/^stp: +\d+ +\d+ +read +fault +kprobe "kernel_clone"/m);
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

const bigEndian = foreign.filter(({ architecture }) => !ARCHITECTURES[architecture].littleEndian);
test.each(bigEndian.filter((kernel) => isKernelCached(kernel)).map(({ name }) => name))(
  "%s is big-endian, refuses to record, and says why",
  async (name) => {
    const { status, stderr } = await stp(["kernel", "record", "examples/001-opens/probe.c", "--on", name, "-o", join(directory, "recorded")], { timeout_ms: 4 * MINUTE_MS });
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
    const kernel = describeDirectory(own);
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
