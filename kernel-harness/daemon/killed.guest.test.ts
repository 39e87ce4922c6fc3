/** stpd is killed at any moment, or leaves: the next one goes on where the files end, or cleans up. Boots two guests. */
import { beforeAll, describe, expect, test } from "vitest";
import type { GuestResult } from "../guest.ts";
import { step } from "../steps.ts";
import { boot, countedLines, ends, fileOf, filesBelow, interrupted, lines, MINUTE_MS, printedBy, problemsOf, saidBy, started, STEP_S_MAX, tool, UNLIMITED } from "./daemon.ts";

const KO = "/stp_lines.ko";
const KILLS = 20;
const BIRTHS = 15;
const SEED = 4;
const PROCESSES = 2;
const LINES = 20_000;
const RATE = 4000;
const KILLED = 137;

describe.each(["relay", "netlink"])("stpd over %s", (transport) => {
  let guest: GuestResult;

  beforeAll(async () => {
    guest = await boot(
      [
        // Killed again and again while lines come; rings are large enough for the pauses.
        ...ends("left", 0, "-L", "-t", transport, "-b", "8M", ...UNLIMITED, "-o", "/killed", KO),
        step("start", "writer", "/lines", PROCESSES, LINES, RATE),
        step("run", "kills", 2 * STEP_S_MAX, "/tool", "kills", KILLS, SEED, "/stpd", "-A", "stp_lines", "-o", "/killed"),
        step("send", "/killed/manifest.json"),
        ...started("attached", "-A", "stp_lines", "-o", "/killed"),
        step("wait", "writer", 2 * STEP_S_MAX),
        ...interrupted("attached"),
        step("send", "/killed"),
        // A new directory begins where the last reader was; ^\ leaves the session.
        ...started("first", "-t", transport, "-b", "1M", ...UNLIMITED, "-o", "/first", KO),
        lines("lines1", 2, 1000, 0),
        tool("pause", "sleep", 500),
        step("signal", "first", "QUIT"),
        step("wait", "first", STEP_S_MAX),
        lines("lines2", 2, 500, 0),
        ...ends("bad_limit", 2, "-A", "stp_lines", "-o", "/bad_limit", "-l", "print_size=1"),
        ...started("second", "-A", "stp_lines", "-o", "/second", "-l", "actions=77"),
        ...ends("other_session", 2, "-A", "stp_lines", "-o", "/first"),
        ...interrupted("second"),
        ...ends("finished", 2, "-A", "stp_lines", "-o", "/second"),
        step("send", "/first"),
        step("send", "/second"),
        // Killed, and cleaned up.
        ...started("victim", "-t", transport, "-o", "/victim", KO),
        lines("lines3", 2, 300, 0),
        tool("pause2", "sleep", 500),
        step("signal", "victim", "KILL"),
        step("wait", "victim", STEP_S_MAX, KILLED),
        ...ends("cleaned", 0, "-C", "stp_lines"),
        step("send", "/victim"),
        // Of another load of the same module.
        ...ends("left2", 0, "-L", "-t", transport, KO),
        ...ends("earlier_load", 2, "-A", "stp_lines", "-o", "/victim"),
        ...ends("cleaned2", 0, "-C", "stp_lines"),
        // At any moment from load to unload.
        step("run", "births", 2 * STEP_S_MAX, "/tool", "births", BIRTHS, SEED, "stp_lines", KO),
        step("send", "/proc/modules"),
      ],
      { memory_mib: 1024 },
    );
    expect(problemsOf(guest), Object.keys(guest.outputs).map((name) => `${name}: ${saidBy(guest, name)}`).join("")).toEqual([]);
  }, 6 * MINUTE_MS);

  test(`killed ${KILLS} times and attached again has each line once`, async () => {
    const counted = await countedLines(guest, "/killed");
    expect({ arrived: counted.arrived, misplaced: counted.misplaced, lost: counted.lost, ok: counted.ok, said: counted.said.join() }).toMatchObject({ arrived: PROCESSES * LINES, misplaced: 0, lost: 0, ok: true });
    expect(counted.manifest.state).toBe("ended");
    expect(filesBelow(guest, "/killed")).toEqual(["cpu0.data", "cpu1.data", "log.txt", "manifest.json"]);
    expect(fileOf(guest, "/killed/log.txt").match(/goes on with session/g)!.length).toBeGreaterThan(KILLS / 4);
  });

  test("that leaves keeps the module running, and the next goes on in a new directory", async () => {
    const [first, second] = [await countedLines(guest, "/first"), await countedLines(guest, "/second")];
    expect(first).toMatchObject({ arrived: 2000, misplaced: 0 });
    expect(first.manifest.state).toBe("running");
    expect(second).toMatchObject({ arrived: 1000, misplaced: 0 });
    for (const cpu of [0, 1]) {
      const size = guest.files.get(`/first/cpu${cpu}.data`)!.length;
      const parts = filesBelow(guest, "/second").filter((name) => name.startsWith(`cpu${cpu}`));
      // Netlink tells no place of a CPU that has nothing to say: its file is empty.
      const isEmpty = transport === "netlink" && guest.files.get(`/second/cpu${cpu}.data`)?.length === 0;
      expect(parts).toEqual([size && !isEmpty ? `cpu${cpu}.${size}.data` : `cpu${cpu}.data`]);
    }
    expect(saidBy(guest, "first")).toContain('stpd: session stp_lines goes on without stpd: "stpd -A stp_lines -o /first" goes on with it, "stpd -C stp_lines" ends it\n');
  });

  test("does not go on in the recording of another session, or one that is finished", () => {
    expect(saidBy(guest, "earlier_load")).toBe("stpd: the recording in /victim is of another session; give a new directory by -o\n");
    expect(saidBy(guest, "finished")).toBe('stpd: no module stp_lines is loaded; "lsmod" lists what is\n');
    expect(saidBy(guest, "other_session")).toMatch(/^stpd: another stpd is at the session/);
  });

  test("refuses a limit that cannot change while a session runs", () => {
    expect(saidBy(guest, "bad_limit")).toBe("stpd: cannot set the limit print_size to 1: there is no such limit, or it cannot change while a session runs\n");
  });

  test("that was killed left what came before, and its module is cleaned up", async () => {
    expect(await countedLines(guest, "/victim")).toMatchObject({ arrived: 600, misplaced: 0 });
    expect(saidBy(guest, "cleaned")).toBe("stpd: module stp_lines is stopped and unloaded\n");
  });

  test("killed at any moment of its life leaves nothing that -C does not clean up", () => {
    expect(printedBy(guest, "births")).toMatch(/^births: count=15 loaded=\d+$/m);
    expect(Number(/loaded=(\d+)/.exec(printedBy(guest, "births"))![1])).toBeGreaterThan(0);
    expect(fileOf(guest, "/proc/modules")).not.toContain("stp_");
  });
});
