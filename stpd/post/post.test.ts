import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StpError } from "../../spec/errors.ts";
import { encodeEvent } from "../../spec/recording/event.ts";
import type { StpRecord } from "../../spec/recording/record.ts";
import { postprocess, type PostOptions, type PostResult } from "./post.ts";
import { PROBLEMS_KEPT_MAX } from "./problem.ts";
import { dataOf, jsonManifest, recordsOf, writeRecording, type Draft } from "./testing.ts";

let directory = "";
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), "stp-post-"))));
afterEach(() => rm(directory, { recursive: true }));

interface Posted {
  readonly output: string;
  readonly lines: readonly string[];
  readonly result: PostResult;
}

async function post(options: Partial<PostOptions> = {}): Promise<Posted> {
  const blocks: Buffer[] = [];
  const lines: string[] = [];
  const write = (bytes: Uint8Array): void => void blocks.push(Buffer.from(bytes));
  const result = await postprocess(directory, { write, report: (line) => lines.push(line), ...options });
  return { output: Buffer.concat(blocks).toString("latin1"), lines, result };
}

/** Writes the CPUs' drafts as a recording whose ledger fits. */
async function record(...cpus: readonly (readonly Draft[])[]): Promise<readonly (readonly StpRecord[])[]> {
  const records = cpus.map((drafts, cpu) => recordsOf(cpu, drafts));
  await writeRecording(directory, records.map(dataOf), jsonManifest(records.map((of) => of.length)));
  return records;
}

const event = encodeEvent({ pid: 7, tid: 8, uid: 9, comm: 'a"b', args: [1n, 0xffff888000000001n], order: 3, time_ns: (1n << 64n) - 1n, looks: [{ kind: "user", key: 255n, detail: 2, value: Uint8Array.of(1, 2) }, { kind: "task", key: 0n, detail: 0, value: "EFAULT" }] });

describe("postprocess", () => {
  it("merges the CPUs by time and gives the printed bytes as they are, without events", async () => {
    await record(
      [{ time_ns: 1n, text: "a\n" }, { time_ns: 4n, text: "d\n" }],
      [{ time_ns: 2n, payload: Buffer.from([0xff, 0, 0x0a]) }, { time_ns: 3n, type: "event", payload: event }, { time_ns: 4n, text: "e\n" }],
    );
    const { output, lines, result } = await post();
    expect(output).toBe("a\n\xff\0\nd\ne\n");
    expect(lines).toEqual([]);
    expect(result).toMatchObject({ records: 5, problems: [], problems_count: 0, ok: true, interrupted: false });
  });

  it("gives JSON lines with exact numbers, events, and the bytes of text that is not UTF-8", async () => {
    await record([{ time_ns: (1n << 64n) - 1n, text: 'tab\t"é"\n', context: "irq", probe: 3 }, { time_ns: (1n << 64n) - 1n, type: "event", payload: event }, { time_ns: (1n << 64n) - 1n, payload: Buffer.from([0xff]) }]);
    const { output } = await post({ json: true });
    const place = (probe: number, context: string, sequence: number): string => `"time_ns":18446744073709551615,"cpu":0,"context":"${context}","probe":${probe},"sequence":${sequence}`;
    expect(Buffer.from(output, "latin1").toString().split("\n")).toEqual([
      `{${place(3, "irq", 0)},"text":"tab\\t\\"é\\"\\n"}`,
      `{"event":{${place(0, "task", 48)},"pid":7,"tid":8,"uid":9,"comm":"a\\"b","args":["0x1","0xffff888000000001","0x0","0x0","0x0","0x0"],"order":3,"began_ns":18446744073709551615,"flags":0,"looks":[{"look":"user","key":"0xff","detail":2,"base64":"AQI="},{"look":"task","key":"0x0","detail":0,"error":"EFAULT"}]}}`,
      `{${place(0, "task", 232)},"text":"\ufffd","base64":"/w=="}`,
      "",
    ]);
  });

  it("is complete beyond a block of output, in text and JSON, through a slow writer", async () => {
    await record(...[0, 1, 2].map(() => Array.from({ length: 300 }, (_, i) => ({ text: `${i} `.repeat(2000) }))));
    const expected = Array.from({ length: 300 }, (_, i) => `${i} `.repeat(2000).repeat(3)).join("");
    for (const json of [false, true]) {
      let output = "";
      const write = async (bytes: Uint8Array): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        output += Buffer.from(bytes).toString();
      };
      const { result } = await post({ json, write });
      const text = json ? output.trimEnd().split("\n").map((line) => (JSON.parse(line) as { text: string }).text).join("") : output;
      expect(text === expected).toBe(true);
      expect(result.ok).toBe(true);
    }
  });

  it("reads all other CPUs if one's file is missing, is no file, or is one too many", async () => {
    await record([{ text: "a\n" }], [{ text: "b\n" }], [{ text: "c\n" }]);
    await rm(join(directory, "cpu0.data"));
    await rm(join(directory, "cpu2.data"));
    await mkdir(join(directory, "cpu2.data"));
    await writeFile(join(directory, "cpu3.data"), "");
    const { output, result } = await post();
    expect(output).toBe("b\n");
    expect(result.ok).toBe(false);
    expect(result.problems).toMatchObject([
      { kind: "file", cpu: 2, offset: 0, why: "it is not a regular file" },
      { kind: "file", cpu: 3, offset: 0 },
      { kind: "file", cpu: 0, offset: 0, why: "the file is missing" },
    ]);
    expect(result.ledger.mismatches).toMatchObject([{ cpu: 0, explained: true }, { cpu: 2, explained: true }]);
  });

  it("does not wait for a named pipe", async () => {
    await record([{}]);
    await rm(join(directory, "cpu0.data"));
    execFileSync("mkfifo", [join(directory, "cpu0.data")]);
    expect((await post()).result.problems).toMatchObject([{ kind: "file", why: "it is not a regular file" }]);
  });

  it("reports the end of a file that was cut between two records", async () => {
    const [records] = await record([{ text: "a\n" }, { text: "b\n" }]);
    await truncate(join(directory, "cpu0.data"), Number(records![1]!.sequence));
    const { output, lines, result } = await post();
    expect(output).toBe("a\n");
    expect(lines).toEqual([expect.stringContaining("cpu0.data holds 1 of 2 delivered records")]);
    expect(result.ok).toBe(false);
  });

  it("reports a clock that steps back, with its place, and is not ok", async () => {
    await record([{ time_ns: 5n, text: "a\n" }, { time_ns: 2n, text: "b\n" }], [{ time_ns: 4n, text: "c\n" }]);
    const { output, lines, result } = await post();
    expect(output).toBe("c\na\nb\n");
    expect(lines).toEqual(["cpu0.data: at offset 40: time steps back by 3 ns; the CPU's own order is kept"]);
    expect(result.ok).toBe(false);
  });

  it("reports a bounded number of problems and counts all", async () => {
    await record(Array.from({ length: 300 }, (_, i) => ({ time_ns: BigInt(1000 - i) })));
    const { lines, result } = await post();
    expect(result).toMatchObject({ records: 300, problems_count: 299, ok: false });
    expect(result.problems).toHaveLength(PROBLEMS_KEPT_MAX);
    expect(lines).toHaveLength(PROBLEMS_KEPT_MAX + 1);
    expect(lines.at(-1)).toBe("199 more problems like these");
  });

  it("stops at a signal, writes what was merged and does not accuse the files", async () => {
    const stop = new AbortController();
    await record(Array.from({ length: 50 }, () => ({ text: "x".repeat(100_000) })));
    let bytes = 0;
    const { result, lines } = await post({ signal: stop.signal, write: (block) => { bytes += block.length; stop.abort(); } });
    expect(result.interrupted).toBe(true);
    expect(bytes).toBe(result.records * 100_000);
    expect(result.records).toBeLessThan(50);
    expect(lines).toEqual([]);
  });

  it("throws what the writer throws", async () => {
    await record([{}]);
    await expect(post({ write: () => Promise.reject(new Error("EPIPE")) })).rejects.toThrow("EPIPE");
  });

  it("refuses an empty directory and a file that it may not open with a sentence", async () => {
    await expect(post()).rejects.toThrow(StpError);
    await expect(post()).rejects.toThrow(`Cannot read recording ${directory}: manifest.json is missing`);
    await record([{}]);
    // A link to itself: unlike a mode, it stops root, too.
    await rm(join(directory, "cpu0.data"));
    await symlink("cpu0.data", join(directory, "cpu0.data"));
    await expect(post()).rejects.toThrow(/^Cannot read recording .*ELOOP.*; make all its files readable$/);
  });

  it("T1, T3: whatever bits flip and wherever a file ends, prints every record outside the damage, in order of a sort, and says so", () => {
    const cpu = fc.array(fc.nat(50), { minLength: 1, maxLength: 20 });
    const damage = fc.record({ cpu: fc.nat(), at: fc.nat(), bit: fc.nat(7), isCut: fc.boolean() });
    return fc.assert(
      fc.asyncProperty(fc.array(cpu, { minLength: 1, maxLength: 4 }), damage, async (steps, { cpu: which, at, bit, isCut }) => {
        const drafts = steps.map((of, c) => {
          let time_ns = 0n;
          return of.map((step, i) => ({ time_ns: (time_ns += BigInt(step)), text: `<${c}.${i}>`.padEnd(step + 1, ".") }));
        });
        const records = await record(...drafts);
        const target = records[which % records.length]!;
        const data = dataOf(target);
        const place = at % data.length;
        data[place]! ^= 1 << bit;
        await writeFile(join(directory, `cpu${target[0]!.cpu}.data`), isCut ? data.subarray(0, place) : data);
        const isWhole = (r: StpRecord): boolean => r.cpu !== target[0]!.cpu || Number(r.sequence) + dataOf([r]).length <= place || (!isCut && Number(r.sequence) > place);
        const whole = records.flat().filter(isWhole).sort((a, b) => Number(a.time_ns - b.time_ns) || a.cpu - b.cpu || Number(a.sequence - b.sequence));
        const { output, lines, result } = await post();
        let from = 0;
        const hit = records.flat().find((r) => !isWhole(r));
        const isTimeHit = !isCut && hit !== undefined && place - Number(hit.sequence) >= 24 && place - Number(hit.sequence) < 32;
        const inOrder = isTimeHit ? records.map((of) => of.filter(isWhole)) : [whole]; // a damaged time may hold its CPU back
        for (const of of inOrder) {
          from = 0;
          for (const r of of) {
            const found = output.indexOf(Buffer.from(r.payload).toString(), from);
            expect(found, `record at ${r.sequence} of CPU ${r.cpu}`).toBeGreaterThanOrEqual(from);
            from = found + r.payload.length;
          }
        }
        const isLost = result.records < records.flat().length;
        if (isLost) expect(result.ok).toBe(false);
        if (isLost) expect(lines.length).toBeGreaterThan(0);
        for (const problem of result.problems) expect(problem.offset).toBeLessThanOrEqual(data.length);
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});
