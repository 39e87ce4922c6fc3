import { expect, test } from "vitest";
import { StpError } from "../../spec/errors.ts";
import { guestsAtOnce, runMatrix } from "./matrix.ts";

test("a kernel that cannot be had is the environment's fault; what is a bug is thrown", async () => {
  const told: string[] = [];
  const cut = { name: "cut", fetch: async () => Promise.reject(new StpError("Cannot fetch cut: no mirror")), tests: [] };
  const results = await runMatrix([cut], { report: () => {}, onResult: ({ test }) => told.push(test), onKernel: (kernel, all) => told.push(`${kernel} ${all.length}`) });
  expect(results).toMatchObject([{ kernel: "cut", test: "fetch", outcome: "environment", problems: ["Cannot fetch cut: no mirror"] }]);
  expect(told).toEqual(["fetch", "cut 1"]);
  await expect(runMatrix([{ ...cut, fetch: async () => Promise.reject(new Error("a bug")) }], { report: () => {}, onResult: () => {} })).rejects.toThrow("a bug");
});

test("a full disk is the environment's fault, with what to do", async () => {
  const full = { name: "full", fetch: async () => Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })), tests: [] };
  const [result] = await runMatrix([full], { report: () => {}, onResult: () => {} });
  expect(result).toMatchObject({ outcome: "environment" });
  expect(result!.problems[0]).toMatch(/^ENOSPC: no space left on device, write: no space is left on the disk; make some, or set STP_CACHE_DIR /);
});

test.each([
  [1, 8192, 1],
  [2, 8192, 1],
  [8, 65_536, 4],
  [64, 4096, 4],
  [16, 100, 1],
])("%d cores and %d MiB have room for %d guests", (cores, free_mib, guests) => {
  expect(guestsAtOnce(cores, free_mib)).toBe(guests);
});
