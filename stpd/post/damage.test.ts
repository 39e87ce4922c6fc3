/** Recordings damaged in any way: what is whole is printed, what is not is said, and the end always comes. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StpError } from "../../spec/errors.ts";
import { HEADER_OFFSETS, PAYLOAD_SIZE_MAX, recordSize, type StpRecord } from "../../spec/recording/record.ts";
import { partName } from "./parts.ts";
import { postprocess, type PostOptions, type PostResult } from "./post.ts";
import { dataOf, jsonManifest, recordsOf } from "./testing.ts";

let folder = "";
let directory = "";
let runs = 0;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "stp-damage-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const TIMEOUT_MS = 120_000;
/** A recording of a few kilobytes; the machine may be busy. */
const RUN_MS_MAX = 10_000;

interface Posted {
  readonly output: string;
  readonly lines: readonly string[];
  readonly result: PostResult;
}

async function post(options: Partial<PostOptions> = {}): Promise<Posted> {
  const blocks: Buffer[] = [];
  const lines: string[] = [];
  const begin = performance.now();
  const result = await postprocess(directory, { write: (bytes) => void blocks.push(Buffer.from(bytes)), report: (line) => lines.push(line), ...options });
  expect(performance.now() - begin).toBeLessThan(RUN_MS_MAX);
  return { output: Buffer.concat(blocks).toString("latin1"), lines, result };
}

/** A directory of its own for each run: what stands there is what the run made. */
function fresh(): void {
  directory = join(folder, `${++runs}`);
  mkdirSync(directory);
}

/** A CPU's data in parts. */
interface Stored {
  readonly records: readonly StpRecord[];
  readonly parts: readonly { readonly name: string; readonly offset: number; readonly size: number }[];
}

function store(records: readonly StpRecord[], cpu: number, cuts: readonly number[]): Stored {
  const bytes = dataOf(records);
  const edges = [0, ...new Set(cuts.filter((cut) => cut > 0 && cut < bytes.length))].sort((a, b) => a - b);
  const parts = edges.map((offset, i) => {
    const part = bytes.subarray(offset, edges[i + 1] ?? bytes.length);
    writeFileSync(join(directory, partName(cpu, offset)), part);
    return { name: partName(cpu, offset), offset, size: part.length };
  });
  return { records, parts };
}

/** Damages one part and gives the stretch of the stream, from and to, that is hit. */
interface Damage {
  readonly apply: (path: string, bytes: Buffer) => readonly [from: number, to: number];
  readonly text: string;
}

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.nat(), fc.nat(7)).map(([at, bit]) => ({ text: `bit ${bit} of byte ${at}`, apply: (path: string, bytes: Buffer) => { const place = at % bytes.length; bytes[place]! ^= 1 << bit; writeFileSync(path, bytes); return [place, place + 1] as const; } })) },
  { weight: 2, arbitrary: fc.nat().map((at) => ({ text: `cut at ${at}`, apply: (path: string, bytes: Buffer) => { const place = at % bytes.length; writeFileSync(path, bytes.subarray(0, place)); return [place, bytes.length] as const; } })) },
  { weight: 1, arbitrary: fc.constant({ text: "removed", apply: (path: string, bytes: Buffer) => { rmSync(path); return [0, bytes.length] as const; } }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3000, size: "max" }).map((random) => ({ text: `${random.length} random bytes`, apply: (path: string, bytes: Buffer) => { const as = Buffer.alloc(bytes.length); as.set(random.subarray(0, bytes.length)); writeFileSync(path, as); return [0, bytes.length] as const; } })) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(), fc.constantFrom(0xffffffff, PAYLOAD_SIZE_MAX, PAYLOAD_SIZE_MAX + 1, 0, 40)).map(([at, size]) => ({ text: `${size} at ${at}`, apply: (path: string, bytes: Buffer) => {
    if (bytes.length < 4) return [0, 0] as const;
    const place = (at % (bytes.length - 3)) & ~3;
    bytes.writeUInt32LE(size, place);
    writeFileSync(path, bytes);
    return [place, place + 4] as const;
  } })) },
).map((of) => ({ ...of, toString: () => of.text }) as Damage);

const cpu = fc.record({
  drafts: fc.array(fc.record({ step_ns: fc.integer({ min: -5, max: 50 }), size: fc.nat(60) }), { minLength: 1, maxLength: 20 }),
  cuts: fc.array(fc.nat(1500), { maxLength: 3 }),
});

const end = (record: StpRecord): number => Number(record.sequence) + recordSize(record.payload.length);

describe("a damaged recording", () => {
  it("T1, T3: keeps every record that is not hit, in the order of its CPU, and says that others are missing, with file and offset", () =>
    fc.assert(
      fc.asyncProperty(fc.array(cpu, { minLength: 1, maxLength: 4 }), fc.array(fc.tuple(fc.nat(), fc.nat(), damage), { maxLength: 3 }), fc.boolean(), async (cpus, damages, json) => {
        fresh();
        const stored = cpus.map(({ drafts, cuts }, c) => {
          let time_ns = 100;
          return store(recordsOf(c, drafts.map(({ step_ns, size }, i) => ({ time_ns: BigInt((time_ns = Math.max(time_ns + step_ns, 0))), text: `<${c}.${i}>`.padEnd(size, ".") }))), c, cuts);
        });
        writeFileSync(join(directory, "manifest.json"), JSON.stringify(jsonManifest(stored.map(({ records }) => records.length))));
        const hits = stored.map(() => [] as (readonly [number, number])[]);
        for (const [c, p, { apply }] of damages) {
          const { parts } = stored[c % stored.length]!;
          const part = parts[p % parts.length]!;
          const path = join(directory, part.name);
          if (!existsSync(path) || statSync(path).size === 0) continue;
          const [from, to] = apply(path, readFileSync(path));
          hits[c % stored.length]!.push([part.offset + from, part.offset + to]);
          // What a part lost at its end is a hole; what an earlier damage says of it stays true.
        }
        const { output, result, lines } = await post({ json });
        for (const [c, { records, parts }] of stored.entries()) {
          const whole = records.filter((record) => hits[c]!.every(([from, to]) => end(record) <= from || Number(record.sequence) >= to));
          let at = 0;
          for (const record of whole) {
            const found = output.indexOf(Buffer.from(record.payload).toString(), at);
            expect(found, `record at ${record.sequence} of CPU ${c}`).toBeGreaterThanOrEqual(at);
            at = found + record.payload.length;
          }
          for (const problem of result.problems.filter((of) => of.cpu === c)) {
            expect(problem.file === partName(c, 0) || parts.some(({ name }) => name === problem.file), problem.file).toBe(true);
            expect(problem.offset).toBeLessThanOrEqual(parts.find(({ name }) => name === problem.file)?.size ?? 0);
          }
        }
        const total = stored.reduce((sum, { records }) => sum + records.length, 0);
        if (result.records < total) expect(lines.length).toBeGreaterThan(0);
        if (result.records < total && !result.ledger.mismatches.some(({ not_kept }) => not_kept > 0)) expect(result.ok).toBe(false);
      }),
      { numRuns: 1000 },
    ), TIMEOUT_MS);

  it("of which the manifest has any bytes changed is read or refused with a sentence", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.integer({ min: 32, max: 126 })), { minLength: 1, maxLength: 3 }), fc.option(fc.nat()), async (changes, cut) => {
        fresh();
        store(recordsOf(0, [{ text: "a\n" }, { text: "b\n" }]), 0, []);
        const manifest = Buffer.from(JSON.stringify(jsonManifest([2])));
        for (const [at, byte] of changes) manifest[at % manifest.length] = byte;
        writeFileSync(join(directory, "manifest.json"), cut === null ? manifest : manifest.subarray(0, cut % manifest.length));
        const outcome = await post().catch((error: unknown) => error);
        if (outcome instanceof StpError) expect(outcome.message).toMatch(/^Cannot read recording \S+: .*[,;:] .*$/);
        else expect(outcome).toMatchObject({ output: "a\nb\n" });
      }),
      { numRuns: 500 },
    ), TIMEOUT_MS);

  it("that is no recording at all is refused: an empty directory, random bytes as a manifest", async () => {
    fresh();
    await expect(post()).rejects.toThrow(/manifest\.json is missing; give/);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(100, 0xff), Buffer.from("[]"), Buffer.from("null"), Buffer.from("{".repeat(100_000)), Buffer.from(`[${"[".repeat(100_000)}`)]) {
      writeFileSync(join(directory, "manifest.json"), bytes);
      await expect(post()).rejects.toThrow(StpError);
    }
  });

  it("that has only a manifest says which files are missing", async () => {
    fresh();
    writeFileSync(join(directory, "manifest.json"), JSON.stringify(jsonManifest([1, 1])));
    const { output, lines, result } = await post();
    expect(output).toBe("");
    expect(lines.slice(0, 2)).toEqual(["cpu0.data: at offset 0: the file is missing", "cpu1.data: at offset 0: the file is missing"]);
    expect(result.ok).toBe(false);
  });

  it("with megabytes of headers that each claim the largest payload ends in time that its size bounds", async () => {
    fresh();
    const lie = Buffer.from(dataOf(recordsOf(0, [{ text: "" }])));
    lie.writeUInt32LE(PAYLOAD_SIZE_MAX, HEADER_OFFSETS.payload_size);
    writeFileSync(join(directory, "cpu0.data"), Buffer.alloc(8 << 20, lie));
    writeFileSync(join(directory, "manifest.json"), JSON.stringify(jsonManifest([1])));
    expect((await post()).result.problems_count).toBeGreaterThan(0);
  });
});
