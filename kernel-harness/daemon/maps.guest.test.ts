/** Mappings of processes: what was mapped before, what comes and goes, with build-ids; kept only if a probe wants user addresses. Boots one guest. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { buildLines } from "../delivery/delivery.ts";
import type { GuestResult } from "../guest.ts";
import { needProgram, runProcess } from "../process.ts";
import { readRecording } from "../providers/run.ts";
import { step } from "../steps.ts";
import { boot, fileOf, filesBelow, interrupted, lines, MINUTE_MS, problemsOf, saidBy, stacksModule, started, tool } from "./daemon.ts";

describe("symbols of a recording", () => {
  let guest: GuestResult;
  let maps: { readonly time: bigint; readonly pid: number; readonly what: string; readonly rest: string }[];

  beforeAll(async () => {
    guest = await boot(
      [
        step("start", "before", "/tool", "sleep", 4000),
        ...started("stpd", "-o", "/recording", "/stp_stacks.ko"),
        lines("lines", 1, 3, 0),
        tool("pause", "sleep", 200),
        ...interrupted("stpd"),
        step("wait", "before", 20),
        step("send", "/recording"),
      ],
      { files: { "/stp_stacks.ko": await stacksModule() } },
    );
    expect(problemsOf(guest), saidBy(guest, "stpd")).toEqual([]);
    maps = [...fileOf(guest, "/recording/symbols/maps").matchAll(/^(\d+) (\d+) (map|exec|fork|exit|lost) ?(.*)$/gm)].map(([, time, pid, what, rest]) => ({ time: BigInt(time!), pid: Number(pid), what: what!, rest: rest! }));
  }, 6 * MINUTE_MS);

  test("are kept for the kernel, its modules and the processes", () => {
    expect(filesBelow(guest, "/recording")).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json", "symbols/kallsyms", "symbols/maps", "symbols/modules"]);
    expect(fileOf(guest, "/recording/symbols/maps").trimEnd().split("\n")).toHaveLength(maps.length);
    expect(fileOf(guest, "/recording/symbols/kallsyms")).toMatch(/^(?!0000000000000000)[0-9a-f]{16} [tTwW] null_lseek$/m);
  });

  test("tell what was mapped before the session, with the time of its begin", () => {
    const before = maps.filter(({ what, rest }) => what === "map" && rest.endsWith(" /tool"));
    expect(before.length).toBeGreaterThan(0);
    expect(before[0]!.time).toBe(maps[0]!.time);
    expect(before[0]!.rest).toMatch(/^401000 [0-9a-f]+ 1000 [0-9a-f]{40} \/tool$/);
  });

  test("tell of a process from its fork to its exit, in order, with the build-id that the file has", async () => {
    const exec = maps.filter(({ what, rest }) => what === "exec" && rest === "lines");
    expect(exec).toHaveLength(1);
    const pid = exec[0]!.pid;
    expect(maps.filter((line) => line.pid === pid).sort((a, b) => Number(a.time - b.time)).map(({ what }) => what)).toEqual(expect.arrayContaining(["exec", "map", "fork", "exit"]));
    const map = maps.find((line) => line.pid === pid && line.what === "map" && line.rest.endsWith(" /lines"))!;
    const { stdout } = await runProcess(needProgram("readelf", "binutils"), ["-n", await buildLines()], { timeout_ms: 10_000 });
    const build_id = /Build ID: ([0-9a-f]+)/.exec(stdout)?.[1] ?? "-";
    expect(map.rest.split(" ")[3]).toBe(build_id);
    const child = maps.find((line) => line.pid === pid && line.what === "fork")!.rest;
    expect(maps.some((line) => line.pid === Number(child) && line.what === "exit")).toBe(true);
    expect((await readFile(await buildLines())).length).toBeGreaterThan(Number.parseInt(map.rest.split(" ")[2]!, 16));
  });

  test("give names to user addresses of a process that is gone", async () => {
    const { output } = await readRecording(guest.files, "/recording");
    expect(output.split("\n").filter((line) => line.startsWith("<ustack"))).toHaveLength(3);
  });
});
