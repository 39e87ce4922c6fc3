/** The course of tests when things go wrong in every way: each is named, and the others go on. Boots guests. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { FetchedKernel } from "../fetch.ts";
import { buildModule } from "../module.ts";
import { step } from "../steps.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { moduleWithInit, testedKernel } from "../testing.ts";
import { runMatrix, type MatrixKernel } from "./matrix.ts";
import type { Checked, GuestTest, TestResult } from "./test.ts";

const MINUTE_MS = 60_000;
const LIMITS = { boot_ms: 90_000, silence_ms: 5000 } as const;

/** Loads a module whose init function has this body. */
function loading(name: string, body: string, checked: Checked = { problems: [] }): GuestTest {
  return {
    name,
    seconds_max: 60,
    prepare: async (kernel) => ({
      files: { [`/${name}.ko`]: await buildModule(kernel, moduleWithInit(name, body)) },
      steps: [step("insmod", `/${name}.ko`), step("rmmod", name)],
      check: () => checked,
    }),
  };
}

const FINE = "return 0;";
/** All CPUs: if one hung alone, the others would go on beating. */
const HANG = `#include <linux/stop_machine.h>
static int hang(void *unused)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
	return 0;
}
`;
const HANGER = moduleWithInit("hanger", "return stop_machine(hang, NULL, cpu_online_mask);");

async function run(kernels: readonly MatrixKernel[], limits: { readonly boot_ms?: number; readonly silence_ms?: number } = LIMITS): Promise<TestResult[]> {
  return runMatrix(kernels, { ...limits, report: () => {}, onResult: () => {} });
}

const outcomes = (results: readonly TestResult[], kernel: string): string[] => results.filter((result) => result.kernel === kernel).map(({ test, outcome }) => `${test}: ${outcome}`);
const problemsOf = (results: readonly TestResult[], name: string): string => results.find((result) => result.test === name)!.problems.join("\n");

describe("a course", { timeout: 8 * MINUTE_MS }, () => {
  let kernel: FetchedKernel;
  let results: TestResult[];
  beforeAll(async () => {
    kernel = await testedKernel();
    const hanger: GuestTest = {
      ...loading("hanger", FINE),
      prepare: async (of) => ({
        files: { "/hanger.ko": await buildModule(of, { ...HANGER, sources: { "hanger.c": HANG + String(HANGER.sources["hanger.c"]) } }) },
        steps: [step("insmod", "/hanger.ko")],
        check: () => ({ problems: [] }),
      }),
    };
    const tests = [
      loading("first", FINE),
      loading("panicker", 'panic("on purpose");\nreturn 0;'),
      loading("second", FINE, { problems: [], figures: { answers: 42 } }),
      hanger,
      loading("warner", "WARN_ON(1);\nreturn 0;"),
      loading("broken", "return 0"),
      loading("judged", FINE, { problems: ["It is not as it should be"] }),
      loading("refused", "return -ENODEV;"),
      loading("last", FINE),
    ];
    results = await run([{ name: kernel.name, fetch: async () => kernel, tests }]);
  }, 8 * MINUTE_MS);

  test("has a result for each test, and goes on in a new guest after each that ended one", () => {
    expect(outcomes(results, kernel.name).sort()).toEqual(
      ["boot: ok", "first: ok", "panicker: failed", "second: ok", "hanger: failed", "warner: failed", "broken: failed", "judged: failed", "refused: failed", "last: ok"].sort(),
    );
  });

  test("names the panic, with the console beside it", () => {
    expect(problemsOf(results, "panicker")).toContain("Kernel panic - not syncing: on purpose");
    const artefacts = results.find((result) => result.test === "panicker")!.artefacts;
    expect(String(artefacts.find(({ name }) => name === "console.log")?.contents)).toContain("Kernel panic - not syncing: on purpose");
  });

  test("names the step in which all CPUs hung, within the limit", () => {
    expect(problemsOf(results, "hanger")).toContain("The guest fell silent for 5 s in step `insmod /hanger.ko`");
    expect(results.find((result) => result.test === "hanger")!.ms).toBeLessThan(30_000);
  });

  test("gives a report of the kernel to the test in which it came, and to no other", () => {
    expect(problemsOf(results, "warner")).toMatch(/WARNING/);
    expect(results.filter(({ reports }) => reports.some((report) => report.includes("warner"))).map((result) => result.test)).toEqual(["warner"]);
  });

  test("calls a module that does not compile failed, in the compiler's words", () => {
    expect(problemsOf(results, "broken")).toMatch(/broken\.c:4:9: error: /);
  });

  test("judges what the steps gave, and keeps figures", () => {
    expect(problemsOf(results, "judged")).toBe("It is not as it should be");
    expect(results.find((result) => result.test === "second")!.figures).toEqual({ answers: 42 });
  });

  test("a kernel that never boots is reported within its time, another one is not affected", async () => {
    await inTemporaryDirectory("test-of-suite-", async (directory) => {
      const image = join(directory, "damaged");
      const bytes = await readFile(kernel.image);
      await writeFile(image, bytes.fill(0xa5, bytes.length >> 1, (bytes.length >> 1) + 4096)); // it stops while it unpacks itself
      const dead: MatrixKernel = { name: "dead", fetch: async () => ({ ...kernel, name: "dead", image }), tests: [loading("first", FINE)] };
      const alive: MatrixKernel = { name: "alive", fetch: async () => ({ ...kernel, name: "alive" }), tests: [loading("first", FINE)] };
      const both = await run([dead, alive], { ...LIMITS, boot_ms: 20_000 });
      expect(outcomes(both, "dead")).toEqual(["boot: failed", "first: not run"]);
      expect(problemsOf(both, "boot")).toMatch(/did not report within 20 s|ended before it reported/);
      expect(outcomes(both, "alive")).toEqual(["boot: ok", "first: ok"]);
    });
  });
});
