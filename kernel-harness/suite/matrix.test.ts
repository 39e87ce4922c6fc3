import { expect, test } from "vitest";
import { StpError } from "../../spec/errors.ts";
import { guestsAtOnce, runMatrix } from "./matrix.ts";

test("a kernel that cannot be had is the environment's fault, a bug of ours is ours", async () => {
  const told: string[] = [];
  const cut = { name: "cut", fetch: async () => Promise.reject(new StpError("Cannot fetch cut: no mirror")), tests: [] };
  const results = await runMatrix([cut], { report: () => {}, onResult: ({ test }) => told.push(test), onKernel: (kernel, all) => told.push(`${kernel} ${all.length}`) });
  expect(results).toMatchObject([{ kernel: "cut", test: "fetch", outcome: "environment", problems: ["Cannot fetch cut: no mirror"] }]);
  expect(told).toEqual(["fetch", "cut 1"]);
  const [bug] = await runMatrix([{ ...cut, fetch: async () => Promise.reject(new Error("of ours")) }], { report: () => {}, onResult: () => {} });
  expect(bug).toMatchObject({ outcome: "failed", problems: [expect.stringMatching(/^The harness has a bug: Error: of ours\n/)] });
  await expect(runMatrix([cut, cut], { report: () => {}, onResult: () => {} })).rejects.toThrow("Cannot test cut twice at once: give it once");
});

test("what is interrupted was not run", async () => {
  const stop = new AbortController();
  const late = { name: "late", fetch: async () => Promise.reject(new Error("never")), tests: [] };
  const first = { name: "first", fetch: async () => (stop.abort(), Promise.reject(new StpError("Cannot fetch first"))), tests: [] };
  const results = await runMatrix([first, late], { report: () => {}, onResult: () => {}, stop: stop.signal });
  expect(results.map(({ kernel, outcome }) => `${kernel}: ${outcome}`)).toEqual(["first: environment", "late: not run"]);
});

test("a full disk is the environment's fault, with what to do", async () => {
  const full = { name: "full", fetch: async () => Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" })), tests: [] };
  const [result] = await runMatrix([full], { report: () => {}, onResult: () => {} });
  expect(result).toMatchObject({ outcome: "environment" });
  expect(result!.problems[0]).toMatch(/^ENOSPC: no space left on device, write; make space, or set STP_CACHE_DIR /);
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
