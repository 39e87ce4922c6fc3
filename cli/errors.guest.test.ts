/** A probe's error on a real kernel: the module asks for the end of its session, stpd ends it, and the module is unloaded. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stp, TEST_MS_MAX } from "./testing.ts";
import { TESTED_KERNEL } from "../kernel-harness/testing.ts";

const PROBE = `#include <stp/stp.h>
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_printf(ctx, "%d\\n", stp_div(ctx, 1, 0));
}
STP_PROBE(end)
{
	stp_printf(ctx, "end\\n");
}
STP_PROBE(error)
{
	stp_printf(ctx, "error\\n");
}
`;

test("division by zero ends the session by itself, with its error and end probes, and says so", { timeout: TEST_MS_MAX }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "test-of-errors-"));
  try {
    await writeFile(join(directory, "probe.c"), PROBE);
    const { status, stdout, stderr } = await stp(["run", join(directory, "probe.c"), "--on", TESTED_KERNEL, "--limit", "time_us=4294967295"]);
    expect(stdout).toMatch(/^(0\n){1,2}error\nend\n$/); // on 2 CPUs two hits may be under way
    expect(stderr).toMatch(/^stp: ERROR: division by zero \(CPU [01]\)$/m);
    expect(status).toBe(1);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
