/** What a replay cannot see of the runtime, under sanitizers: runtime-c/port/watched has the cases. */
import { expect, test } from "vitest";
import { compileNative } from "./native.ts";
import { runChild } from "./mutant-stages.ts";

const RUN_MS_MAX = 60_000;

test("the watched world: init, fini and refusals, limits, log, manifest, orders, schemes, waiting, and what comes in between", { timeout: 180_000 }, async () => {
  const program = await compileNative({ world: "watched", entry: "watched_main.c", compiler: "gcc", sanitizers: "address,undefined", packages: "gcc and libc6-dev" }, () => {});
  const { how, stderr } = await runChild(program, [], { ms_max: RUN_MS_MAX });
  expect(`${how} ${stderr.slice(0, 2000)}`.trim()).toBe("");
});
