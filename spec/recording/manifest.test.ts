import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StpError } from "../errors.ts";
import { LOSS_CAUSES, LOSS_KINDS, PROTOCOL_VERSION } from "../protocol.ts";
import { readManifest } from "./manifest.ts";

let directory = "";
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), "stp-manifest-"))));
afterEach(() => rm(directory, { recursive: true }));

const COUNT = `{"attempted":7,"delivered":4,"lost":{${Object.keys(LOSS_CAUSES).map((cause, i) => `"${cause}":${i === 0 ? 3 : 0}`)}}}`;
const row = (cpu: number, probe: number): string => `{"cpu":${cpu},"probe":${probe},"cut":0,"evicted":0,${Object.keys(LOSS_KINDS).map((kind) => `"${kind}":${COUNT}`)}}`;
const ROWS = [row(0, 0), row(0, 1), row(1, 0), row(1, 1)];

/** As runtime-c/src/manifest.c writes it. */
const TEXT = `{
"protocol_version":${PROTOCOL_VERSION},
"source_hash":"ab12",
"world":"kernel",
"release":"6.1.0-rt",
"cpus":2,
"time_ns":1234567890123456789,
"addresses":1,
"user_addresses":0,
"mode":"overwrite",
"transport":"netlink",
"ring_size":1048576,
"state":"running",
"probes":[
{"provider":"kprobe","target":"with \\"quotes\\" and 99999999999999999999","line":3}],
"maps":[
{"name":"opens","entries_max":2048,"size":3}],
"ledger":[
${ROWS.join(",\n")}]
}
`;

async function readText(text: string) {
  await writeFile(join(directory, "manifest.json"), text);
  return readManifest(directory);
}

async function sentenceOf(reading: Promise<unknown>): Promise<string> {
  const error: unknown = await reading.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(StpError);
  const { message } = error as StpError;
  expect(message).toMatch(/^Cannot read recording .*[,;:] .*$/); // one line
  return message;
}

describe("readManifest", () => {
  it("reads what manifest.c writes, 64-bit numbers exact and strings untouched", async () => {
    const manifest = await readText(TEXT);
    expect(manifest).toMatchObject({ source_hash: "ab12", world: "kernel", release: "6.1.0-rt", cpus: 2, time_ns: 1234567890123456789n, addresses: true, user_addresses: false });
    expect(manifest).toMatchObject({ mode: "overwrite", transport: "netlink", ring_size: 1048576, state: "running" });
    expect(manifest.probes).toEqual([{ provider: "kprobe", target: 'with "quotes" and 99999999999999999999', line: 3 }]);
    expect(manifest.maps).toEqual([{ name: "opens", entries_max: 2048, size: 3 }]);
    expect(manifest.ledger).toHaveLength(4);
    expect(manifest.ledger[2]).toMatchObject({ cpu: 1, probe: 0, cut: 0n });
    expect(manifest.ledger[2]?.kinds.map).toMatchObject({ attempted: 7n, delivered: 4n, lost: { full: 3n, transport: 0n, overwritten: 0n } });
  });

  it("X4: a counter is exact and unsigned, whether printed signed or not", () =>
    fc.assert(
      fc.asyncProperty(fc.bigInt(0n, (1n << 64n) - 1n), fc.boolean(), async (count, isSigned) => {
        const manifest = await readText(TEXT.replace('"cut":0', `"cut":${isSigned ? BigInt.asIntN(64, count) : count}`));
        expect(manifest.ledger[0]?.cut).toBe(count);
      }),
    ));

  it("refuses a directory that is not there, is a file, or is empty", async () => {
    await writeFile(join(directory, "file"), "");
    await mkdir(join(directory, "empty"));
    expect(await sentenceOf(readManifest(join(directory, "none")))).toContain("there is no such directory");
    expect(await sentenceOf(readManifest(join(directory, "file")))).toContain("it is not a directory");
    expect(await sentenceOf(readManifest(join(directory, "empty")))).toBe(
      `Cannot read recording ${join(directory, "empty")}: manifest.json is missing; give a directory that a session finished writing`,
    );
  });

  it("refuses another protocol version, even where the rest is unknown", async () => {
    expect(await sentenceOf(readText('{"protocol_version":999}'))).toContain(`its protocol version is 999, this stp reads ${PROTOCOL_VERSION}`);
  });

  it("refuses a manifest truncated anywhere", async () => {
    for (let length = 0; length < TEXT.lastIndexOf("}"); length++)
      expect(await sentenceOf(readText(TEXT.slice(0, length)))).toContain("manifest.json is cut short or damaged");
  });

  it.each([
    ["no CPU count", '"cpus":2', '"cpu":2', "cpus is missing"],
    ["too many CPUs", '"cpus":2', '"cpus":65', "cpus is not an integer from 1 to 64"],
    ["a row of a CPU that it has not", '"cpu":1,"probe":1', '"cpu":2,"probe":1', "ledger[3].cpu is not an integer from 0 to 1"],
    ["a row twice", '"cpu":1,"probe":1', '"cpu":1,"probe":0', "ledger does not have one row for each of 2 CPUs and 1 probes"],
    ["a row too many", '"ledger":[', `"ledger":[${row(0, 0)},`, "ledger does not have one row for each of 2 CPUs and 1 probes"],
    ["a count that is none", '"attempted":7', '"attempted":"many"', "ledger[0].hit.attempted is not a count"],
    ["a count beyond 64 bits", '"cut":0', '"cut":18446744073709551616', "ledger[0].cut does not fit 64 bits"],
    ["a kind missing", '"map":', '"mop":', "ledger[0].map is missing"],
    ["a cause missing", '"overwritten":0', '"overwriting":0', "ledger[0].hit.lost.overwritten is missing"],
    ["a mode that there is not", '"mode":"overwrite"', '"mode":"both"', "mode is none of discard, overwrite"],
    ["no state", '"state":', '"status":', "state is missing"],
    ["a state that there is not", '"state":"running"', '"state":7', "state is none of idle, starting, running, stopping, ended"],
    ["probes that are no array", '"probes":[', '"probes":7,"x":[', "probes is not an array"],
    ["a name that is no string", '"source_hash":"ab12"', '"source_hash":12', "source_hash is not a string"],
  ])("refuses %s", async (_, from, to, why) => {
    expect(TEXT).toContain(from);
    expect(await sentenceOf(readText(TEXT.replace(from, to)))).toContain(why);
  });

  it("refuses an absurdly large file without reading it", async () => {
    expect(await sentenceOf(readText(" ".repeat((16 << 20) + 1)))).toContain("at most");
  });
});
