import { beforeAll, describe, expect, test } from "vitest";
import { fetchKernel, isKernelCached } from "../../fetch.ts";
import { findKernel } from "../../kernels.ts";
import { LEAK, LOCK_IN_NMI, OUT_OF_BOUNDS, placesOf, RACE, SLEEP, UNCHECKED_KASAN, UNCHECKED_SMAP, USE_AFTER_FREE, type PlantedBug } from "./planted.ts";
import { originalOf, runPlanted, UNCHANGED, type PlantedOptions, type PlantedResult } from "./run.ts";

const MINUTE_MS = 60_000;

/** The unchanged module, then each bug, in one guest. The last of them may end it. */
function planted(kernel: string, bugs: readonly PlantedBug[], options: PlantedOptions = {}): void {
  let ran: PlantedResult = { reports: [], problems: [] };

  beforeAll(async () => {
    ran = await runPlanted(await fetchKernel(findKernel(kernel), { report: console.warn }), bugs, options);
  }, 15 * MINUTE_MS);

  test("nothing is reported of the module as it is", () => {
    expect(ran.reports.filter((report) => report.test === UNCHANGED || report.test === undefined).map(({ text }) => text)).toEqual([]);
    expect(ran.problems.filter((problem) => problem.includes(UNCHANGED))).toEqual([]);
  });

  test.each(bugs.map((bug) => [bug.about, bug] as const))("%s: it is named, in its test, with its place", (_about, bug) => {
    const reports = ran.reports.filter((report) => report.test === bug.name);
    const named = reports.find(({ kind, title }) => kind === bug.expects.kind && bug.expects.title.test(title));
    expect(named, JSON.stringify([ran.problems, reports.map(({ kind, title }) => [kind, title])])).toBeDefined();
    const places = placesOf(bug, originalOf(bug));
    expect(places.some((place) => named!.text.includes(place)), `${places.join(" or ")} in\n${named!.text}`).toBe(true);
  });
}

/** A sanitizer kernel takes minutes to build: nobody waits for that who did not ask for it. */
function ifCached(kernel: string, title: string, body: () => void): void {
  if (isKernelCached(findKernel(kernel))) describe(title, body);
  else console.warn(`SKIPPED ${title}: ${kernel} is not in the cache; run "./stp kernel fetch ${kernel}" (about 10 minutes), then again`);
}

describe("on debian-6.1-cloud", () => planted("debian-6.1-cloud", [UNCHECKED_SMAP]));

ifCached("sanitizers-memory", "on sanitizers-memory", () => planted("sanitizers-memory", [SLEEP, OUT_OF_BOUNDS, USE_AFTER_FREE, LEAK, UNCHECKED_KASAN], { leaks: true }));

ifCached("sanitizers-memory", "with real nmis on sanitizers-memory", () => planted("sanitizers-memory", [LOCK_IN_NMI], { nmis: true }));

ifCached("sanitizers-races", "on sanitizers-races", () => planted("sanitizers-races", [RACE], { races: true }));
