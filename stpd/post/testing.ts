/**
 * Recordings made by hand, for tests and benchmarks.
 *
 * Siblings: spec/recording/record.ts encodes the records; *.test.ts damage them.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LOSS_CAUSES, LOSS_KINDS, PROTOCOL_VERSION } from "../../spec/protocol.ts";
import { encodeRecord, type StpRecord } from "../../spec/recording/record.ts";

/** A record before it has a place in a stream. */
export type Draft = Partial<Omit<StpRecord, "cpu" | "sequence" | "payload">> & { readonly text?: string; readonly payload?: Uint8Array };

/** The drafts as records of one CPU, each with its sequence. */
export function recordsOf(cpu: number, drafts: readonly Draft[]): readonly StpRecord[] {
  let sequence = 0n;
  return drafts.map((draft, i) => {
    const { context = "task", type = "print", probe = 0, time_ns = BigInt(i), text = `cpu ${cpu} record ${i}\n` } = draft;
    const record = { cpu, context, type, probe, sequence, time_ns, payload: draft.payload ?? new TextEncoder().encode(text) };
    sequence += BigInt(encodeRecord(record).length);
    return record;
  });
}

/** The bytes of a CPU's file. */
export function dataOf(records: readonly StpRecord[]): Buffer {
  return Buffer.concat(records.map(encodeRecord));
}

type JsonCount = { attempted: number; delivered: number; lost: Record<string, number> };
export type JsonRow = { cpu: number; probe: number; cut: number; evicted: number } & { [kind: string]: number | JsonCount };

/** A count that balances. */
export function jsonCount(delivered: number, lost: Readonly<Record<string, number>> = {}): JsonCount {
  const all = { ...Object.fromEntries(Object.keys(LOSS_CAUSES).map((cause) => [cause, 0])), ...lost };
  return { attempted: Object.values(all).reduce((a, b) => a + b, delivered), delivered, lost: all };
}

/** Rows of a program with one probe, in which each CPU's probe delivered so many records. */
export function jsonLedger(delivered: readonly number[]): JsonRow[] {
  const row = (cpu: number, probe: number, records: number): JsonRow =>
    ({ cpu, probe, cut: 0, evicted: 0, ...Object.fromEntries(Object.keys(LOSS_KINDS).map((kind) => [kind, jsonCount(kind === "record" ? records : 0)])) }) as JsonRow;
  return delivered.flatMap((records, cpu) => [row(cpu, 0, records), row(cpu, 1, 0)]);
}

/** A manifest as runtime-c/src/manifest.c would write it. */
export function jsonManifest(delivered: readonly number[]) {
  return {
    protocol_version: PROTOCOL_VERSION,
    source_hash: "0123abcd",
    world: "sandbox",
    release: "none",
    cpus: delivered.length,
    time_ns: 1000,
    addresses: 0,
    user_addresses: 0,
    mode: "discard",
    transport: "relay",
    ring_size: 1 << 20,
    state: "ended",
    probes: [{ provider: "kprobe", target: "do_sys_openat2", line: 5 }],
    maps: [{ name: "opens", entries_max: 2048, size: 3 }],
    ledger: jsonLedger(delivered),
  };
}

/** Writes a recording; an undefined file is left out. */
export async function writeRecording(directory: string, files: readonly (Uint8Array | undefined)[], manifest: unknown): Promise<string> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "manifest.json"), JSON.stringify(manifest));
  await Promise.all(files.map(async (bytes, cpu) => bytes && writeFile(join(directory, `cpu${cpu}.data`), bytes)));
  return directory;
}
