/** docs/recording-format.md: a reader in another language, written from the page alone, prints what ours prints. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it, test } from "vitest";
import { PROTOCOL_VERSION } from "../spec/protocol.ts";
import { encodeEvent } from "../spec/recording/event.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { postprocess } from "../stpd/post/post.ts";
import { dataOf, jsonManifest, recordsOf, writeRecording, type Draft } from "../stpd/post/testing.ts";

const PAGE = readFileSync(join(PROJECT_ROOT, "docs/recording-format.md"), "utf8");
const READER = join(PROJECT_ROOT, "docs/recording-format/reader.pl");
const READ_MS_MAX = 60_000;
const OUTPUT_SIZE_MAX = 1 << 28;

const directory = mkdtempSync(join(tmpdir(), "test-of-recording-format-"));
const recording = join(directory, "recording");
beforeEach(() => rmSync(recording, { recursive: true, force: true }));
afterAll(() => rmSync(directory, { recursive: true }));

/** What a reader printed: the output, and the messages of errors. */
interface Printed {
  readonly output: Buffer;
  readonly errors: readonly string[];
}

function theirs(): Printed {
  const { status, stdout, stderr } = spawnSync("/usr/bin/perl", [READER, recording], { timeout: READ_MS_MAX, maxBuffer: OUTPUT_SIZE_MAX });
  expect({ status, warnings: /at .* line \d/.exec(stderr.toString())?.[0] }).toEqual({ status: 0, warnings: undefined });
  return { output: stdout, errors: stderr.toString().split("\n").filter((line) => line.startsWith("ERROR: ")) };
}

async function ours(): Promise<Printed> {
  const chunks: Buffer[] = [];
  const errors: string[] = [];
  await postprocess(recording, { write: (bytes) => void chunks.push(Buffer.from(bytes)), report: (line) => void (line.startsWith("ERROR: ") && errors.push(line)) });
  return { output: Buffer.concat(chunks), errors };
}

/** Both readers, which must agree; what they printed. */
async function read(): Promise<Printed> {
  const [perl, stp] = [theirs(), await ours()];
  expect({ output: perl.output.toString("latin1"), errors: perl.errors }).toEqual({ output: stp.output.toString("latin1"), errors: stp.errors });
  return perl;
}

/** Writes a CPU's stream as parts, each from one place to another. */
function writeParts(cpu: number, stream: Uint8Array, ...parts: readonly (readonly [from: number, to: number])[]): void {
  for (const [from, to] of parts) writeFileSync(join(recording, from === 0 ? `cpu${cpu}.data` : `cpu${cpu}.${from}.data`), stream.subarray(from, to));
}

const EVENT: Draft = { type: "event", payload: encodeEvent({ pid: 1, tid: 2, uid: 3, comm: "c", args: [], looks: [{ kind: "now", key: 0n, detail: 0, value: new Uint8Array(8) }] }) };
const DRAFTS: readonly Draft[] = [{ text: "one\n", time_ns: 10n }, { ...EVENT, time_ns: 11n }, { text: "two", time_ns: 12n }, { text: "", time_ns: 12n }, { text: "out of time", type: "error", time_ns: 13n, context: "nmi" }, { text: "three\xe9 and more", time_ns: 9n }, { text: "four\n", time_ns: 14n }];
const STREAMS = [0, 1, 2].map((cpu) => dataOf(recordsOf(cpu, DRAFTS.map((draft) => ({ ...draft, ...(draft.type === undefined && { text: `${cpu}: ${draft.text!}` }), time_ns: draft.time_ns! + BigInt(cpu % 2) })))));
const WHOLE = STREAMS[0]!.length;
const start = (): Promise<string> => writeRecording(recording, [undefined, STREAMS[1], STREAMS[2]], jsonManifest([7, 7, 7]));

describe("both readers print the same of", () => {
  const traces = readdirSync(join(PROJECT_ROOT, "examples")).map((example) => join(PROJECT_ROOT, "examples", example, "trace")).filter((trace) => existsSync(join(trace, "manifest.json")));
  it.each(traces.map((trace) => [basename(join(trace, "..")), trace] as const))("the example %s, addresses in the place of names", async (_name, trace) => {
    cpSync(trace, recording, { recursive: true, filter: (path) => basename(path) !== "symbols" });
    expect((await read()).output.length).toBeGreaterThan(0);
  });

  it("several CPUs at the same times, a clock that steps back, events and errors between", async () => {
    await start();
    writeParts(0, STREAMS[0]!, [0, WHOLE]);
    const { output, errors } = await read();
    // Three is late on its own clock: it comes as if at 13 on CPUs 0 and 2, at 14 on CPU 1.
    expect(output.toString()).toBe("0: one\n2: one\n1: one\n0: two0: 2: two2: 0: three\xe9 and more1: two1: 2: three\xe9 and more0: four\n1: three\xe9 and more2: four\n1: four\n");
    expect(errors).toEqual([0, 2, 1].map((cpu) => `ERROR: out of time (CPU ${cpu})`));
  });

  it("parts cut at any byte, one of them empty, some that overlap", async () => {
    await start();
    writeParts(0, STREAMS[0]!, [0, 5], [5, 40], [40, 40], [40, 60], [50, 200], [200, WHOLE]);
    expect((await read()).output.length).toBeGreaterThan(100);
  });

  it("a stream whose begin was not kept", async () => {
    await start();
    writeParts(0, STREAMS[0]!, [45, 100], [100, WHOLE]);
    const { output } = await read();
    expect([output.includes("0: one"), output.includes("0: two")]).toEqual([false, true]);
  });

  it("a stream with a hole", async () => {
    await start();
    writeParts(0, STREAMS[0]!, [0, 60], [250, WHOLE]);
    const { output } = await read();
    expect([output.includes("0: one"), output.includes("0: two"), output.includes("0: four")]).toEqual([true, false, true]);
  });

  it("a damaged header, a wrong size, and an end inside a record", async () => {
    await start();
    const damaged = Buffer.from(STREAMS[0]!);
    damaged[1]! ^= 4;
    writeParts(0, damaged, [0, WHOLE - 3]);
    const one = Buffer.from(STREAMS[1]!);
    one[4] = 60; // of the first record: beyond the next one's header
    writeParts(1, one, [0, WHOLE]);
    const { output } = await read();
    expect(["0: one", "0: two", "0: four", "1: one", "1: two"].map((text) => output.includes(text))).toEqual([false, true, false, false, true]);
  });

  it("any records, cut into any parts", async () => {
    const draft = fc.record({ time_ns: fc.bigInt(0n, 20n), text: fc.string({ maxLength: 30 }), type: fc.constantFrom("print", "print", "error") }).map(({ text, ...rest }): Draft => ({ ...rest, text: text.replace(/\n/g, " ") }));
    const cpus = fc.array(fc.record({ drafts: fc.array(draft, { maxLength: 12 }), cuts: fc.array(fc.nat(), { maxLength: 6 }) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cpus, async (streams) => {
        rmSync(recording, { recursive: true, force: true });
        await writeRecording(recording, [], jsonManifest(streams.map(({ drafts }) => drafts.length)));
        for (const [cpu, { drafts, cuts }] of streams.entries()) {
          const stream = dataOf(recordsOf(cpu, drafts));
          const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort((a, b) => a - b);
          writeParts(cpu, stream, ...places.map((from, i) => [from, places[i + 1] ?? stream.length] as const));
        }
        await read();
      }),
      { numRuns: 30 },
    );
  });
});

test("the reader refuses another version, and what is no recording", async () => {
  await writeRecording(recording, STREAMS, { ...jsonManifest([7, 7, 7]), protocol_version: PROTOCOL_VERSION + 1 });
  const refused = (path: string) => spawnSync("/usr/bin/perl", [READER, path], { timeout: READ_MS_MAX });
  for (const path of [recording, directory]) expect(refused(path).status).toBeGreaterThan(0);
  expect(refused(recording).stderr.toString()).toContain(`reads only version ${PROTOCOL_VERSION}`);
});

test("the reader has fewer than 120 lines and needs no module that perl-base lacks", () => {
  const lines = readFileSync(READER, "utf8").split("\n");
  expect(lines.length).toBeLessThan(120);
  expect(lines.filter((line) => /^\s*(use|require)\b/.test(line)).map((line) => line.split(/[\s;]+/)[1])).toEqual(["strict", "warnings", "constant", "constant"]);
  execFileSync("/usr/bin/perl", ["-wc", READER], { stdio: "pipe", timeout: READ_MS_MAX });
});

test("the page has every field of the manifest and the version", () => {
  const manifest = jsonManifest([1]);
  const fields = [...Object.keys(manifest), ...Object.keys(manifest.probes[0]!), ...Object.keys(manifest.maps[0]!), ...Object.keys(manifest.ledger[0]!)];
  expect(fields.filter((field) => !PAGE.includes(`\`${field}\``))).toEqual([]);
  expect(PAGE).toContain(`This is format ${PROTOCOL_VERSION},`);
});
