/** A recording that is being written, printed meanwhile. */
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StpError } from "../../spec/errors.ts";
import type { StpRecord } from "../../spec/recording/record.ts";
import { readManifest } from "../../spec/recording/manifest.ts";
import { DataFiles } from "./files.ts";
import { followToEnd } from "./follow.ts";
import { Merge } from "./merge.ts";
import { partName } from "./parts.ts";
import { postprocess, type PostOptions, type PostResult } from "./post.ts";
import { dataOf, jsonManifest, recordsOf } from "./testing.ts";

let folder = "";
let directory = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stp-follow-"));
  directory = join(folder, "recording");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Longer than any record is held back. */
const SEEN_MS = 600;
const TIMEOUT_MS = 120_000;

/** Rotation must not be so fast that whoever follows never sees a part. */
const PARTS_KEPT = 4;

/** As stpd does it. */
function writeManifest(state: "running" | "ended", ...delivered: readonly number[]): void {
  writeFileSync(join(directory, "manifest.json.new"), JSON.stringify({ ...jsonManifest(delivered), state }));
  renameSync(join(directory, "manifest.json.new"), join(directory, "manifest.json"));
}

const append = (name: string, bytes: Uint8Array): void => appendFileSync(join(directory, name), bytes);

interface Following {
  output: string;
  readonly lines: string[];
  readonly stop: AbortController;
  readonly result: Promise<PostResult>;
}

function follow(options: Partial<PostOptions> = {}): Following {
  const stop = new AbortController();
  const lines: string[] = [];
  const following: Following = { output: "", lines, stop, result: undefined as never };
  const write = (bytes: Uint8Array): void => void (following.output += Buffer.from(bytes).toString("latin1"));
  return Object.assign(following, { result: postprocess(directory, { follow: true, signal: stop.signal, write, report: (line) => lines.push(line), ...options }) });
}

function begin(cpus: number): void {
  mkdirSync(directory);
  for (let cpu = 0; cpu < cpus; cpu++) append(partName(cpu, 0), new Uint8Array(0));
  writeManifest("running", ...Array.from({ length: cpus }, () => 0));
}

describe("postprocess with follow", { timeout: TIMEOUT_MS }, () => {
  it("waits for the directory and the manifest, prints what comes while it comes, and ends with the session", async () => {
    const following = follow();
    await setTimeout(100);
    mkdirSync(directory);
    await setTimeout(100);
    writeManifest("running", 0);
    const data = dataOf(recordsOf(0, [{ text: "a\n" }, { text: "b\n" }]));
    append("cpu0.data", data.subarray(0, 40));
    await setTimeout(SEEN_MS);
    expect(following.output).toBe("a\n");
    append("cpu0.data", data.subarray(40));
    writeManifest("ended", 2);
    expect(await following.result).toMatchObject({ records: 2, ok: true, interrupted: false, finished: true });
    expect(following).toMatchObject({ output: "a\nb\n", lines: [] });
  });

  it("T3: puts a record before a younger one of another CPU that was visible 100 ms earlier", async () => {
    begin(2);
    const following = follow();
    append("cpu0.data", dataOf(recordsOf(0, [{ time_ns: 20n, text: "late\n" }])));
    await setTimeout(100);
    append("cpu1.data", dataOf(recordsOf(1, [{ time_ns: 10n, text: "early\n" }])));
    await setTimeout(SEEN_MS);
    expect(following.output).toBe("early\nlate\n");
    writeManifest("ended", 1, 1);
    expect((await following.result).ok).toBe(true);
  });

  it("does not print half a record, nor say that it is damaged", async () => {
    begin(1);
    const following = follow();
    const data = dataOf(recordsOf(0, [{ text: "whole\n" }, { text: "half\n" }]));
    append("cpu0.data", data.subarray(0, 40 + 35));
    await setTimeout(SEEN_MS);
    expect(following.output).toBe("whole\n");
    writeManifest("ended", 2);
    expect((await following.result).problems).toMatchObject([{ kind: "cut", offset: 40 }]);
  });

  it("prints the same as afterwards, whatever is written when, and through rotation that removes old parts", async () => {
    const piece = fc.record({ cpu: fc.nat(2), size: fc.nat(300), rotates: fc.boolean(), pause_ms: fc.nat(15) });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 5, maxLength: 40 }), async (pieces) => {
        rmSync(directory, { recursive: true, force: true });
        begin(3);
        let time_ns = 0n;
        const drafts = [0, 1, 2].map(() => [] as { time_ns: bigint; text: string }[]);
        for (let i = 0; i < 60; i++) drafts[i % 3]!.push({ time_ns: ++time_ns, text: `${i} `.padEnd(i) });
        const streams = drafts.map((of, cpu) => dataOf(recordsOf(cpu, of)));
        const states = streams.map(() => ({ at: 0, names: [] as string[] }));
        const following = follow();
        const write = ({ cpu, size, rotates }: { cpu: number; size: number; rotates: boolean }): void => {
          const state = states[cpu]!;
          const name = partName(cpu, state.at);
          if (state.names.length === 0 || (rotates && !state.names.includes(name))) state.names.push(name);
          const old = state.names.at(-PARTS_KEPT - 1);
          if (old !== undefined) rmSync(join(directory, old), { force: true });
          append(state.names.at(-1)!, streams[cpu]!.subarray(state.at, state.at + size));
          state.at = Math.min(state.at + size, streams[cpu]!.length);
        };
        for (const each of pieces) {
          write(each);
          await setTimeout(each.rotates ? 70 : each.pause_ms);
        }
        for (const cpu of [0, 1, 2]) write({ cpu, size: streams[cpu]!.length, rotates: false });
        writeManifest("ended", 20, 20, 20);
        expect(await following.result).toMatchObject({ problems: [], records: 60, ok: true });
        // In whatever order it was written, each CPU's own order is kept.
        for (const cpu of [0, 1, 2]) {
          const places = drafts[cpu]!.map(({ text }) => following.output.indexOf(text));
          expect(places).toEqual([...places].sort((a, b) => a - b));
        }
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it("sleeps while nothing comes", async () => {
    begin(2);
    const following = follow();
    await setTimeout(200);
    const before = process.cpuUsage();
    await setTimeout(1000);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(500_000); // a loop without sleep takes the whole second
    following.stop.abort();
    await following.result;
  });

  it("stops at a signal, before there is a recording and in one, and does not judge what it saw", async () => {
    const before = follow();
    before.stop.abort();
    expect(await before.result).toMatchObject({ records: 0, interrupted: true });
    begin(1);
    const following = follow();
    append("cpu0.data", dataOf(recordsOf(0, [{ text: "a\n" }])));
    await setTimeout(SEEN_MS);
    following.stop.abort();
    expect(await following.result).toMatchObject({ records: 1, interrupted: true, ok: true });
    expect(following).toMatchObject({ output: "a\n", lines: [] });
  });

  it("waits a while for a manifest that is being written, and refuses one that stays damaged", async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, "manifest.json"), "{");
    const soon = follow();
    await setTimeout(200);
    append("cpu0.data", new Uint8Array(0));
    writeManifest("ended", 0);
    expect((await soon.result).ok).toBe(true);
    writeFileSync(join(directory, "manifest.json"), "{");
    await expect(follow().result).rejects.toThrow(StpError);
    await expect(postprocess(join(directory, "cpu0.data"), { follow: true, write: () => {}, report: () => {} })).rejects.toThrow("it is not a directory");
  });

  it("names backtraces as soon as there are symbols", async () => {
    begin(1);
    writeFileSync(join(directory, "manifest.json"), JSON.stringify({ ...jsonManifest([0]), state: "running", addresses: 1 }));
    const following = follow();
    const data = dataOf(recordsOf(0, [{ text: "<stack 0xffffffff81000010>\n" }, { text: "<stack 0xffffffff81000012>\n" }]));
    append("cpu0.data", data.subarray(0, data.length / 2));
    await setTimeout(SEEN_MS);
    mkdirSync(join(directory, "symbols"));
    writeFileSync(join(directory, "symbols/kallsyms"), "ffffffff81000000 T vfs_read\n");
    append("cpu0.data", data.subarray(data.length / 2));
    writeManifest("ended", 2);
    expect((await following.result).ok).toBe(true);
    expect(following.output).toBe("<stack 0xffffffff81000010>\n<stack vfs_read+0x12>\n");
  });

  it("ends with a session whose manifest was replaced between its reading and the first look", async () => {
    begin(1);
    const begun = await readManifest(directory);
    writeManifest("ended", 0);
    const files = new DataFiles(directory, 1, () => {}, { isUnfinished: false });
    try {
      const stop = AbortSignal.timeout(5000);
      const { state } = await followToEnd(directory, begun, files, new Merge(files.readers, () => {}), { printTo: async () => {} }, stop);
      expect(state).toBe("ended");
    } finally {
      files.close();
    }
  });

  it("says at the end what is missing then", async () => {
    begin(2);
    rmSync(join(directory, "cpu1.data"));
    const following = follow();
    await setTimeout(200);
    writeManifest("ended", 0, 0);
    expect((await following.result).problems).toMatchObject([{ kind: "file", file: "cpu1.data", why: "the file is missing" }]);
  });
});

describe("an unfinished recording, not followed", () => {
  it("is printed as far as it goes; that its end is missing is said, but no damage", async () => {
    begin(1);
    const records: readonly StpRecord[] = recordsOf(0, [{ text: "a\n" }, { text: "b\n" }]);
    append("cpu0.data", dataOf(records).subarray(0, 75));
    writeManifest("running", 77);
    const following = follow({ follow: false });
    expect(await following.result).toMatchObject({ records: 1, problems: [], finished: false, ok: true, ledger: { losses: [], mismatches: [] } });
    expect(following.output).toBe("a\n");
    expect(following.lines).toEqual([expect.stringMatching(/^the session was not finished when this was read: .*; what it lost is not known$/)]);
  });
});
