/** stpd from its begin to its end, when nothing goes wrong: whatever ends a session, and what runs meanwhile. Boots one guest. */
import { beforeAll, describe, expect, test } from "vitest";
import { stat } from "node:fs/promises";
import type { GuestResult } from "../guest.ts";
import { buildStpd } from "../run.ts";
import { step } from "../steps.ts";
import { boot, countedLines, ends, fileOf, filesBelow, interrupted, lines, linesModule, MINUTE_MS, printedBy, problemsOf, saidBy, started, STEP_S_MAX, tool, UNLIMITED } from "./daemon.ts";

const KO = "/stp_lines.ko";
const RSS_KB_MAX = 8 * 1024;
const BINARY_SIZE_MAX = 2 * 1024 * 1024;
/** What stpd may do after loading: DAC_OVERRIDE, SYS_MODULE, SYSLOG. */
const CAPABILITIES = (1n << 1n) | (1n << 16n) | (1n << 34n);

describe("stpd", () => {
  let guest: GuestResult;

  beforeAll(async () => {
    guest = await boot(
      [
        // The command ends, well or not; or the session ends first.
        ...ends("command", 0, ...UNLIMITED, "-o", "/command", "-c", "/lines 2 500 0", KO),
        step("send", "/command"),
        ...ends("bad_command", 1, "-o", "/bad_command", "-c", "/tool nothing", KO),
        ...ends("no_command", 1, "-o", "/no_command", "-c", "/missing", KO),
        ...started("long_command", "-o", "/long_command", "-c", "/tool sleep 600000", KO),
        tool("pause", "sleep", 300),
        ...interrupted("long_command"),
        tool("left_over", "show", "tool", "State"),
        // Someone else stops it.
        ...started("stopped", "-o", "/stopped", KO),
        step("write", "/sys/kernel/debug/stp-stp_lines/control", "stop"),
        step("wait", "stopped", STEP_S_MAX),
        // A process that is watched.
        step("run", "watched", STEP_S_MAX, "/tool", "beside", 1500, "/stpd", "-o", "/watched", "-x", "PID", KO),
        ...ends("no_process", 2, "-o", "/no_process", "-x", 99999, KO),
        // Two sessions at once; one of them in the background.
        step("run", "daemon", STEP_S_MAX, "/stpd", "-D", "-o", "/daemon", ...UNLIMITED, KO),
        ...started("two", "-o", "/two", ...UNLIMITED, "/stp_two.ko"),
        tool("idle", "show", "stpd", "Rss", "Anonymous", "CapEff", "Threads"),
        step("send", "/daemon"),
        tool("pause2", "sleep", 2000),
        tool("idle_later", "show", "stpd", "Rss", "Anonymous"),
        lines("both", 2, 1000, 0),
        tool("busy", "show", "stpd", "Rss", "Anonymous"),
        ...interrupted("two"),
        step("send", "/two"),
        tool("stop_daemon", "kill", "TERM", "/daemon/stpd.pid"),
        step("send", "/daemon/manifest.json"),
        step("run", "watch_none", STEP_S_MAX, "/tool", "list", "/daemon"),
        step("send", "/proc/modules"),
        tool("debugfs_left", "list", "/sys/kernel/debug"),
      ],
      { files: { "/stp_two.ko": await linesModule("stp_two") } },
    );
    expect(problemsOf(guest), Object.keys(guest.outputs).map((name) => saidBy(guest, name)).join("")).toEqual([]);
  }, 6 * MINUTE_MS);

  test("with a command ends with it, and all lines are there", async () => {
    const counted = await countedLines(guest, "/command");
    expect({ arrived: counted.arrived, misplaced: counted.misplaced, lost: counted.lost, ok: counted.ok }).toEqual({ arrived: 1000, misplaced: 0, lost: 0, ok: true });
    expect(counted.manifest).toMatchObject({ state: "ended", mode: "discard", transport: "relay" });
    expect(filesBelow(guest, "/command")).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json"]);
  });

  test("says how a command ended, or why it could not begin", () => {
    expect(saidBy(guest, "bad_command")).toContain("stpd: the command ended with status 2\n");
    expect(saidBy(guest, "no_command")).toContain("stpd: cannot run /missing: No such file or directory\n");
    expect(saidBy(guest, "no_command")).toContain("stpd: session stp_lines ended, recording in /no_command\n");
  });

  test("that is interrupted ends its command, too", () => {
    expect(printedBy(guest, "left_over")).not.toContain("sleeping");
    expect(printedBy(guest, "left_over").match(/^pid:/gm)?.length).toBe(1); // the tool that looks
  });

  test("whose session someone else stops finishes it", () => {
    expect(saidBy(guest, "stopped")).toBe("stpd: session stp_lines started\nstpd: session stp_lines ended, recording in /stopped\n");
  });

  test("with a process to watch ends with that", () => {
    expect(saidBy(guest, "watched")).toBe("stpd: session stp_lines started\nstpd: session stp_lines ended, recording in /watched\n");
  });

  test("that is to watch a process which is not there does not begin", () => {
    expect(saidBy(guest, "no_process")).toBe("stpd: there is no process 99999 to wait for\n");
  });

  test("in the background writes its process and a manifest at once; the session runs, and another beside it", () => {
    expect(filesBelow(guest, "/daemon")).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json", "reserve", "stpd.pid", "stpd.session", "symbols/maps"]);
    expect(printedBy(guest, "idle")).toContain(`pid: ${fileOf(guest, "/daemon/stpd.pid")}`);
    expect(saidBy(guest, "daemon")).toBe("stpd: session stp_lines started\n");
    expect(fileOf(guest, "/daemon/log.txt")).toContain("session stp_lines started\n");
  });

  test("beside another gets all lines of its own module", async () => {
    const counted = await countedLines(guest, "/two");
    expect({ arrived: counted.arrived, misplaced: counted.misplaced, lost: counted.lost, ok: counted.ok }).toEqual({ arrived: 2000, misplaced: 0, lost: 0, ok: true });
  });

  test("has dropped what it does not need", () => {
    const capabilities = [...printedBy(guest, "idle").matchAll(/^CapEff:\s+([0-9a-f]+)$/gm)].map((match) => BigInt(`0x${match[1]}`));
    expect(capabilities).toEqual([CAPABILITIES, CAPABILITIES]);
  });

  test("is static, small, and uses no CPU when nothing comes", async () => {
    const numbers = (name: string, field: string): number[] => [...printedBy(guest, name).matchAll(new RegExp(`^${field}:\\s+(\\d+)`, "gm"))].map((match) => Number(match[1]));
    const { size } = await stat(await buildStpd());
    console.warn(`stpd: ${size} bytes; idle Rss ${numbers("idle", "Rss").join(", ")} kB, Anonymous ${numbers("idle", "Anonymous").join(", ")} kB; busy Rss ${numbers("busy", "Rss").join(", ")} kB, Anonymous ${numbers("busy", "Anonymous").join(", ")} kB`);
    expect(size).toBeLessThan(BINARY_SIZE_MAX);
    for (const rss of [...numbers("idle", "Rss"), ...numbers("busy", "Rss")]) expect(rss > 500 && rss < RSS_KB_MAX, `${rss} kB`).toBe(true);
    const ticks = numbers("idle", "ticks").map((before, index) => numbers("idle_later", "ticks")[index]! - before);
    expect(ticks).toHaveLength(2);
    for (const used of ticks) expect(used).toBeLessThanOrEqual(1);
  });

  test("in the background ends at SIGTERM, and nothing of either session is left", () => {
    expect(JSON.parse(fileOf(guest, "/daemon/manifest.json"))).toMatchObject({ state: "ended" });
    expect(printedBy(guest, "watch_none").trim().split("\n").sort()).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json"]);
    expect(fileOf(guest, "/proc/modules")).not.toContain("stp_");
    expect(printedBy(guest, "debugfs_left")).not.toContain("stp-");
  });
});
