/**
 * The manifest of a recording: what ran, where, and the ledger (X4).
 *
 * It must never be half-believed: a manifest that lacks anything is refused with a sentence.
 * Siblings: runtime-c/src/manifest.c writes it; record.ts is the other half of a recording.
 */
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { StpError, messageOf } from "../errors.ts";
import { LIMITS, LOSS_CAUSES, LOSS_KINDS, PROTOCOL_VERSION, RING_MODES, STATES, TRANSPORTS, type LossCause, type LossKind, type RingMode, type Transport } from "../protocol.ts";
import { counter, elements, field, integer, oneOf, parseJson, ShapeError, text, type Json } from "./json.ts";

/** Bytes of the largest manifest that is read; the largest session's is below 8 MB. */
const MANIFEST_SIZE_MAX = 16 << 20;

export interface ManifestProbe {
  readonly provider: string;
  /** Attach point; empty for begin and end. */
  readonly target: string;
  /** Line of the probe's source. */
  readonly line: number;
}

export interface ManifestMap {
  readonly name: string;
  readonly entries_max: number;
  /** Entries at the end. */
  readonly size: number;
}

export type SessionState = (typeof STATES)[number];

/** Counters are exact, unsigned, and wrap modulo 2^64. */
export interface LedgerCount {
  readonly attempted: bigint;
  readonly delivered: bigint;
  readonly lost: Readonly<Record<LossCause, bigint>>;
}

export interface LedgerRow {
  readonly cpu: number;
  /** Index into `probes`; `probes.length` is the row of calls outside any probe (X3). */
  readonly probe: number;
  /** Strings and texts shortened at a limit. */
  readonly cut: bigint;
  readonly evicted: bigint;
  readonly kinds: Readonly<Record<LossKind, LedgerCount>>;
}

export interface Manifest {
  readonly protocol_version: number;
  readonly source_hash: string;
  /** "sandbox", "native", "kernel", … */
  readonly world: string;
  /** Kernel release, or what stands for it. */
  readonly release: string;
  readonly cpus: number;
  /** When it was written, on the records' clock. */
  readonly time_ns: bigint;
  /** Whether the program asked for backtraces, so that the recording has symbols. */
  readonly addresses: boolean;
  /** Whether it asked for backtraces of user space, so that the recording has mappings of processes. */
  readonly user_addresses: boolean;
  /** What a full ring did. */
  readonly mode: RingMode;
  readonly transport: Transport;
  /** Bytes of each CPU's ring. */
  readonly ring_size: number;
  /** Anything but "ended": the session still runs, or its stpd was killed, and the ledger is not final. */
  readonly state: SessionState;
  readonly probes: readonly ManifestProbe[];
  readonly maps: readonly ManifestMap[];
  /** One row for each CPU and probe, and one for each CPU's calls outside any probe. */
  readonly ledger: readonly LedgerRow[];
}

/** Reads and checks `manifest.json` of a recording. Throws StpError if the directory is not a usable recording. */
export async function readManifest(directory: string): Promise<Manifest> {
  await checkDirectory(directory);
  const written = await readText(directory);
  try {
    return manifestOf(parseJson(written));
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw unusable(directory, `manifest.json is cut short or damaged (${cause.message}); record again`, cause);
    if (cause instanceof ShapeError) throw unusable(directory, `in manifest.json ${cause.message}; record again`, cause);
    if (cause instanceof VersionError) throw unusable(directory, cause.message, cause);
    throw cause;
  }
}

class VersionError extends Error {}

function unusable(directory: string, why: string, cause?: unknown): StpError {
  return new StpError(`Cannot read recording ${directory}: ${why}`, { cause });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

async function checkDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") throw unusable(directory, "there is no such directory; give the one that a session wrote", cause);
    throw unusable(directory, `${messageOf(cause)}; give a directory that you may read`, cause);
  });
  if (!found.isDirectory()) throw unusable(directory, "it is not a directory; give the one that holds manifest.json");
}

async function readText(directory: string): Promise<string> {
  const path = join(directory, "manifest.json");
  const found = await stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT")
      throw unusable(directory, "manifest.json is missing; give a directory that a session finished writing", cause);
    throw unusable(directory, `${messageOf(cause)}; make manifest.json readable`, cause);
  });
  if (!found.isFile()) throw unusable(directory, "manifest.json is not a file; give a directory that a session wrote");
  if (found.size > MANIFEST_SIZE_MAX)
    throw unusable(directory, `manifest.json has ${found.size} bytes, at most ${MANIFEST_SIZE_MAX} are read; record again`);
  try {
    return await readUpTo(path, MANIFEST_SIZE_MAX);
  } catch (cause) {
    throw unusable(directory, `${messageOf(cause)}; make manifest.json readable`, cause);
  }
}

/** Not readFile: the file may grow after its size was looked at. */
async function readUpTo(path: string, size_max: number): Promise<string> {
  const file = await open(path);
  try {
    const chunks: Buffer[] = [];
    for (let size = 0; size < size_max; ) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(Math.min(1 << 16, size_max - size)), position: size });
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    return Buffer.concat(chunks).toString("utf8");
  } finally {
    await file.close();
  }
}

function manifestOf(json: Json): Manifest {
  const protocol_version = integer(field(json, "protocol_version"), 0, Number.MAX_SAFE_INTEGER);
  if (protocol_version !== PROTOCOL_VERSION)
    throw new VersionError(`its protocol version is ${protocol_version}, this stp reads ${PROTOCOL_VERSION}; use the stp that recorded it`);
  const probes = elements(field(json, "probes")).map(probeOf);
  const cpus = integer(field(json, "cpus"), 1, LIMITS.CPUS_MAX.value);
  return {
    protocol_version,
    source_hash: text(field(json, "source_hash")),
    world: text(field(json, "world")),
    release: text(field(json, "release")),
    cpus,
    time_ns: counter(field(json, "time_ns")),
    addresses: integer(field(json, "addresses"), 0, 1) === 1,
    user_addresses: integer(field(json, "user_addresses"), 0, 1) === 1,
    mode: oneOf(field(json, "mode"), RING_MODES),
    transport: oneOf(field(json, "transport"), TRANSPORTS),
    ring_size: integer(field(json, "ring_size"), 0, Number.MAX_SAFE_INTEGER),
    state: oneOf(field(json, "state"), STATES),
    probes,
    maps: elements(field(json, "maps")).map(mapOf),
    ledger: ledgerOf(field(json, "ledger"), cpus, probes.length),
  };
}

function probeOf(json: Json): ManifestProbe {
  return {
    provider: text(field(json, "provider")),
    target: text(field(json, "target")),
    line: integer(field(json, "line"), 0, Number.MAX_SAFE_INTEGER),
  };
}

function mapOf(json: Json): ManifestMap {
  return {
    name: text(field(json, "name")),
    entries_max: integer(field(json, "entries_max"), 0, LIMITS.MAP_ENTRIES_MAX.value),
    size: integer(field(json, "size"), 0, LIMITS.MAP_ENTRIES_MAX.value),
  };
}

function ledgerOf(json: Json, cpus: number, probes: number): readonly LedgerRow[] {
  const rows = elements(json).map((row) => rowOf(row, cpus, probes));
  const places = new Set(rows.map((row) => row.cpu * (probes + 1) + row.probe));
  const expected = cpus * (probes + 1);
  if (rows.length !== expected || places.size !== expected)
    throw new ShapeError(`${json.path} does not have one row for each of ${cpus} CPUs and ${probes} probes`);
  return rows;
}

function rowOf(json: Json, cpus: number, probes: number): LedgerRow {
  return {
    cpu: integer(field(json, "cpu"), 0, cpus - 1),
    probe: integer(field(json, "probe"), 0, probes),
    cut: counter(field(json, "cut")),
    evicted: counter(field(json, "evicted")),
    kinds: mapRecord(LOSS_KINDS, (kind) => countOf(field(json, kind))),
  };
}

function countOf(json: Json): LedgerCount {
  const lost = field(json, "lost");
  return {
    attempted: counter(field(json, "attempted")),
    delivered: counter(field(json, "delivered")),
    lost: mapRecord(LOSS_CAUSES, (cause) => counter(field(lost, cause))),
  };
}

function mapRecord<Name extends string, Value>(names: Readonly<Record<Name, unknown>>, value: (name: Name) => Value): Record<Name, Value> {
  const entries = (Object.keys(names) as Name[]).map((name) => [name, value(name)] as const);
  return Object.fromEntries(entries) as Record<Name, Value>;
}
