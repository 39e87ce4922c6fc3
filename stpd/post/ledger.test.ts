import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readManifest, type Manifest } from "../../spec/recording/manifest.ts";
import { ledgerJson, ledgerText } from "./ledger-text.ts";
import { lossReport } from "./ledger.ts";
import { jsonCount, jsonManifest, writeRecording, type JsonRow } from "./testing.ts";

let directory = "";
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), "stp-ledger-"))));
afterEach(() => rm(directory, { recursive: true }));

const whole = (...records: number[]) => records.map((count) => ({ records: count, incomplete: false, not_kept: 0 }));

/** Two CPUs, one probe, 10 and 20 records; `change` gets the rows (0 and 1 of CPU 0, 2 and 3 of CPU 1). */
async function manifestWith(change: (rows: JsonRow[]) => void = () => {}): Promise<Manifest> {
  const manifest = jsonManifest([10, 20]);
  change(manifest.ledger);
  return readManifest(await writeRecording(directory, [], manifest));
}

describe("lossReport", () => {
  it("X4: says nothing where nothing was lost", async () => {
    const manifest = await manifestWith();
    const report = lossReport(manifest, whole(10, 20));
    expect(report).toEqual({ losses: [], cuts: [], evictions: [], imbalances: [], mismatches: [], ok: true });
    expect(ledgerText(report, manifest)).toEqual([]);
  });

  it("X4: sums losses over CPUs by probe, kind and cause, and is still ok", async () => {
    const manifest = await manifestWith((rows) => {
      rows[0]!["record"] = jsonCount(10, { full: 1 });
      rows[2]!["record"] = jsonCount(20, { full: 2, transport: 5 });
      rows[3]!["map"] = jsonCount(0, { busy: 12345 });
      rows[2]!.cut = 7;
      rows[3]!.evicted = 9;
    });
    const report = lossReport(manifest, whole(10, 20));
    expect(report.ok).toBe(true);
    expect(ledgerText(report, manifest)).toEqual([
      ' LOST     OF  KIND    CAUSE      PROBE',
      '    3     38  record  full       kprobe "do_sys_openat2", line 5',
      '    5     38  record  transport  kprobe "do_sys_openat2", line 5',
      '12345  12345  map     busy       outside any probe',
      '    7         text    cut        kprobe "do_sys_openat2", line 5',
      '    9         entry   evicted    outside any probe',
    ]);
    expect(JSON.parse(ledgerJson(report))).toEqual({
      losses: [
        { probe: 0, kind: "record", cause: "full", lost: 3, attempted: 38 },
        { probe: 0, kind: "record", cause: "transport", lost: 5, attempted: 38 },
        { probe: 1, kind: "map", cause: "busy", lost: 12345, attempted: 12345 },
      ],
      cuts: [{ probe: 0, cut: 7 }],
      evictions: [{ probe: 1, evicted: 9 }],
      imbalances: [],
      mismatches: [],
      ok: true,
    });
  });

  it("T6: says what a ring overwrote", async () => {
    const manifest = await manifestWith((rows) => void (rows[2]!["record"] = jsonCount(20, { overwritten: 30 })));
    const report = lossReport(manifest, whole(10, 20));
    expect(report.ok).toBe(true);
    expect(ledgerText(report, manifest)).toEqual(['LOST  OF  KIND    CAUSE        PROBE', '  30  60  record  overwritten  kprobe "do_sys_openat2", line 5']);
  });

  it("says nothing of a session that has not ended, whose counters ran on while they were written", async () => {
    const manifest = await manifestWith((rows) => void (rows[0]!["record"] = { ...jsonCount(10, { full: 3 }), attempted: 1 }));
    expect(lossReport({ ...manifest, state: "running" }, whole(1, 99))).toEqual({ losses: [], cuts: [], evictions: [], imbalances: [], mismatches: [], ok: true });
  });

  it.each(["hit", "map", "string", "record"] as const)("X4: accuses the runtime of a row whose %s does not balance", async (kind) => {
    const manifest = await manifestWith((rows) => void (rows[3]![kind] = { ...jsonCount(0, { full: 2 }), attempted: 1 }));
    const report = lossReport(manifest, whole(10, 20));
    expect(report.ok).toBe(false);
    expect(report.imbalances).toEqual([{ cpu: 1, probe: 1, kind, attempted: 1n, delivered: 0n, lost: 2n }]);
    expect(ledgerText(report, manifest).at(-1)).toMatch(new RegExp(`^bug of the runtime: .*CPU 1 for ${kind} of outside any probe: attempted 1, delivered 0, lost 2`));
  });

  it("X4: does not let rows that are wrong in opposite ways make up for each other", async () => {
    const manifest = await manifestWith((rows) => {
      rows[0]!["hit"] = { ...jsonCount(5), attempted: 6 };
      rows[2]!["hit"] = { ...jsonCount(5), attempted: 4 };
    });
    expect(lossReport(manifest, whole(10, 20)).imbalances).toHaveLength(2);
  });

  it("accuses a file that holds fewer or more records than were delivered", async () => {
    const manifest = await manifestWith();
    const report = lossReport(manifest, whole(9, 21));
    expect(report).toMatchObject({ ok: false, mismatches: [{ cpu: 0, delivered: 10n, found: 9n, explained: false }, { cpu: 1, delivered: 20n, found: 21n, explained: false }] });
    expect(ledgerText(report, manifest)).toEqual([
      expect.stringContaining("cpu0.data holds 9 of 10 delivered records"),
      expect.stringContaining("cpu1.data holds 21 records, but the ledger counts 20"),
    ]);
  });

  it("explains missing records by reported damage, but never surplus ones", async () => {
    const manifest = await manifestWith();
    const damaged = (records: number) => ({ records, incomplete: true, not_kept: 0 });
    expect(lossReport(manifest, [damaged(3), damaged(20)])).toMatchObject({ ok: true, mismatches: [{ cpu: 0, explained: true }] });
    expect(lossReport(manifest, [damaged(11), damaged(20)])).toMatchObject({ ok: false, mismatches: [{ cpu: 0, explained: false }] });
  });
});
