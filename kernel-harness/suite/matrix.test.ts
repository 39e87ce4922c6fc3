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

test.each([
  [1, 8192, 1],
  [2, 8192, 1],
  [8, 65_536, 4],
  [64, 4096, 4],
  [16, 100, 1],
])("%d cores and %d MiB have room for %d guests", (cores, free_mib, guests) => {
  expect(guestsAtOnce(cores, free_mib)).toBe(guests);
});
