/**
 * How much memory a map takes at init: what runtime-c/src/map_init.c asks of its scheme, as numbers.
 *
 * map-memory.test.ts compares it with maps that are made. Sibling: limits.ts makes a table of it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONTEXTS, LIMITS } from "../spec/protocol.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";

export interface MapShape {
  readonly keys: readonly ("int64" | "string")[];
  readonly value: "int64" | "string" | "stats";
  readonly entries_max: number;
  readonly string_size?: number;
  readonly per_cpu?: true;
  /** Buckets of its histogram. */
  readonly buckets?: number;
  /** stp_scheme_reserve: nodes of a part. */
  readonly reserve?: number;
}

/** Bytes of the structs of map_core.h, by bytes of a pointer. */
export const STRUCT_BYTES = {
  4: { stp_map_node: 32, stp_map_part: 128, stp_map_ref: 16 },
  8: { stp_map_node: 40, stp_map_part: 128, stp_map_ref: 24 },
} as const;
export type PointerBytes = keyof typeof STRUCT_BYTES;

const WORD_BYTES = 8;
/** sizeof(struct stp_stats) in words: count, min, max, sum and sumsq of two. */
const STATS_WORDS = 7;
const BUCKETS_MIN = 8;
/** struct block of map_init.c. */
const BLOCK_BYTES = 8;

/** Entries that a walk copies at a time. */
export const AHEAD = Number(/^#define STP_MAP_AHEAD (\d+)/m.exec(readFileSync(join(PROJECT_ROOT, "runtime-c/include/stp/map_core.h"), "utf8"))![1]);

/** Bytes of one entry's node. */
export function nodeBytes({ keys, value, string_size = LIMITS.STRING_SIZE_MAX.value, buckets = 0 }: MapShape, pointer: PointerBytes): number {
  const stringWords = 1 + Math.ceil(string_size / WORD_BYTES);
  const valueWords = value === "stats" ? STATS_WORDS + buckets : value === "string" ? stringWords : 1;
  const keyWords = keys.reduce((sum, type) => sum + (type === "string" ? stringWords : 1), 0);
  return STRUCT_BYTES[pointer].stp_map_node + WORD_BYTES * (valueWords + keyWords);
}

/** Parts of a map: of a per-CPU map one for each CPU, without key parts one for each CPU and context level. */
export function partsOf({ keys, per_cpu }: MapShape, cpus: number): number {
  if (per_cpu === undefined) return 1;
  return keys.length === 0 ? cpus * CONTEXTS.length : cpus;
}

/** Bytes that a map asks of its scheme at init. */
export function mapBytes(map: MapShape, pointer: PointerBytes, cpus: number): number {
  const { stp_map_part, stp_map_ref } = STRUCT_BYTES[pointer];
  const { entries_max: entries } = map;
  const node = nodeBytes(map, pointer);
  const parts = partsOf(map, cpus);
  let buckets = BUCKETS_MIN;
  while (buckets < entries) buckets *= 2;
  const part = stp_map_part + BLOCK_BYTES + (map.reserve ?? entries) * node + buckets * pointer;
  const room = 2 * entries * parts * stp_map_ref + parts * WORD_BYTES + AHEAD * node;
  return parts * part + LIMITS.MAP_WALKS_MAX.value * room;
}
