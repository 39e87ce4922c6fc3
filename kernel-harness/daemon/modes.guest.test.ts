/** Rotation, and rings that overwrite: what of a long session is kept. Boots one guest. */
import { beforeAll, describe, expect, test } from "vitest";
import type { GuestResult } from "../guest.ts";
import { step } from "../steps.ts";
import { boot, countedLines, filesBelow, interrupted, lines, MINUTE_MS, problemsOf, saidBy, started, tool, UNLIMITED } from "./daemon.ts";

const KO = "/stp_lines.ko";
const RECORD_SIZE = 104;
const RING_SIZE = 64 * 1024;
const PART_SIZE = 100_000;
const PARTS = 3;

/** cpuN.OFFSET.data and sizes, by CPU in order. */
function partsOf(guest: GuestResult, folder: string): { readonly cpu: number; readonly offset: number; readonly size: number }[] {
  return [...guest.files]
    .flatMap(([path, bytes]) => {
      const [, cpu, offset = "0"] = new RegExp(`^${folder}/cpu(\\d+)(?:\\.(\\d+))?\\.data$`).exec(path) ?? [];
      return cpu === undefined ? [] : [{ cpu: Number(cpu), offset: Number(offset), size: bytes.length }];
    })
    .sort((a, b) => a.cpu - b.cpu || a.offset - b.offset);
}

describe("a session", () => {
  let guest: GuestResult;

  beforeAll(async () => {
    guest = await boot(
      [
        ...started("rotated", "-S", `${PART_SIZE},${PARTS}`, "-b", "4M", ...UNLIMITED, "-o", "/rotated", KO),
        lines("l1", 2, 10_000, 0),
        ...interrupted("rotated"),
        step("send", "/rotated"),
        ...started("all_parts", "--rotate", `${PART_SIZE}`, "-b", "4M", ...UNLIMITED, "-o", "/all_parts", KO),
        lines("l2", 2, 5000, 0),
        ...interrupted("all_parts"),
        step("send", "/all_parts"),
        ...["relay", "netlink"].flatMap((transport) => [
          ...started(transport, "-m", "overwrite", "-t", transport, "-b", "64K", ...UNLIMITED, "-o", `/${transport}`, KO),
          lines(`${transport}1`, 2, 5000, 0),
          step("signal", transport, "USR2"),
          step("await", transport, "snapshot in", 20),
          lines(`${transport}2`, 2, 3000, 0),
          ...interrupted(transport),
          step("send", `/${transport}`),
        ]),
        ...started("no_snapshot", "-o", "/no_snapshot", KO),
        step("signal", "no_snapshot", "USR2"),
        step("await", "no_snapshot", "is ignored", 20),
        ...interrupted("no_snapshot"),
        tool("left", "list", "/tmp"),
      ],
      { memory_mib: 1024 },
    );
    expect(problemsOf(guest), Object.keys(guest.outputs).map((name) => `${name}: ${saidBy(guest, name)}`).join("")).toEqual([]);
  }, 6 * MINUTE_MS);

  test("that rotates keeps the last parts, each of its size, one after the other", async () => {
    const parts = partsOf(guest, "/rotated");
    for (const cpu of [0, 1]) {
      const own = parts.filter((part) => part.cpu === cpu);
      if (own.at(-1)!.offset + own.at(-1)!.size > PARTS * PART_SIZE) expect(own).toHaveLength(PARTS);
      own.slice(1).forEach((part, index) => expect(part.offset).toBe(own[index]!.offset + PART_SIZE));
      own.slice(0, -1).forEach((part) => expect(part.size).toBe(PART_SIZE));
      expect(own.every(({ offset }) => offset % PART_SIZE === 0)).toBe(true);
    }
    expect(parts.some(({ offset }) => offset >= PART_SIZE * PARTS)).toBe(true);
    const counted = await countedLines(guest, "/rotated");
    expect(counted).toMatchObject({ misplaced: 0 });
    expect(counted.arrived).toBeGreaterThan((PARTS - 1) * PART_SIZE / RECORD_SIZE);
  });

  test("that rotates without a limit has every line", async () => {
    expect(partsOf(guest, "/all_parts").length).toBeGreaterThan(4);
    expect(await countedLines(guest, "/all_parts")).toMatchObject({ arrived: 10_000, misplaced: 0, lost: 0, ok: true });
  });

  test.each(["relay", "netlink"])("that overwrites keeps the newest lines, and a snapshot those of its moment: %s", async (transport) => {
    const [whole, snapshot] = [await countedLines(guest, `/${transport}`), await countedLines(guest, `/${transport}/snapshot-1`)];
    expect(whole.manifest).toMatchObject({ state: "ended", mode: "overwrite", transport });
    expect(whole).toMatchObject({ misplaced: 0, ok: true });
    expect(whole.arrived + whole.lost).toBe(16_000);
    expect(whole.output).toContain(" 0000002999 ");
    expect(snapshot.manifest.state).toBe("running");
    expect(snapshot).toMatchObject({ misplaced: 0 });
    expect(snapshot.output).toContain(" 0000004999 ");
    for (const folder of [`/${transport}`, `/${transport}/snapshot-1`]) {
      const parts = partsOf(guest, folder);
      expect(parts.map(({ cpu }) => cpu)).toEqual([0, 1]);
      expect(parts.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(RING_SIZE * 0.9);
      for (const { size } of parts) expect(size).toBeLessThanOrEqual(RING_SIZE);
    }
  });

  test("that discards says that it takes no snapshots", () => {
    expect(saidBy(guest, "no_snapshot")).toContain("stpd: signal USR2 is for snapshots in mode overwrite (-m overwrite), and is ignored\n");
    expect(filesBelow(guest, "/no_snapshot")).toEqual([]);
  });
});
