/** 200 whole sessions of stpd while their probes fire leave no memory, no file and no module. Boots one guest. */
import { expect, test } from "vitest";
import { buildHelper, buildProbes } from "../providers/run.ts";
import { step } from "../steps.ts";
import { testedKernel } from "../testing.ts";
import { boot, fileOf, MINUTE_MS, printedBy, problemsOf, saidBy, tool } from "./daemon.ts";

const CYCLES = 200;
/** What the kernel's memory may differ by after 180 sessions: less than one of them has (its rings alone are 128 kB). */
const GROWTH_KB_MAX = 1024;
const FIELDS = ["Slab", "VmallocUsed", "Percpu"] as const;

test(
  `stpd loads, runs and unloads a session ${CYCLES} times while everything is hit, and leaves nothing`,
  async () => {
    const kernel = await testedKernel();
    const hits = await buildHelper("hits");
    const { name, path } = await buildProbes(kernel, "each.c");
    const guest = await boot(
      [
        step("write", "/sys/kernel/rcu_expedited", 1), // else most of the time is spent on waiting for the kernel's own grace periods
        step("start", "hits", "/hits", "forever", `/sys/kernel/debug/stp-${name}/files`),
        step("await", "hits", "forever", 10),
        step("run", "cycles", 280, "/tool", "cycles", CYCLES, `/${name}.ko`),
        step("signal", "hits", "TERM"),
        step("wait", "hits", 10, 128 + 15),
        step("send", "/proc/modules"),
        tool("debugfs", "list", "/sys/kernel/debug"),
        tool("tmp", "list", "/tmp"),
      ],
      { patches: true, timeout_ms: 6 * MINUTE_MS, files: { "/hits": hits, [`/${name}.ko`]: path } },
    );
    expect(problemsOf(guest), saidBy(guest, "cycles").slice(-2000)).toEqual([]);
    expect(saidBy(guest, "cycles").match(/ ended, recording in /g)).toHaveLength(CYCLES);
    expect(fileOf(guest, "/proc/modules")).not.toContain("stp_");
    expect(printedBy(guest, "debugfs")).not.toContain("stp-");
    expect(printedBy(guest, "tmp")).not.toContain("cycle");
    const [settled = "", end = ""] = printedBy(guest, "cycles").split("memory: end");
    const used = (text: string, field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
    const growth = Object.fromEntries(FIELDS.map((field) => [field, used(end, field) - used(settled, field)]));
    console.warn(`growth in kB over ${CYCLES - 20} sessions: ${JSON.stringify(growth)} (${guest.total_ms.toFixed(0)} ms for the guest)`);
    for (const field of FIELDS) expect(growth[field]!, field).toBeLessThan(GROWTH_KB_MAX);
  },
  8 * MINUTE_MS,
);
