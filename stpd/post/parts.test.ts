/** A stream in parts: whatever the cuts, it reads as one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordSize, type StpRecord } from "../../spec/recording/record.ts";
import { partName } from "./parts.ts";
import { postprocess, type PostOptions, type PostResult } from "./post.ts";
import { dataOf, jsonManifest, recordsOf, type Draft } from "./testing.ts";

let directory = "";
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "stp-parts-"))));
afterEach(() => rmSync(directory, { recursive: true }));

/** Each run writes files, and the machine may be busy. */
const TIMEOUT_MS = 120_000;

async function post(options: Partial<PostOptions> = {}): Promise<{ output: string; lines: readonly string[]; result: PostResult }> {
  const blocks: Buffer[] = [];
  const lines: string[] = [];
  const result = await postprocess(directory, { write: (bytes) => void blocks.push(Buffer.from(bytes)), report: (line) => lines.push(line), ...options });
  return { output: Buffer.concat(blocks).toString("latin1"), lines, result };
}

const manifest = (...delivered: readonly number[]): void => writeFileSync(join(directory, "manifest.json"), JSON.stringify(jsonManifest(delivered)));
const part = (offset: number, bytes: Uint8Array): void => writeFileSync(join(directory, partName(0, offset)), bytes);
const texts = (records: readonly StpRecord[]): string => records.map(({ payload }) => Buffer.from(payload).toString("latin1")).join("");
const end = (record: StpRecord): number => Number(record.sequence) + recordSize(record.payload.length);

/** Writes bytes `from` … of CPU 0's stream, cut at stream offsets. */
function writeCut(bytes: Uint8Array, cuts: readonly number[], from = 0): void {
  const edges = [from, ...[...new Set(cuts)].filter((cut) => cut > from && cut < bytes.length).sort((a, b) => a - b), bytes.length];
  edges.slice(0, -1).forEach((edge, i) => part(edge, bytes.subarray(edge, edges[i + 1])));
}

const ten = recordsOf(0, Array.from({ length: 10 }, (_, i) => ({ text: `line ${i}\n` })));
const SIZE = 40; // of each of them
const bytes = dataOf(ten);

describe("a CPU's stream in parts", () => {
  it("is read in the order of offsets, not of names", async () => {
    manifest(10);
    writeCut(bytes, [40, 80, 120, 360]); // "120" is before "40"
    expect(await post()).toMatchObject({ output: texts(ten), lines: [], result: { ok: true, records: 10 } });
  });

  it("says how much of its begin was not kept, and that this explains the missing records", async () => {
    manifest(10);
    writeCut(bytes, [200], 100);
    const { output, lines, result } = await post();
    expect(output).toBe(texts(ten.slice(3)));
    expect(lines).toEqual(["cpu0: the first 120 bytes were not kept (rotation, overwrite mode, or attached later)", "cpu0.data: 3 of 10 delivered records are not in what was kept, see above"]);
    expect(result).toMatchObject({ ok: true, problems: [], ledger: { mismatches: [{ cpu: 0, not_kept: 120, explained: true }] } });
  });

  it("of a ring that overwrote holds all that were delivered: what it dropped explains nothing", async () => {
    part(80, bytes.subarray(80));
    for (const [delivered, ok] of [[8, true], [9, false]] as const) {
      writeFileSync(join(directory, "manifest.json"), JSON.stringify({ ...jsonManifest([delivered]), mode: "overwrite" }));
      expect((await post()).result.ok).toBe(ok);
    }
  });

  it("reports a part that is missing as a gap at the begin of the next, and both ends of it quietly", async () => {
    manifest(10);
    part(0, bytes.subarray(0, 80));
    part(200, bytes.subarray(200));
    expect(await post()).toMatchObject({
      output: texts([...ten.slice(0, 2), ...ten.slice(5)]),
      result: { ok: false, problems: [{ kind: "gap", file: "cpu0.200.data", offset: 0, bytes_lost: 120, bytes_skipped: 0 }], ledger: { mismatches: [{ explained: true }] } },
    });
  });

  it("names the file and the offset in it where a hole cuts a record, and skips the rest of one behind it", async () => {
    manifest(10);
    part(0, bytes.subarray(0, 50));
    part(50, bytes.subarray(50, 90));
    part(130, bytes.subarray(130));
    const { output, result } = await post();
    expect(output).toBe(texts([...ten.slice(0, 2), ...ten.slice(4)]));
    expect(result.problems).toMatchObject([
      { kind: "cut", file: "cpu0.50.data", offset: 30, bytes_skipped: 10 },
      { kind: "gap", file: "cpu0.130.data", offset: 0, bytes_lost: 40, bytes_skipped: 30 },
    ]);
  });

  it("names the file of damage in a later part", async () => {
    manifest(10);
    const damaged = Buffer.from(bytes);
    damaged[7 * SIZE]! ^= 1;
    writeCut(damaged, [130]);
    expect((await post()).lines[0]).toBe("cpu0.130.data: at offset 150: no record begins here; 40 bytes skipped");
  });

  it("reads once what two parts hold, and leaves out one that is inside another", async () => {
    manifest(10);
    part(0, bytes.subarray(0, 210));
    part(50, bytes.subarray(50, 100));
    part(120, bytes.subarray(120, 330));
    part(290, bytes.subarray(290));
    expect(await post()).toMatchObject({ output: texts(ten), lines: [], result: { ok: true } });
  });

  it("may have parts of no bytes anywhere", async () => {
    manifest(10);
    writeCut(bytes, [100]);
    part(400, new Uint8Array(0));
    expect(await post()).toMatchObject({ output: texts(ten), lines: [], result: { ok: true } });
    manifest(0);
    for (const [offset, length] of [[0, 0], [100, 0], [400, 0]] as const) part(offset, new Uint8Array(length));
    expect((await post()).result.problems).toMatchObject([{ kind: "gap", bytes_lost: 100 }, { kind: "gap", bytes_lost: 300 }]);
  });

  it("leaves out and reports names that no part has", async () => {
    manifest(10);
    part(0, bytes);
    const silly = ["cpu0.0.data", "cpu0.040.data", "cpu00.data", "cpu0..data", "cpu0.9007199254740992.data", "cpu0.-1.data", "cpu0.1e3.data", "cpu.data", "cpuX.data", "cpu0.40.80.data"];
    for (const name of [...silly, "acpu0.data", "cpu0.data.new"]) writeFileSync(join(directory, name), bytes);
    const { output, result } = await post();
    expect(output).toBe(texts(ten));
    expect(result.problems.map(({ file }) => file).sort()).toEqual([...silly].sort());
    expect(result.problems[0]?.why).toBe("no part of a CPU's stream has this name; the file is not read");
  });

  it("that begins in the middle of a text that holds a record does not take that for one", async () => {
    manifest(2);
    const records = recordsOf(0, [{ payload: Buffer.concat([Buffer.alloc(16, "."), bytes.subarray(0, 3 * SIZE)]) }, { text: "true\n" }]);
    part(40, dataOf(records).subarray(40));
    expect(await post()).toMatchObject({ output: "true\n", result: { ok: true, problems: [] } });
  });

  it("whose name lies about its place loses no record", async () => {
    manifest(10);
    part(64, bytes);
    expect(await post()).toMatchObject({ output: texts(ten), result: { ok: false, problems: [{ kind: "sequence" }] } });
  });
});

const payload = fc.oneof(fc.uint8Array({ maxLength: 90, size: "max" }), fc.nat(20).map((n) => Buffer.from("STP1".repeat(n))));
const stream = fc.array(payload, { minLength: 1, maxLength: 30, size: "max" }).map((payloads) => recordsOf(0, payloads.map((of): Draft => ({ payload: of }))));
const cuts = fc.array(fc.nat(4000), { maxLength: 12 });

describe("rotation", () => {
  it("T1: cuts at any byte change nothing", () =>
    fc.assert(
      fc.asyncProperty(stream, cuts, async (records, at) => {
        rmSync(directory, { recursive: true });
        directory = mkdtempSync(join(tmpdir(), "stp-parts-"));
        manifest(records.length);
        writeCut(dataOf(records), at);
        expect(await post()).toMatchObject({ output: texts(records), lines: [], result: { ok: true, records: records.length } });
      }),
      { numRuns: 200 },
    ), TIMEOUT_MS);

  it("T1: without its first parts, the rest is the end of the records, and no problem", () =>
    fc.assert(
      fc.asyncProperty(stream, cuts, fc.nat(), async (records, at, first) => {
        rmSync(directory, { recursive: true });
        directory = mkdtempSync(join(tmpdir(), "stp-parts-"));
        const whole = dataOf(records);
        const from = first % whole.length;
        manifest(records.length);
        writeCut(whole, at, from);
        const kept = records.filter((record) => Number(record.sequence) >= from);
        const { output, result } = await post();
        expect(output).toBe(texts(kept));
        expect(result).toMatchObject({ problems: [], ok: true, records: kept.length });
      }),
      { numRuns: 300 },
    ), TIMEOUT_MS);

  it("T1: any part lost, every record that lies in others is kept, and the hole is reported", () =>
    fc.assert(
      fc.asyncProperty(stream, fc.nat(), fc.nat(), async (records, a, b) => {
        rmSync(directory, { recursive: true });
        directory = mkdtempSync(join(tmpdir(), "stp-parts-"));
        const whole = dataOf(records);
        const [from, to] = [a % whole.length, b % whole.length].sort((x, y) => x - y) as [number, number];
        fc.pre(0 < from && from < to);
        manifest(records.length);
        part(0, whole.subarray(0, from));
        part(to, whole.subarray(to));
        const { output, result } = await post();
        expect(output).toBe(texts(records.filter((record) => end(record) <= from || Number(record.sequence) >= to)));
        expect(result.problems.filter(({ kind }) => kind === "gap")).toMatchObject([{ bytes_lost: to - from }]);
        expect(result.ledger.mismatches.every(({ explained }) => explained)).toBe(true);
      }),
      { numRuns: 300 },
    ), TIMEOUT_MS);
});
