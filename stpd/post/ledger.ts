/**
 * What was lost, where and why; and whether the ledger can be believed (X4).
 *
 * Nothing is said where nothing was lost. A row that does not add up, or a file that holds other records than were
 * delivered, is an accusation, of the runtime or of whoever wrote the file, never a loss.
 * Siblings: spec/recording/manifest.ts reads the ledger, ledger-text.ts says it.
 */
import { LOSS_CAUSES, LOSS_KINDS, type LossCause, type LossKind } from "../../spec/protocol.ts";
import type { LedgerCount, Manifest } from "../../spec/recording/manifest.ts";

/** Summed over CPUs, modulo 2^64. */
export interface Loss {
  /** Index into the manifest's probes; their number stands for "outside any probe". */
  readonly probe: number;
  readonly kind: LossKind;
  readonly cause: LossCause;
  readonly lost: bigint;
  /** Of how many of this kind and probe. */
  readonly attempted: bigint;
}

/** Strings and texts shortened at a limit, summed over CPUs. */
export interface Cut {
  readonly probe: number;
  readonly cut: bigint;
}

/** Entries that wrap maps dropped for newer ones, summed over CPUs. */
export interface Eviction {
  readonly probe: number;
  readonly evicted: bigint;
}

/** A row in which attempted is not delivered + lost: a bug of the runtime. */
export interface Imbalance {
  readonly cpu: number;
  readonly probe: number;
  readonly kind: LossKind;
  readonly attempted: bigint;
  readonly delivered: bigint;
  readonly lost: bigint;
}

/** A file that does not hold as many records as its CPU delivered. */
export interface Mismatch {
  readonly cpu: number;
  readonly delivered: bigint;
  readonly found: bigint;
  /** Records are missing and so is, by what the reader reported, data of this CPU; or its first bytes, on purpose. */
  readonly explained: boolean;
  /** Bytes that were not kept, of the begin of its stream. */
  readonly not_kept: number;
}

export interface LossReport {
  readonly losses: readonly Loss[];
  readonly cuts: readonly Cut[];
  readonly evictions: readonly Eviction[];
  readonly imbalances: readonly Imbalance[];
  readonly mismatches: readonly Mismatch[];
  /** The ledger balances and agrees with the files, damage apart. Losses do not make it false. */
  readonly ok: boolean;
}

/** What was read of a CPU's file. */
export interface CpuFound {
  readonly records: number;
  /** Whether some of its data could not be read, and this was reported. */
  readonly incomplete: boolean;
  /** Bytes that were not kept, of the begin of its stream. */
  readonly not_kept: number;
}

const KINDS = Object.keys(LOSS_KINDS) as readonly LossKind[];
const CAUSES = Object.keys(LOSS_CAUSES) as readonly LossCause[];

/** That of a session that has not ended: its counters were read while they ran. */
export const LOSSES_UNKNOWN: LossReport = { losses: [], cuts: [], evictions: [], imbalances: [], mismatches: [], ok: true };

/** `found` by CPU; without it (reading was stopped) the files are not compared. Says nothing if the session has not ended. */
export function lossReport(manifest: Manifest, found?: readonly CpuFound[]): LossReport {
  if (manifest.state !== "ended") return LOSSES_UNKNOWN;
  const probes = Array.from({ length: manifest.probes.length + 1 }, (_, probe) => probe);
  const imbalances = imbalancesOf(manifest);
  const mismatches = found === undefined ? [] : mismatchesOf(manifest, found);
  return {
    losses: probes.flatMap((probe) => KINDS.flatMap((kind) => lossesOf(manifest, probe, kind))),
    cuts: probes.map((probe) => ({ probe, cut: sum(rowsOf(manifest, probe).map((row) => row.cut)) })).filter(({ cut }) => cut !== 0n),
    evictions: probes.map((probe) => ({ probe, evicted: sum(rowsOf(manifest, probe).map((row) => row.evicted)) })).filter(({ evicted }) => evicted !== 0n),
    imbalances,
    mismatches,
    ok: imbalances.length === 0 && mismatches.every((mismatch) => mismatch.explained),
  };
}

/** Counters wrap modulo 2^64, and so do their sums. */
function sum(counts: readonly bigint[]): bigint {
  return BigInt.asUintN(64, counts.reduce((total, count) => total + count, 0n));
}

function lostOf(count: LedgerCount): bigint {
  return sum(CAUSES.map((cause) => count.lost[cause]));
}

function rowsOf(manifest: Manifest, probe: number): Manifest["ledger"] {
  return manifest.ledger.filter((row) => row.probe === probe);
}

function lossesOf(manifest: Manifest, probe: number, kind: LossKind): readonly Loss[] {
  const counts = rowsOf(manifest, probe).map((row) => row.kinds[kind]);
  const attempted = sum(counts.map((count) => count.attempted));
  return CAUSES.map((cause) => ({ probe, kind, cause, lost: sum(counts.map((count) => count.lost[cause])), attempted })).filter(
    ({ lost }) => lost !== 0n,
  );
}

function imbalancesOf(manifest: Manifest): readonly Imbalance[] {
  return manifest.ledger.flatMap(({ cpu, probe, kinds }) =>
    KINDS.map((kind) => {
      const { attempted, delivered } = kinds[kind];
      return { cpu, probe, kind, attempted, delivered, lost: lostOf(kinds[kind]) };
    }).filter(({ attempted, delivered, lost }) => attempted !== sum([delivered, lost])),
  );
}

function mismatchesOf(manifest: Manifest, found: readonly CpuFound[]): readonly Mismatch[] {
  return found
    .map(({ records, incomplete, not_kept }, cpu) => {
      const rows = manifest.ledger.filter((row) => row.cpu === cpu);
      const delivered = sum(rows.map((row) => row.kinds.record.delivered));
      return { cpu, delivered, found: BigInt(records), explained: (incomplete || isRotated(manifest, not_kept)) && BigInt(records) < delivered, not_kept };
    })
    .filter((mismatch) => mismatch.found !== mismatch.delivered);
}

/** Whether delivered records may be missing because the files of the stream's begin were removed. What a ring overwrote is not counted as delivered. */
function isRotated({ mode }: Manifest, not_kept: number): boolean {
  return mode === "discard" && not_kept > 0;
}
