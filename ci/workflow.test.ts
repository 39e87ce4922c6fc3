/** What others call from their CI: the workflow, its script, and the page that shows both. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { cacheRoot } from "../spec/cache.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { KERNELS } from "../kernel-harness/kernels.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, string | number>>;
}

interface Workflow {
  readonly on: { readonly workflow_call: { readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>> } };
  readonly jobs: Readonly<Record<string, { readonly "timeout-minutes": number; readonly steps: readonly Step[] }>>;
}

const PATH = ".github/workflows/kernels.yml";
const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), "utf8");
const text = read(PATH);
const workflow = parse(text) as Workflow;
const inputs = workflow.on.workflow_call.inputs;
const steps = workflow.jobs["test"]!.steps;

describe(PATH, () => {
  test("uses each of its inputs, and no other", () => {
    const used = new Set([...text.matchAll(/inputs\.(\w+)/g)].map((match) => match[1]));
    expect([...used].sort()).toEqual(Object.keys(inputs).sort());
  });

  test("tests kernels that there are", () => {
    const names: readonly string[] = KERNELS.map(({ name }) => name);
    for (const kernel of JSON.parse(inputs["kernels"]!.default!) as string[]) expect(names).toContain(kernel);
  });

  test("runs the plain script, keeps its cache, and keeps its results whatever came of it", () => {
    expect(steps.flatMap(({ run }) => (run?.includes("kernels.sh") ? [run.split(" ").slice(0, 2).join(" ")] : []))).toEqual(["sh ci/kernels.sh", "sh ci/kernels.sh"]);
    expect(steps.find(({ uses }) => uses?.startsWith("actions/cache@"))!.with!["path"]).toBe(cacheRoot({}).replace(process.env["HOME"] ?? "", "~"));
    const upload = steps.find(({ uses }) => uses?.startsWith("actions/upload-artifact@"))!;
    expect(upload).toMatchObject({ if: "always()", with: { path: "stp/results" } });
    expect(read("ci/kernels.sh")).toContain("${STP_RESULTS:-results}");
  });

  test("is called by docs/kernel-ci.md with the inputs that it has, and all that it must have", () => {
    const shown = parse(/^```yaml\n([^]*?)^```$/m.exec(read("docs/kernel-ci.md"))![1]!) as { jobs: Record<string, { uses: string; with: Record<string, string> }> };
    for (const { uses, with: given } of Object.values(shown.jobs)) {
      expect(uses).toMatch(new RegExp(`/${PATH.replaceAll(".", "\\.")}@`));
      for (const name of Object.keys(given)) expect(Object.keys(inputs)).toContain(name);
      for (const [name, { required }] of Object.entries(inputs)) if (required) expect(Object.keys(given)).toContain(name);
    }
  });
});

test("ci/kernels.sh --key names a key that begins with its kernel's, of another kernel another", () => {
  const keysOf = (kernel: string): Record<string, string> => {
    const { stdout } = spawnSync("sh", ["ci/kernels.sh", "--key", kernel], { cwd: PROJECT_ROOT, encoding: "utf8" });
    return Object.fromEntries(stdout.trim().split("\n").map((line) => line.split("=", 2))) as Record<string, string>;
  };
  const [one, other, own] = [keysOf("debian-6.1"), keysOf("debian-6.1-rt"), keysOf("/tmp/kernel")];
  expect(one["key"]).toMatch(/^stp-debian-6\.1-[0-9a-f]{16}-\d{4}-\d\d-[0-9a-f]{16}$/);
  expect(one["key"]!.startsWith(`${one["kernel"]}-`)).toBe(true);
  expect(other["kernel"]).not.toBe(one["kernel"]);
  expect(own["key"]).toMatch(/^[\w.-]+$/); // GitHub refuses commas in a key
});
