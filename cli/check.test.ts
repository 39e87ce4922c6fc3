/** stp check: the verdict on the example, on a race, and on a probe that does not end; each failure replays. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { CHECKED_RULES } from "../sim/check/rules.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";

const EXAMPLE = join(PROJECT_ROOT, "examples/001-opens/probe.c");
const HEAD = '#include <stp/stp.h>\n\nstatic int count;\n\nSTP_PROBE(kprobe, "do_sys_openat2")\n{\n\t(void)ctx;\n';
const TAIL = '}\n\nSTP_PROBE(end)\n{\n\tstp_printf(ctx, "%d\\n", count);\n}\n';
const FILES = {
  "race.c": `${HEAD}\tint seen = count;\n\tcount = seen + 1;\n${TAIL}`,
  "atomic.c": `${HEAD}\t__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);\n${TAIL}`,
  "endless.c": `${HEAD}\twhile (*(volatile int *)&count == 0)\n\t\t;\n${TAIL}`,
  "idle.c": `${HEAD}\tfor (;;)\n\t\t;\n${TAIL}`,
  "busy.c": `${HEAD}\tfor (int i = 0; i < 5000; i++)\n\t\tstp_pid(ctx);\n${TAIL}`,
  "sleeper.c": `#include <linux/delay.h>\n${HEAD}\tmsleep(10);\n${TAIL}`,
  "taker.c": `#include <linux/slab.h>\n${HEAD}\tkfree(kmalloc(10, GFP_ATOMIC));\n${TAIL}`,
  "printer.c": `${HEAD}\tfor (int i = 0; i < 100; i++)\n\t\tstp_printf(ctx, "%-200s\\n", "much");\n${TAIL}`,
  "flooder.c": `${HEAD}\tfor (int i = 0; i < 400; i++)\n\t\tstp_printf(ctx, "%-200s\\n", "more");\n${TAIL}`,
  "pointer.c": `${HEAD}\tcount += *(const char *)(uintptr_t)stp_arg(ctx, 1);\n${TAIL}`,
  "null.c": `${HEAD}\tcount += *(volatile int *)8;\n${TAIL}`,
  "strings.c": `${HEAD}\tfor (int i = 0; i < 9; i++)\n\t\tstp_execname(ctx);\n${TAIL}`,
  "stack.c": `${HEAD}\tchar text[3000];\n\n\tmemset(text, count, sizeof(text));\n\tstp_printf(ctx, "%s\\n", text);\n${TAIL}`,
};

interface Verdict {
  readonly safe: boolean;
  readonly schedules: number;
  readonly scenarios: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly rules: readonly string[];
  readonly failures: readonly { readonly rule: string; readonly scenario: string; readonly schedule: string; readonly detail: string; readonly places: readonly { readonly path: string; readonly line: number }[] }[];
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
    expect(stdout).toMatch(/^\n001-opens: safe, as far as explored\n {2}kprobe do_sys_openat2: at most \d+ events, .*\n {2}schedules {2}\d+ tried, 0 failed: /);
    for (const [rule, text] of Object.entries(CHECKED_RULES)) expect(stdout).toMatch(new RegExp(`^ {2}${rule} +held {4}${text.replace(/[+]/g, "\\+")}$`, "m"));
  });

  test("of a race on a plain global names both lines, and what it prints to replay fails in the same way", async () => {
    const { status, verdict } = await check("race.c");
    expect(status).toBe(1);
    expect(verdict.safe).toBe(false);
    expect(new Set(verdict.failures.map((failure) => failure.rule))).toEqual(new Set(["P3", "race"]));
    const race = verdict.failures.find(({ rule }) => rule === "race")!;
    for (const place of race.places) expect(place).toMatchObject({ path: "race.c" });
    expect(race.places.map(({ line }) => line).every((line) => line === 8 || line === 9)).toBe(true);

    const { stdout } = await stp(["check", "race.c"], { cwd: directory });
    const [, scenario = "", schedule = ""] = /again: \.\/stp check race\.c --scenario (\S+) --schedule "([^"]+)"/.exec(stdout) ?? [];
    expect(stdout).toContain("race     BROKEN");
    expect(stdout).toContain("CPU 0 ");
    const again = await check("race.c", "--scenario", scenario, "--schedule", schedule);
    expect(again.status).toBe(1);
    expect(again.verdict).toMatchObject({ safe: false, schedules: 1, failures: [{ rule: verdict.failures[0]!.rule, detail: verdict.failures[0]!.detail }] });
  });

  test("writes the picture of a failure as a page that stands alone", async () => {
    const { status } = await stp(["check", "race.c", "--html", "race.html"], { cwd: directory });
    expect(status).toBe(1);
    const page = await readFile(join(directory, "race.html"), "utf8");
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain("race.c");
    expect(page).not.toMatch(/<script|https?:/);
  });

  test("of the same count made atomically is safe", async () => {
    expect(await check("atomic.c")).toMatchObject({ status: 0, verdict: { safe: true, failures: [] } });
  });

  test.each([
    ["idle.c", "X2", 8, "does not end"],
    ["busy.c", "budget", 9, "budget of actions"],
    ["sleeper.c", "context", 9, "msleep\\(\\) may sleep"],
    ["taker.c", "context", 9, "kmalloc\\(\\) takes memory"],
    ["printer.c", "budget", 9, "printed \\d+ bytes"],
    ["flooder.c", "loss", 9, "more than the ring"],
    ["pointer.c", "memory", 8, "0xdead0000"],
    ["null.c", "memory", 8, "null pointer"],
    ["strings.c", "loss", 9, "more strings than the pool"],
    ["stack.c", "stack", 11, "bytes of stack"],
  ])("of %s is not safe by %s, at its line %i", async (file, rule, line, detail) => {
    const { status, verdict } = await check(file);
    expect(status).toBe(1);
    const [failure] = verdict.failures;
    expect(failure).toMatchObject({ rule, scenario: "alone", detail: expect.stringMatching(detail) as string });
    expect(failure!.places[0]).toMatchObject({ path: file, line });
  });

  test("of a probe that does not end by itself is not safe by X2, and replays", async () => {
    const { status, verdict } = await check("endless.c");
    expect(status).toBe(1);
    expect(verdict.failures).toMatchObject([{ rule: "X2", scenario: "alone", detail: expect.stringContaining("has not ended") as string }]);
    const { scenario, schedule } = verdict.failures[0]!;
    expect(await check("endless.c", "--scenario", scenario, "--schedule", schedule)).toEqual({ status, verdict });
  });
});
