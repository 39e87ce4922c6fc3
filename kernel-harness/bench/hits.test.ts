import { expect, test } from "vitest";
import { parseMeasurements } from "./figures.ts";
import { BODIES, requireAllHits, shownHits } from "./hits.ts";

const body = (name: string) => BODIES.find((candidate) => candidate.name === name)!;
const measured = (name: string, cheapest: number) => parseMeasurements(`bench call_bare 10 700 70\nbench ${name} 10 5000 ${cheapest}\n`);

test("shownHits adds up what bpftrace's map holds", () => {
  expect(shownHits("numbers", "Attaching 1 probe...\n\n\n@[101]: 7\n@[meter]: 30\n@by_pid[1, 2]: 5\n@other: 9\n")).toBe(42);
});

test("shownHits takes the number that a script or a program of ours prints", () => {
  expect(shownHits("numbers", "counted 20000\n")).toBe(20000);
  expect(shownHits("numbers", "")).toBe(0);
});

test("shownHits counts lines of meter, and no others", () => {
  expect(shownHits("lines", "Attaching 1 probe...\nmeter 101\nmeter 101\nmeter\n12 meter 3\n")).toBe(2);
});

test("a near-empty body shows nothing by itself", () => {
  expect(shownHits("none", "meter 1\ncounted 3\n")).toBeUndefined();
  requireAllHits("bpftrace", body("kprobe"), "", measured("kprobe", 490));
});

test("requireAllHits refuses a tracer that had fewer hits than there were calls", () => {
  const measurements = measured("kprobe_map", 490);
  requireAllHits("bpftrace", body("kprobe_map"), "@[101]: 20000\n", measurements);
  expect(() => requireAllHits("bpftrace", body("kprobe_map"), "@[101]: 19999\n", measurements)).toThrow("bpftrace had 19999 of 20000 hits of kprobe_map");
});

test("requireAllHits refuses a call that was as cheap as one without a probe", () => {
  expect(() => requireAllHits("SystemTap", body("kprobe"), "", measured("kprobe", 70))).toThrow("a hit was missed");
  expect(() => requireAllHits("SystemTap", body("kprobe"), "", parseMeasurements("bench call_bare 10 700\nbench kprobe 10 5000\n"))).toThrow("costs nobody knows what");
});
