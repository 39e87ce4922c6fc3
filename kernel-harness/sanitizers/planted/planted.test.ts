import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PROJECT_ROOT } from "../../../spec/runtime.ts";
import { probeModule } from "../../program.ts";
import * as planted from "./planted.ts";
import { LEAK, placesOf, plant, SLEEP, USE_AFTER_FREE, type PlantedBug } from "./planted.ts";

const BUGS = Object.values(planted).filter((value): value is PlantedBug => typeof value === "object" && "expects" in value);
const module = probeModule("/x.c", "");
const original = (bug: PlantedBug): string => readFileSync(PROJECT_ROOT + bug.file, "utf8");

test("there are bugs", () => {
  expect(BUGS.length).toBeGreaterThanOrEqual(7);
});

test.each(BUGS.map((bug) => [bug.about, bug] as const))("%s: fits the sources as they are, and changes one file", (_name, bug) => {
  const copy = plant(module, bug);
  const changed = Object.keys(module.sources).filter((file) => copy.sources[file] !== module.sources[file]);
  expect(changed).toEqual([bug.file]);
  expect(copy.library?.sources[bug.file]).toBe(copy.sources[bug.file]);
});

test("a change that fits nowhere, or twice, is refused", () => {
  expect(() => plant(module, { ...SLEEP, from: "no such text" })).toThrow("it replaces is there 0 times, not once");
  expect(() => plant(module, { ...SLEEP, from: "copy_" })).toThrow(/it replaces is there \d+ times, not once/);
  expect(() => plant(module, { ...SLEEP, file: "nowhere.c" })).toThrow("the module has no such file");
});

test("placesOf gives the lines that the change put there", () => {
  const lines = String(plant(module, USE_AFTER_FREE).sources[USE_AFTER_FREE.file]).split("\n");
  const places = placesOf(USE_AFTER_FREE, original(USE_AFTER_FREE)).map((place) => Number(/:(\d+)\)$/.exec(place)![1]));
  expect(places.map((line) => lines[line - 1])).toEqual(USE_AFTER_FREE.to.trimEnd().split("\n"));
  expect(placesOf(LEAK, original(LEAK))).toEqual(["(runtime-c/port/kernel/relay.c"]);
});
