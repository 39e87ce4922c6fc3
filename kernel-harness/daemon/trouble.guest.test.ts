/** A session that goes wrong ends all the same: full disks, impatient users, slow readers. Boots one guest. */
import { beforeAll, describe, expect, test } from "vitest";
import type { GuestResult } from "../guest.ts";
import { step } from "../steps.ts";
import { boot, countedLines, ends, fileOf, filesBelow, interrupted, lines, MINUTE_MS, problemsOf, saidBy, stacksModule, started, STEP_S_MAX, tool, UNLIMITED } from "./daemon.ts";

const KO = "/stp_lines.ko";
const DISK_SIZE = 600 * 1024;
const RECORD_SIZE = 104;
const LINES = 20_000;

describe("a session", () => {
  let guest: GuestResult;

  beforeAll(async () => {
    guest = await boot(
      [
        // Two CPUs want to write 4 MB onto 600 KB: relay and netlink.
        tool("disk", "tmpfs", "/disk", DISK_SIZE),
        ...ends("full", 1, "-b", "4M", ...UNLIMITED, "-o", "/disk/full", "-c", `/lines 2 ${LINES} 0`, KO),
        step("send", "/disk/full"),
        tool("disk2", "tmpfs", "/disk2", DISK_SIZE),
        ...ends("full_netlink", 1, "-t", "netlink", "-b", "4M", ...UNLIMITED, "-o", "/disk2/full", "-c", `/lines 2 ${LINES} 0`, KO),
        step("send", "/disk2/full"),
        // One CPU fills the disk while the other has nothing to say.
        tool("disk3", "tmpfs", "/disk3", DISK_SIZE),
        ...started("full_by_one", "-b", "4M", ...UNLIMITED, "-o", "/disk3/full", KO),
        step("run", "one", STEP_S_MAX, "/tool", "pinned", 1, "/lines", 1, LINES, 0),
        step("wait", "full_by_one", STEP_S_MAX, 1),
        step("send", "/disk3/full"),
        // Not even the symbols fit; the manifest does.
        tool("disk4", "tmpfs", "/disk4", DISK_SIZE),
        ...ends("full_of_stacks", 1, "-b", "4M", ...UNLIMITED, "-o", "/disk4/full", "-c", `/lines 2 ${LINES} 0`, "/stp_stacks.ko"),
        step("send", "/disk4/full"),
        // ^C twice: the second while much is still in the rings, for stpd stood still before.
        ...started("twice", "-b", "16M", ...UNLIMITED, "-o", "/twice", KO),
        step("signal", "twice", "STOP"),
        lines("many", 2, 60_000, 0),
        step("signal", "twice", "INT"),
        step("signal", "twice", "TERM"),
        step("signal", "twice", "CONT"),
        step("wait", "twice", STEP_S_MAX, 1),
        step("send", "/twice"),
        // A reader slower than the writer: it stands still meanwhile, and the ring is small.
        ...started("slow", "-b", "64K", ...UNLIMITED, "-o", "/slow", KO),
        step("signal", "slow", "STOP"),
        lines("flood", 2, LINES, 0),
        step("signal", "slow", "CONT"),
        ...interrupted("slow"),
        step("send", "/slow"),
        ...started("slow_netlink", "-t", "netlink", "-b", "64K", ...UNLIMITED, "-o", "/slow_netlink", KO),
        step("signal", "slow_netlink", "STOP"),
        lines("flood2", 2, LINES, 0),
        step("signal", "slow_netlink", "CONT"),
        ...interrupted("slow_netlink"),
        step("send", "/slow_netlink"),
        // Someone holds a file of the session, so that the module cannot be unloaded.
        ...started("held", "-o", "/held", KO),
        step("start", "holder", "/tool", "hold", "/sys/kernel/debug/stp-stp_lines/status", 5000),
        step("await", "holder", "held", 10),
        ...interrupted("held", 1),
        step("send", "/held/manifest.json"),
        step("wait", "holder", STEP_S_MAX),
        ...ends("held_clean", 0, "-C", "stp_lines"),
        // A command that will not end.
        ...started("stubborn", "-o", "/stubborn", "-c", "/stubborn_command", KO),
        tool("pause", "sleep", 200),
        ...interrupted("stubborn"),
        step("send", "/proc/modules"),
      ],
      // The disk is full while the probe is hit flat out, so that it is detached under load.
      { memory_mib: 1024, patches: true, files: { "/stp_stacks.ko": await stacksModule(), "/stubborn_command": await stubborn() } },
    );
    expect(problemsOf(guest), Object.keys(guest.outputs).map((name) => `${name}: ${saidBy(guest, name)}`).join("")).toEqual([]);
  }, 6 * MINUTE_MS);

  test.each([["full", "/disk/full"], ["full_netlink", "/disk2/full"], ["full_by_one", "/disk3/full"]])("on a full disk stops, keeps what is there, and says so: %s", async (name, folder) => {
    expect(saidBy(guest, name)).toContain(`stpd: the disk of ${folder} is full, so the session was stopped; what was written before is kept\n`);
    expect(saidBy(guest, name).match(/is full/g)).toHaveLength(1);
    expect(filesBelow(guest, folder)).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json"]);
    const counted = await countedLines(guest, folder);
    expect(counted).toMatchObject({ misplaced: 0 });
    expect(counted.manifest.state).toBe("ended");
    expect(counted.arrived * RECORD_SIZE).toBeGreaterThan(DISK_SIZE / 3);
  });

  test("on a full disk has a manifest, even if symbols have no room", async () => {
    expect(saidBy(guest, "full_of_stacks")).toContain("stpd: cannot write symbols/kallsyms of the recording: No space left on device\n");
    expect(JSON.parse(fileOf(guest, "/disk4/full/manifest.json"))).toMatchObject({ state: "ended", addresses: 1, user_addresses: 1 });
    expect(filesBelow(guest, "/disk4/full")).not.toContain("reserve");
  });

  test("interrupted twice gives up draining, says what is missing, and ends", async () => {
    expect(saidBy(guest, "twice")).toMatch(/^stpd: given up while it drained$/m);
    const missing = [...saidBy(guest, "twice").matchAll(/^stpd: the last (\d+) bytes of CPU \d are missing in the recording$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
    const counted = await countedLines(guest, "/twice");
    expect(missing).toBeGreaterThan(0);
    expect(counted).toMatchObject({ misplaced: 0 });
    const written = [0, 1].reduce((sum, cpu) => sum + guest.files.get(`/twice/cpu${cpu}.data`)!.length, 0);
    expect(written + missing + counted.lost * RECORD_SIZE).toBe(120_000 * RECORD_SIZE);
    expect(counted.manifest.state).toBe("ended");
  });

  test.each(["slow", "slow_netlink"])("whose reader is slower than the writer loses lines, each of which is counted: %s", async (name) => {
    const counted = await countedLines(guest, `/${name}`);
    expect(counted).toMatchObject({ misplaced: 0, ok: true });
    expect(counted.lost).toBeGreaterThan(0);
    expect(counted.arrived + counted.lost).toBe(2 * LINES);
  });

  test("whose module someone holds in use ends, and says how to unload it", () => {
    expect(saidBy(guest, "held")).toContain('stpd: cannot unload module stp_lines: it is in use; end what has one of its files open, then "stpd -C stp_lines"\n');
    expect(JSON.parse(fileOf(guest, "/held/manifest.json"))).toMatchObject({ state: "ended" });
  });

  test("leaves a command alone that does not end at SIGTERM", () => {
    expect(saidBy(guest, "stubborn")).toMatch(/^stpd: the command \(process \d+\) goes on after SIGTERM, and is left alone$/m);
    expect(saidBy(guest, "stubborn")).toMatch(/^stpd: session stp_lines ended, recording in \/stubborn$/m);
  });

  test("leaves no module", () => expect(fileOf(guest, "/proc/modules")).not.toContain("stp_"));
});

async function stubborn(): Promise<string> {
  const { buildProgram } = await import("../tools.ts");
  return buildProgram({ name: "stubborn", sources: { "stubborn.c": "#include <signal.h>\n#include <unistd.h>\nint main(void)\n{\n\tsignal(SIGTERM, SIG_IGN);\n\tsleep(5);\n\treturn 0;\n}\n" } });
}
