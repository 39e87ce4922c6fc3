/** stp check: the verdict on the example, on a race, and on a probe that does not end; each failure replays. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { CHECKED_RULES } from "../sim/check.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";

const EXAMPLE = join(PROJECT_ROOT, "examples/001-opens/probe.c");
const HEAD = '#include <stp/stp.h>\n\nstatic int count;\n\nSTP_PROBE(kprobe, "do_sys_openat2")\n{\n\t(void)ctx;\n';
const TAIL = '}\n\nSTP_PROBE(end)\n{\n\tstp_printf(ctx, "%d\\n", count);\n}\n';
const FILES = {
  "race.c": `${HEAD}\tint seen = count;\n\tcount = seen + 1;\n${TAIL}`,
  "atomic.c": `${HEAD}\t__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);\n${TAIL}`,
  "endless.c": `${HEAD}\twhile (*(volatile int *)&count == 0)\n\t\t;\n${TAIL}`,
};

interface Verdict {
  readonly safe: boolean;
  readonly schedules: number;
  readonly scenarios: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly rules: readonly string[];
  readonly failures: readonly { readonly rule: string; readonly scenario: string; readonly schedule: string; readonly detail: string }[];
}

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "test-of-check-"));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), text);
});
afterAll(() => rm(directory, { recursive: true }));

async function check(path: string, ...args: readonly string[]): Promise<{ readonly status: number | undefined; readonly verdict: Verdict }> {
  const { status, stdout, stderr } = await stp(["check", path, "--json", ...args], { cwd: directory });
  expect(stderr).toBe("");
  return { status, verdict: JSON.parse(stdout) as Verdict };
}

describe("stp check", { timeout: TEST_MS_MAX }, () => {
  test("of the example is safe after more than 1000 schedules, with no loss but busy, and every rule named", async () => {
    const { status, verdict } = await check(EXAMPLE);
    expect(status).toBe(0);
    expect(verdict).toMatchObject({ safe: true, failures: [], rules: Object.keys(CHECKED_RULES) });
    expect(verdict.schedules).toBeGreaterThan(1000);
    expect(Object.keys(verdict.losses)).toEqual(["busy"]); // 0 would mean that no nmi was put into a map call
  });

  test("of the example says that each rule held", async () => {
    const { status, stdout } = await stp(["check", EXAMPLE]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\n001-opens: safe, as far as explored\n {2}schedules {2}\d+ tried, 0 failed: /);
    for (const [rule, text] of Object.entries(CHECKED_RULES)) expect(stdout).toContain(`  ${rule}  held    ${text}\n`);
  });

  test("of a race on a plain global is not safe by P3 alone, and what it prints to replay fails in the same way", async () => {
    const { status, verdict } = await check("race.c");
    expect(status).toBe(1);
    expect(verdict.safe).toBe(false);
    expect(new Set(verdict.failures.map((failure) => failure.rule))).toEqual(new Set(["P3"]));

    const { stdout } = await stp(["check", "race.c"], { cwd: directory });
    const [, scenario = "", schedule = ""] = /again: \.\/stp check race\.c --scenario (\S+) --schedule "([^"]+)"/.exec(stdout) ?? [];
    expect(stdout).toContain("P3  BROKEN");
    const again = await check("race.c", "--scenario", scenario, "--schedule", schedule);
    expect(again.status).toBe(1);
    expect(again.verdict).toMatchObject({ safe: false, schedules: 1, failures: [verdict.failures[0]] });
  });

  test("of the same count made atomically is safe", async () => {
    expect(await check("atomic.c")).toMatchObject({ status: 0, verdict: { safe: true, failures: [] } });
  });

  test("of a probe that does not end by itself is not safe by X2, and replays", async () => {
    const { status, verdict } = await check("endless.c");
    expect(status).toBe(1);
    expect(verdict.failures).toMatchObject([{ rule: "X2", scenario: "alone", detail: expect.stringContaining("has not ended") as string }]);
    const { scenario, schedule } = verdict.failures[0]!;
    expect(await check("endless.c", "--scenario", scenario, "--schedule", schedule)).toEqual({ status, verdict });
  });
});
