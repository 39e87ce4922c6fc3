import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HEADER_OFFSETS, HEADER_SIZE, encodeRecord, PAYLOAD_SIZE_MAX, type StpRecord } from "../../spec/recording/record.ts";
import { encodeEvent } from "../../spec/recording/event.ts";
import { Parts } from "./parts.ts";
import type { Problem } from "./problem.ts";
import { RecordReader } from "./reader.ts";
import { dataOf, recordsOf, type Draft } from "./testing.ts";
import { StreamWindow } from "./window.ts";

let directory = "";
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "stp-reader-"))));
afterAll(() => rmSync(directory, { recursive: true }));

type Read = StpRecord & { readonly offset: number };

/** Reads bytes as cpu1.data; a tiny window slides often. */
function read(bytes: Uint8Array, window_size = 64): { records: Read[]; problems: Problem[]; memory: number } {
  writeFileSync(join(directory, "cpu1.data"), bytes);
  const parts = new Parts(1, directory, [{ cpu: 1, offset: 0, name: "cpu1.data" }]);
  try {
    const window = new StreamWindow(parts, window_size);
    const problems: Problem[] = [];
    const reader = new RecordReader(window, (problem) => problems.push(problem));
    const records: Read[] = [];
    while (reader.next()) records.push(reader.copy());
    return { records, problems, memory: window.buffer.length };
  } finally {
    parts.close();
  }
}

const texts = (records: readonly StpRecord[]): string[] => records.map(({ payload }) => Buffer.from(payload).toString());
const three = recordsOf(1, [{ text: "first\n" }, { text: "second\n" }, { text: "third\n" }]);
const threeBytes = dataOf(three);
const second = HEADER_SIZE + 8; // offset of the second of `three`
const third = 2 * second;

describe("RecordReader on an undamaged file", () => {
  it("gives every field of every record and its offset", () => {
    const event = encodeEvent({ pid: 1, tid: 2, uid: 3, comm: "cat", args: [4n] });
    const drafts: Draft[] = [
      { text: "", context: "nmi", probe: 7, time_ns: (1n << 64n) - 1n },
      { type: "event", payload: event, context: "irq", time_ns: 1n << 53n },
      { text: "x".repeat(5000), context: "softirq", probe: 0xffffffff },
    ];
    const records = recordsOf(1, drafts);
    const found = read(dataOf(records));
    expect(found.problems).toEqual([]);
    expect(found.records).toEqual(records.map((record) => ({ ...record, offset: Number(record.sequence) })));
  });

  it("accepts a payload of PAYLOAD_SIZE_MAX and one that holds the magic or a foreign record", () => {
    const foreign = encodeRecord({ ...three[0]!, sequence: 8n });
    const records = recordsOf(1, [{ payload: new Uint8Array(PAYLOAD_SIZE_MAX) }, { text: "STP1".repeat(50) }, { payload: foreign }, {}]);
    const found = read(dataOf(records));
    expect(found.problems).toEqual([]);
    expect(found.records.map((record) => record.payload.length)).toEqual(records.map((record) => record.payload.length));
  });

  it("has no records and no problems in an empty file", () => {
    expect(read(new Uint8Array(0))).toMatchObject({ records: [], problems: [] });
  });
});

describe("RecordReader on a damaged file", () => {
  it("skips a record with a damaged magic and says where", () => {
    const bytes = Buffer.from(threeBytes);
    bytes[second]! ^= 1;
    const found = read(bytes);
    expect(texts(found.records)).toEqual(["first\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "damaged", cpu: 1, file: "cpu1.data", offset: second, bytes_skipped: second, bytes_lost: 0 }]);
  });

  it.each(["cpu", "context", "type"] as const)("skips a record whose %s is impossible", (name) => {
    const bytes = Buffer.from(threeBytes);
    bytes[second + HEADER_OFFSETS[name]] = 77;
    const found = read(bytes);
    expect(texts(found.records)).toEqual(["first\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "damaged", offset: second, why: expect.stringContaining("77") as string }]);
  });

  it.each([0xffffffff, PAYLOAD_SIZE_MAX + 1, PAYLOAD_SIZE_MAX, 200, 64, 47])("keeps what follows a payload_size of %d", (size) => {
    const bytes = Buffer.from(threeBytes);
    bytes.writeUInt32LE(size, second + HEADER_OFFSETS.payload_size);
    const found = read(bytes);
    expect(texts(found.records)).toEqual(["first\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "damaged", offset: second, bytes_skipped: second }]);
    expect(found.memory).toBeLessThan(4 * PAYLOAD_SIZE_MAX);
  });

  it("keeps a record whose padding is not zero and reports it", () => {
    const bytes = Buffer.from(threeBytes);
    bytes[second + HEADER_SIZE + 7] = 1;
    const found = read(bytes);
    expect(texts(found.records)).toEqual(["first\n", "second\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "damaged", offset: second, bytes_skipped: 0 }]);
  });

  it("keeps a record whose sequence is damaged and reports no gap", () => {
    const bytes = Buffer.from(threeBytes);
    bytes[second + HEADER_OFFSETS.sequence + 2]! ^= 1;
    const found = read(bytes);
    expect(texts(found.records)).toEqual(["first\n", "second\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "sequence", offset: second, bytes_lost: 0 }]);
  });

  it("reports bytes missing between two records as lost there", () => {
    const found = read(Buffer.concat([threeBytes.subarray(0, second), threeBytes.subarray(third)]));
    expect(texts(found.records)).toEqual(["first\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "gap", offset: second, bytes_skipped: 0, bytes_lost: second }]);
  });

  it("reports bytes missing before the first record", () => {
    const found = read(threeBytes.subarray(second));
    expect(texts(found.records)).toEqual(["second\n", "third\n"]);
    expect(found.problems).toMatchObject([{ kind: "gap", offset: 0, bytes_lost: second }]);
  });

  it("reports repeated bytes as a sequence that steps back", () => {
    const found = read(Buffer.concat([threeBytes, threeBytes]));
    expect(found.records).toHaveLength(6);
    expect(found.problems).toMatchObject([{ kind: "sequence", offset: 3 * second }]);
  });

  it("finds records at another alignment after 3 bytes were lost inside one", () => {
    const found = read(Buffer.concat([threeBytes.subarray(0, second + 20), threeBytes.subarray(second + 23)]));
    expect(texts(found.records)).toEqual(["first\n", "third\n"]);
    expect(found.problems).toMatchObject([
      { kind: "damaged", offset: second, bytes_skipped: second - 3 },
      { kind: "gap", offset: third - 3, bytes_lost: 3 },
    ]);
  });

  it("keeps a record out of step with the file but in step with the last record, though damage is on either side", () => {
    const bytes = dataOf(recordsOf(1, Array.from({ length: 7 }, (_, i) => ({ text: `record ${i}` }))));
    for (const damaged of [3, 5]) bytes[damaged * second]! ^= 1;
    const found = read(Buffer.concat([bytes.subarray(0, 33), bytes.subarray(36)]));
    expect(texts(found.records)).toEqual(["record 1", "record 2", "record 4", "record 6"]);
  });

  it("keeps what follows if both sequence and payload_size are damaged", () => {
    const bytes = Buffer.from(threeBytes);
    bytes[second + HEADER_OFFSETS.sequence + 2]! ^= 1;
    bytes.writeUInt32LE(46, second + HEADER_OFFSETS.payload_size);
    expect(texts(read(bytes).records)).toEqual(["first\n", "third\n"]);
  });

  describe("after a gap", () => {
    const five = dataOf(recordsOf(1, ["first\n", "lost, and longer\n", "third\n", "fourth\n", "fifth\n"].map((text) => ({ text }))));
    const gapped = Buffer.concat([five.subarray(0, second), five.subarray(third + 16)]);

    it("keeps what follows a payload_size that is damaged", () => {
      const bytes = Buffer.from(gapped);
      bytes.writeUInt32LE(46, second + HEADER_OFFSETS.payload_size);
      expect(texts(read(bytes).records)).toEqual(["first\n", "fourth\n", "fifth\n"]);
    });

    it("keeps what follows a record of which bytes are missing", () => {
      const bytes = Buffer.concat([gapped.subarray(0, third - 5), gapped.subarray(third - 2)]);
      bytes[third - 3 + second]! ^= 1; // the fifth confirms nothing
      expect(texts(read(bytes).records)).toEqual(["first\n", "fourth\n"]);
    });
  });

  it("counts lost bytes beyond 4 GiB exactly", () => {
    const far = three.map((record) => ({ ...record, sequence: record.sequence + 0x2_8000_0000n }));
    expect(read(dataOf(far)).problems).toMatchObject([{ kind: "gap", offset: 0, bytes_lost: 0x2_8000_0000 }]);
  });

  it("skips an event whose payload is not an event's size", () => {
    const found = read(dataOf(recordsOf(1, [{ text: "a" }, { type: "event", text: "short" }, { text: "b" }])));
    expect(texts(found.records)).toEqual(["a", "b"]);
    expect(found.problems).toMatchObject([{ kind: "damaged", offset: second, why: "payload_size 5 of an event is below 96" }]);
  });

  it("does not take a magic out of step for a record if nothing confirms it", () => {
    const fake = Buffer.from(encodeRecord({ ...three[0]!, payload: Buffer.from("a lie") })).subarray(0, HEADER_SIZE + 5);
    const bytes = dataOf(recordsOf(1, [{}, { payload: Buffer.concat([Buffer.alloc(3), fake, Buffer.alloc(99)]) }, { text: "end\n" }]));
    bytes[second + 8]! ^= 1;
    expect(texts(read(bytes).records)).toEqual(["cpu 1 record 0\n", "end\n"]);
  });

  it.each([1, 4, 31, 32, 39])("reports a last record of which only %d bytes are there", (size) => {
    const found = read(threeBytes.subarray(0, third + size));
    expect(texts(found.records)).toEqual(["first\n", "second\n"]);
    expect(found.problems).toMatchObject([{ kind: "cut", offset: third, bytes_skipped: size }]);
  });

  it("ends in linear time on a file of lies", () => {
    const lie = Buffer.from(encodeRecord({ ...three[0]!, payload: new Uint8Array(0) }));
    lie.writeUInt32LE(PAYLOAD_SIZE_MAX, HEADER_OFFSETS.payload_size);
    const bytes = Buffer.alloc(4 << 20, lie); // each header claims the next megabyte
    const begin = performance.now();
    const found = read(bytes, 1 << 18);
    expect(found.problems.length).toBeGreaterThan(0);
    expect(found.memory).toBeLessThan(4 * PAYLOAD_SIZE_MAX);
    expect(performance.now() - begin).toBeLessThan(10_000); // a square of it takes minutes
  });
});

/** Each run writes a file, and the machine may be busy. */
const TIMEOUT_MS = 120_000;

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 150, size: "max" }),
  fc.nat(40).map((n) => new TextEncoder().encode(`${"STP1".repeat(n)}.`)), // ending in the magic, it could stand for a lost one
);
const event = fc.record({ pid: fc.nat(), tid: fc.nat(), uid: fc.nat(), comm: fc.string({ maxLength: 9 }), args: fc.array(fc.bigInt(0n, (1n << 64n) - 1n), { maxLength: 6 }) });
const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 4, arbitrary: payload.map((bytes) => ({ payload: bytes })) },
  { weight: 1, arbitrary: event.map((e) => ({ type: "event" as const, payload: encodeEvent(e) })) },
);
const stream = fc.array(draft, { minLength: 1, maxLength: 30, size: "max" }).map((drafts) => recordsOf(1, drafts));
const window_size = fc.constantFrom(64, 100, 1000, 1 << 18);

const begin = (record: StpRecord): number => Number(record.sequence);
const end = (record: StpRecord): number => begin(record) + encodeRecord(record).length;

/** Every record of `whole` is among `found`, in order and unchanged; the offset is not compared. */
function expectKept(found: readonly Read[], whole: readonly StpRecord[]): void {
  let at = 0;
  for (const record of whole) {
    while (at < found.length && !isSame(found[at]!, record)) at++;
    expect(at, `record at ${record.sequence} was not kept`).toBeLessThan(found.length);
    at++;
  }
}

function isSame(a: StpRecord, b: StpRecord): boolean {
  return a.sequence === b.sequence && a.time_ns === b.time_ns && a.probe === b.probe && a.context === b.context && a.type === b.type && Buffer.compare(a.payload, b.payload) === 0;
}

describe("T1: whatever was damaged, everything outside the damage is kept and the damage is reported", () => {
  it("truncated anywhere", () => {
    fc.assert(
      fc.property(stream, fc.nat(), window_size, (records, at, size) => {
        const bytes = dataOf(records);
        const length = at % bytes.length;
        const whole = records.filter((record) => end(record) <= length);
        const found = read(bytes.subarray(0, length), size);
        expect(found.records).toEqual(whole.map((record) => ({ ...record, payload: Uint8Array.from(record.payload), offset: begin(record) })));
        const rest = length - (whole.length ? end(whole.at(-1)!) : 0);
        expect(found.problems).toMatchObject(rest ? [{ kind: "cut", offset: length - rest, bytes_skipped: rest }] : []);
      }),
      { numRuns: 400 },
    );
  }, TIMEOUT_MS);

  it("up to three flipped bits", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 3 }), window_size, (records, flips, size) => {
        const bytes = dataOf(records);
        const hit = new Set<number>();
        let mustReport = false;
        for (const [which, where, bit, inHeader] of flips) {
          const index = which % records.length;
          const record = records[index]!;
          const offset = where % (inHeader ? HEADER_SIZE : end(record) - begin(record));
          bytes[begin(record) + offset]! ^= 1 << bit % 8;
          hit.add(index);
          mustReport ||= flips.length === 1 && (offset < 4 || (offset >= HEADER_OFFSETS.cpu && offset < HEADER_OFFSETS.context) || (offset >= HEADER_OFFSETS.sequence && offset < HEADER_OFFSETS.time_ns));
        }
        const found = read(bytes, size);
        expectKept(found.records, records.filter((_, i) => !hit.has(i)));
        const damaged = records.filter((_, i) => hit.has(i));
        const isHit = (from: number, to: number): boolean => damaged.some((record) => from < end(record) && to > begin(record));
        for (const problem of found.problems) expect(isHit(problem.offset, problem.offset + Math.max(problem.bytes_skipped, 1)) || problem.kind === "gap" || problem.kind === "sequence", JSON.stringify(problem)).toBe(true);
        // Two flips can hide a record: its magic gone, and the payload_size before it grown over it. The ledger knows.
        if (mustReport || (flips.length === 1 && found.records.length !== records.length)) expect(found.problems.length).toBeGreaterThan(0);
        const skipped = found.problems.reduce((total, problem) => total + problem.bytes_skipped, 0);
        const kept = found.records.reduce((total, record) => total + encodeRecord(record).length, 0);
        expect(skipped + kept, "every byte is accounted for").toBe(bytes.length);
      }),
      { numRuns: 1500 },
    );
  }, TIMEOUT_MS);

  it("any bytes replaced by any others, of any number", () => {
    fc.assert(
      fc.property(stream, fc.nat(), fc.nat(100), fc.uint8Array({ maxLength: 100, size: "max" }), window_size, (records, where, removed, inserted, size) => {
        const bytes = dataOf(records);
        const from = where % bytes.length;
        const to = Math.min(from + removed, bytes.length);
        const found = read(Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(to)]), size);
        // Where the record that lost bytes claims to end exactly at the end of the file, nothing contradicts it.
        const claims = records.find((record) => begin(record) <= from && end(record) > from);
        const isHidden = claims !== undefined && end(claims) === bytes.length - (to - from) + inserted.length;
        expectKept(found.records, records.filter((record) => end(record) <= from || (begin(record) >= to && !isHidden)));
        for (const problem of found.problems) expect(problem.offset).toBeLessThanOrEqual(bytes.length + inserted.length);
        const isFollowedByRecord = records.some((record) => begin(record) >= to);
        if (inserted.length !== to - from && isFollowedByRecord && !isHidden) expect(found.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 1500 },
    );
  }, TIMEOUT_MS);

  it("bytes that were never a recording", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000, size: "max" }), window_size, (bytes, size) => {
        const found = read(bytes, size);
        expect(found.records).toEqual([]);
        expect(found.problems).toMatchObject(bytes.length ? [{ kind: bytes.length < HEADER_SIZE ? "cut" : "damaged", offset: 0, bytes_skipped: bytes.length }] : []);
      }),
    );
  }, TIMEOUT_MS);
});

/** Reads while the stream grows to each of `sizes`, then to its end. */
function readGrowing(bytes: Uint8Array, sizes: readonly number[], window_size: number): { records: Read[]; problems: Problem[] } {
  const path = join(directory, "cpu1.data");
  writeFileSync(path, "");
  const parts = new Parts(1, directory, [{ cpu: 1, offset: 0, name: "cpu1.data" }]);
  const problems: Problem[] = [];
  const records: Read[] = [];
  const reader = new RecordReader(new StreamWindow(parts, window_size), (problem) => problems.push(problem));
  try {
    for (const size of [...sizes, bytes.length]) {
      writeFileSync(path, bytes.subarray(0, size), { flag: "r+" });
      reader.resume(true);
      while (reader.next()) records.push(reader.copy());
    }
    reader.resume(false);
    while (reader.next()) records.push(reader.copy());
    return { records, problems };
  } finally {
    parts.close();
  }
}

describe("T1: a stream that grows while it is read", () => {
  const sizes = fc.array(fc.nat(3000), { maxLength: 10 });
  const ascending = (of: readonly number[]): number[] => of.toSorted((a, b) => a - b);

  it("gives every record once, as if it had been whole", () => {
    fc.assert(
      fc.property(stream, sizes, window_size, (records, at, size) => {
        const bytes = dataOf(records);
        expect(readGrowing(bytes, ascending(at), size)).toEqual({ records: read(bytes).records, problems: [] });
      }),
      { numRuns: 400 },
    );
  }, TIMEOUT_MS);

  it("gives each record as soon as it is there", () => {
    const bytes = threeBytes.subarray(0, third);
    for (let size = second; size < third; size++) expect(readGrowing(bytes.subarray(0, size), [], 64).records.length).toBe(1);
  });

  it("keeps what is outside of up to three flipped bits, and reports them", () => {
    fc.assert(
      fc.property(stream, sizes, fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 3 }), window_size, (records, at, flips, size) => {
        const bytes = dataOf(records);
        for (const [where, bit] of flips) bytes[where % bytes.length]! ^= 1 << bit;
        const isHit = (record: StpRecord): boolean => flips.some(([where]) => where % bytes.length >= begin(record) && where % bytes.length < end(record));
        const found = readGrowing(bytes, ascending(at), size);
        expectKept(found.records, records.filter((record) => !isHit(record)));
        const whole = read(bytes, size);
        expect(found.records.length).toBe(whole.records.length);
        expect(found.problems.length > 0).toBe(whole.problems.length > 0);
      }),
      { numRuns: 1500 },
    );
  }, TIMEOUT_MS);
});
