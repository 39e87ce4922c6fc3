/**
 * The loss report as people and programs read it.
 *
 * Siblings: ledger.ts makes it.
 */
import type { Manifest } from "../../spec/recording/manifest.ts";
import type { LossReport } from "./ledger.ts";

/** Lines for stderr; none if nothing was lost and everything agrees. */
export function ledgerText(report: LossReport, manifest: Manifest): readonly string[] {
  return [...lossTable(report, manifest), ...report.imbalances.map((row) => imbalanceLine(row, manifest)), ...report.mismatches.map(mismatchLine)];
}

/** One object. Counts are numbers up to 2^53 - 1, decimal strings above. */
export function ledgerJson(report: LossReport): string {
  return JSON.stringify(report, (_, value: unknown) => (typeof value === "bigint" ? jsonCount(value) : value));
}

function jsonCount(count: bigint): number | string {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count.toString();
}

/** `kprobe "do_sys_openat2", line 3`, as far as there is such a thing. */
function probeName(probe: number, { probes }: Manifest): string {
  const found = probes[probe];
  if (found === undefined) return "outside any probe";
  return `${found.provider}${found.target && ` ${JSON.stringify(found.target)}`}, line ${found.line}`;
}

function lossTable({ losses, cuts, evictions }: LossReport, manifest: Manifest): readonly string[] {
  const rows = [
    ...losses.map(({ probe, kind, cause, lost, attempted }) => [`${lost}`, `${attempted}`, kind, cause, probeName(probe, manifest)] as const),
    ...cuts.map(({ probe, cut }) => [`${cut}`, "", "text", "cut", probeName(probe, manifest)] as const),
    ...evictions.map(({ probe, evicted }) => [`${evicted}`, "", "entry", "evicted", probeName(probe, manifest)] as const),
  ];
  if (rows.length === 0) return [];
  return aligned([["LOST", "OF", "KIND", "CAUSE", "PROBE"], ...rows]);
}

type TableRow = readonly [lost: string, of: string, kind: string, cause: string, probe: string];

/** Numbers to the right, words to the left. */
function aligned(rows: readonly TableRow[]): readonly string[] {
  const width = (column: 0 | 1 | 2 | 3): number => Math.max(...rows.map((row) => row[column].length));
  const widths = [width(0), width(1), width(2), width(3)] as const;
  return rows.map(
    ([lost, of, kind, cause, probe]) =>
      `${lost.padStart(widths[0])}  ${of.padStart(widths[1])}  ${kind.padEnd(widths[2])}  ${cause.padEnd(widths[3])}  ${probe}`,
  );
}

function imbalanceLine({ cpu, probe, kind, attempted, delivered, lost }: LossReport["imbalances"][number], manifest: Manifest): string {
  return (
    `bug of the runtime: the ledger does not balance on CPU ${cpu} for ${kind} of ${probeName(probe, manifest)}: ` +
    `attempted ${attempted}, delivered ${delivered}, lost ${lost}; please report it with manifest.json`
  );
}

function mismatchLine({ cpu, delivered, found, explained, not_kept }: LossReport["mismatches"][number]): string {
  const stream = `cpu${cpu}.data`;
  if (found > delivered) return `${stream} holds ${found} records, but the ledger counts ${delivered} as delivered: a bug of the runtime`;
  const missing = `${stream}: ${delivered - found} of ${delivered} delivered records`;
  if (explained) return not_kept > 0 ? `${missing} are not in what was kept, see above` : `${missing} could not be read, see above`;
  return `${stream} holds ${found} of ${delivered} delivered records, with no damage seen: the end was lost, or it is a bug of the runtime`;
}
