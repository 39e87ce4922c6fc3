import { expect, test } from "vitest";
import { parseMeasurements, ticksPerOperation } from "./figures.ts";
import { ROWS, rowFigure } from "./rows.ts";

const TEXT = "stpd: session started\nbench loop 100 1000\ntask-1 7\nWARNING: bench map_add 50 3000\nbench load_run_unload 1 250000000\nused 7\n";

test("parseMeasurements takes the bench lines and leaves the others", () => {
  expect([...parseMeasurements(TEXT)]).toEqual([
    ["loop", { operations: 100, ticks: 1000 }],
    ["map_add", { operations: 50, ticks: 3000 }],
    ["load_run_unload", { operations: 1, ticks: 250000000 }],
  ]);
});

test("parseMeasurements takes the cheapest operation where a line has it", () => {
  expect(parseMeasurements("bench kprobe 10 5000 480\n").get("kprobe")).toEqual({ operations: 10, ticks: 5000, cheapest: 480 });
});

test("parseMeasurements refuses a loop that was measured twice", () => {
  expect(() => parseMeasurements("bench loop 1 2\nbench loop 1 3\n")).toThrow("loop is there twice");
});

test("ticksPerOperation subtracts the turn of another loop", () => {
  expect(ticksPerOperation(parseMeasurements(TEXT), "map_add", "loop")).toBe(50);
  expect(ticksPerOperation(parseMeasurements(TEXT), "map_add")).toBe(60);
});

test("ticksPerOperation of a loop that was not measured says which", () => {
  expect(() => ticksPerOperation(parseMeasurements(TEXT), "walk")).toThrow("walk was not measured");
  expect(() => ticksPerOperation(parseMeasurements(TEXT), "map_add", "loop_string")).toThrow("loop_string was not measured");
});

test("ticksPerOperation refuses an operation that costs nothing", () => {
  const measured = parseMeasurements("bench call_bare 10 70\nbench kprobe_hit 10 70\n");
  expect(() => ticksPerOperation(measured, "kprobe_hit", "call_bare")).toThrow("kprobe_hit costs no more than call_bare");
});

test("rowFigure gives seconds from nanoseconds, and instructions as they are", () => {
  const row = (loop: string) => ROWS.find((candidate) => candidate.loop === loop)!;
  expect(rowFigure(row("load_run_unload"), parseMeasurements(TEXT))).toBe(0.25);
  expect(rowFigure(row("map_add"), parseMeasurements(TEXT))).toBe(50);
});
