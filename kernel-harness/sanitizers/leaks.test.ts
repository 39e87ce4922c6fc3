import { expect, test } from "vitest";
import { leakReports } from "./leaks.ts";

const block = (address: string, frames: readonly string[]): string => [
  `unreferenced object 0x${address} (size 512):`,
  '  comm "stpd", pid 35, jiffies 4294678000 (age 12.340s)',
  "  hex dump (first 32 bytes):",
  "    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................",
  "  backtrace:",
  ...frames.map((frame) => `    [<0000000012345678>] ${frame}`),
  "",
].join("\n");

const OURS = ["__kmalloc+0x4b/0x150", "0xffffffffc02a1234", "0xffffffffc02a2000", "do_one_initcall+0x1/0x2"];

test("leakReports names what code of the module asked for", () => {
  const [report, ...more] = leakReports(`module stp_x 0xffffffffc02a1000\n${block("ffff888003c5e800", OURS)}`, "a test");
  expect(more).toEqual([]);
  expect(report).toMatchObject({ kind: "leak", title: "kmemleak: (size 512) of .text+0x234 [stp_x]", count: 1, test: "a test", line: "unreferenced object 0xffff888003c5e800 (size 512):" });
  expect(report!.text).toContain("    .text+0x1000 [stp_x]\n");
  expect(report!.text).toContain("__kmalloc+0x4b/0x150");
});

test("leakReports reads addresses that the kernel does not want to tell", () => {
  const text = `module stp_x 0xffffffffc02a1000\n${block("ffff888003c5e800", OURS)}`.replaceAll("<0000000012345678>", "<(____ptrval____)>");
  expect(leakReports(text).map(({ title }) => title)).toEqual(["kmemleak: (size 512) of .text+0x234 [stp_x]"]);
});

test("leakReports counts what is lost at one place", () => {
  const text = `module stp_x 0xffffffffc02a1000\n${block("ffff888003c5e800", OURS)}${block("ffff888003c5f000", OURS)}`;
  expect(leakReports(text).map(({ count }) => count)).toEqual([2]);
});

test("leakReports names the kernel's code if none of the module asked", () => {
  const text = `module stp_x 0xffffffffc02a1000\n${block("ffff888003c5e800", ["__kmalloc+0x4b/0x150", "acpi_begin+0x1/0x2", "0xffffffffc02a0ffe", "start_kernel+0x1/0x2"])}`;
  expect(leakReports(text)).toMatchObject([{ title: "kmemleak: (size 512) of acpi_begin", text: expect.stringContaining("] 0xffffffffc02a0ffe\n") as string }]);
  expect(leakReports(text.replaceAll("<0000000012345678>", "<(____ptrval____)>")).map(({ title }) => title)).toEqual(["kmemleak: (size 512) of acpi_begin"]);
});

test("leakReports of nothing is nothing", () => {
  expect(leakReports("module stp_x 0xffffffffc02a1000\n")).toEqual([]);
});
