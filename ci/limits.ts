/** The tables of docs/limits.md that follow from spec/protocol.ts. Siblings: map-memory.ts, documents.ts. */
import { CONTEXTS, LIMITS, LOSS_CAUSES, LOSS_KINDS, SESSION_LIMITS } from "../spec/protocol.ts";
import { mapBytes, nodeBytes, type MapShape } from "./map-memory.ts";

/** What is set at load and is not a field of struct stp_config. */
const OTHER_PARAMETERS: Readonly<Record<string, string>> = { RING_SIZE_DEFAULT: "ring_size" };

/** CPUs of the tables of memory. */
const CPUS = 4;
const POINTER_BYTES = 8;
/** sizeof(struct stp_ledger): for each kind attempted, delivered and lost by cause; then two counts. */
const LEDGER_BYTES = 8 * (Object.keys(LOSS_KINDS).length * (2 + Object.keys(LOSS_CAUSES).length) + 2);

/** Maps whose memory the page shows. */
const MAPS: readonly (readonly [what: string, map: MapShape])[] = [
  ["`STP_KEYS(STP_INT64), STP_INT64`", { keys: ["int64"], value: "int64", entries_max: 2048 }],
  ["`STP_KEYS(STP_STR), STP_INT64, .string_size = 16`", { keys: ["string"], value: "int64", entries_max: 2048, string_size: 16 }],
  ["`STP_KEYS(STP_STR), STP_INT64`", { keys: ["string"], value: "int64", entries_max: 2048 }],
  ["`STP_KEYS(STP_INT64), STP_STR`", { keys: ["int64"], value: "string", entries_max: 2048 }],
  ["`STP_KEYS(STP_INT64), STP_STATS`", { keys: ["int64"], value: "stats", entries_max: 2048 }],
  ["`STP_KEYS(STP_INT64), STP_STATS, .hist = STP_HIST_LOG`", { keys: ["int64"], value: "stats", entries_max: 2048, buckets: LIMITS.HIST_BUCKETS_MAX.value }],
  ["`STP_KEYS(STP_INT64), STP_INT64, .per_cpu = true`", { keys: ["int64"], value: "int64", entries_max: 2048, per_cpu: true }],
  ["`STP_STAT(name, .hist = STP_HIST_LOG)`", { keys: [], value: "stats", entries_max: 1, per_cpu: true, buckets: LIMITS.HIST_BUCKETS_MAX.value }],
];

const row = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly string[]): string => [row(...head), row(...head.map(() => "---")), ...rows].join("\n");
const digits = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

function parameterOf(name: string): string {
  const field = Object.entries(SESSION_LIMITS).find(([, { limit }]) => limit === name)?.[0] ?? OTHER_PARAMETERS[name];
  return field === undefined ? "" : `\`${field}\``;
}

function allLimits(): string {
  return table(["limit", "default", "unit", "of what", "at load"], Object.entries(LIMITS).map(([name, { value, unit, doc }]) => row(`\`${name}\``, digits(value), unit, doc, parameterOf(name))));
}

const named = (docs: Readonly<Record<string, string>>, head: string): string => table([head, "meaning"], Object.entries(docs).map(([name, doc]) => row(`*${name}*`, doc)));

function mapMemory(): string {
  const rows = MAPS.map(([what, map]) => row(what, digits(map.entries_max), digits(nodeBytes(map, POINTER_BYTES)), digits(mapBytes(map, POINTER_BYTES, CPUS))));
  return table(["map", "entries", "bytes of a node", "bytes in all"], rows);
}

function cpuMemory(): string {
  const levels = CONTEXTS.length;
  const parts: readonly (readonly [string, string, number])[] = [
    ["ring", "`ring_size`", LIMITS.RING_SIZE_DEFAULT.value],
    ["print buffers", `${levels} levels · \`print_size\``, levels * LIMITS.PRINT_SIZE_DEFAULT.value],
    ["pool strings", `${levels} levels · \`strings\` · \`STRING_SIZE_MAX\``, levels * LIMITS.STRINGS_PER_CONTEXT.value * LIMITS.STRING_SIZE_MAX.value],
    ["ledger", `${LEDGER_BYTES} · (probes + 1), here 4 probes`, LEDGER_BYTES * 5],
  ];
  return table(["of each CPU", "bytes", "by default"], parts.map(([what, formula, bytes]) => row(what, formula, digits(bytes))));
}

/** By the name that docs/limits.md gives the place. */
export const LIMITS_TABLES: Readonly<Record<string, () => string>> = {
  limits: allLimits,
  kinds: () => named(LOSS_KINDS, "kind"),
  causes: () => named(LOSS_CAUSES, "cause"),
  "map-memory": mapMemory,
  "cpu-memory": cpuMemory,
};
