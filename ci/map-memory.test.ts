/** The formula of docs/limits.md against maps that are made: what they ask of a scheme that counts. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../spec/protocol.ts";
import { decodeRecords } from "../spec/recording/record.ts";
import { PROJECT_ROOT, runtimeSources } from "../spec/runtime.ts";
import { compileProbe } from "../sim/probe.ts";
import { Sandbox } from "../sim/sandbox.ts";
import { instantiate } from "../sim/wasi.ts";
import { AHEAD, mapBytes, STRUCT_BYTES, type MapShape } from "./map-memory.ts";

const COMPILER_MS_MAX = 60_000;
const BUCKETS = LIMITS.HIST_BUCKETS_MAX.value;

const MAPS: readonly MapShape[] = [
  { keys: ["int64"], value: "int64", entries_max: 2048 },
  { keys: ["int64"], value: "int64", entries_max: 1 },
  { keys: ["int64", "int64", "int64"], value: "int64", entries_max: 9 },
  { keys: ["string"], value: "int64", entries_max: 64, string_size: 16 },
  { keys: ["string", "int64"], value: "int64", entries_max: 64, string_size: 17 },
  { keys: ["string"], value: "string", entries_max: 100 },
  { keys: ["int64"], value: "stats", entries_max: 8 },
  { keys: ["int64"], value: "stats", entries_max: 8, buckets: BUCKETS },
  { keys: ["int64"], value: "int64", entries_max: 33, per_cpu: true },
  { keys: ["string"], value: "stats", entries_max: 5, string_size: 8, per_cpu: true, buckets: BUCKETS },
  { keys: [], value: "stats", entries_max: 1, per_cpu: true, buckets: BUCKETS },
  { keys: [], value: "int64", entries_max: 1 },
  { keys: ["int64"], value: "int64", entries_max: 500, reserve: 7 },
];

function definition(map: MapShape, index: number): string {
  const options = [
    `.entries_max = ${map.entries_max}`,
    ...(map.string_size === undefined ? [] : [`.string_size = ${map.string_size}`]),
    ...(map.per_cpu === undefined ? [] : [".per_cpu = true"]),
    ...(map.buckets === undefined ? [] : [".hist = STP_HIST_LOG"]),
    ...(map.reserve === undefined ? [".scheme = &counting"] : [`.scheme = &refilling, .reserve = ${map.reserve}`]),
  ];
  const type = { int64: "STP_INT64", string: "STP_STR", stats: "STP_STATS" };
  return `STP_MAP(m${index}, STP_KEYS(${map.keys.map((key) => type[key]).join(", ")}), ${type[map.value]}, ${options.join(", ")});`;
}

const PROGRAM = `#include <stp/stp.h>
static void *take(struct stp_map *map, size_t size)
{
	map->memory_used += size;
	return stp_alloc(size);
}
static void give(struct stp_map *map, void *memory)
{
	(void)map;
	stp_free(memory);
}
static const struct stp_scheme counting = { .name = "counting", .take = take, .give = give };
static const struct stp_scheme refilling = { .name = "refilling", .take = take, .give = give, .refills = true };
${MAPS.map(definition).join("\n")}
STP_PROBE(begin)
{
${MAPS.map((_, i) => `\tstp_printf(ctx, "%d ", m${i}.map.memory_used);`).join("\n")}
}
`;

describe("the memory of a map is what the formula says", () => {
  test.each([1, 3])("in the sandbox, whose pointers have 4 bytes, on %i CPUs", async (cpus) => {
    const { wasm } = await compileProbe({ path: "probe.c", text: PROGRAM }, runtimeSources("wasm32"), false);
    const sandbox = new Sandbox(await instantiate(wasm, { env: { yield() {} } }), cpus);
    sandbox.start();
    const text = [...decodeRecords(sandbox.unread(0))].map(({ payload }) => new TextDecoder().decode(payload)).join("");
    expect(text.trim().split(" ").map(Number)).toEqual(MAPS.map((map) => mapBytes(map, 4, cpus)));
  });

  test("with pointers of 8 bytes: the structs have the sizes that the formula has", () => {
    const sizes = Object.entries({ ...STRUCT_BYTES[8], stp_ledger: 416 }).map(([name, bytes]) => `_Static_assert(sizeof(struct ${name}) == ${bytes}, "${name} is not of ${bytes} bytes");`);
    const input = ["#include <stp/map.h>", ...sizes, ""].join("\n");
    const { status, stderr } = spawnSync("gcc", ["-std=gnu11", "-fsyntax-only", ...runtimeSources("native").includes.map((path) => `-I${path}`), "-xc", "-"], { cwd: PROJECT_ROOT, input, encoding: "utf8", timeout: COMPILER_MS_MAX });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("docs/limits.md has the formula with these sizes", () => {
    const page = readFileSync(join(PROJECT_ROOT, "docs/limits.md"), "utf8");
    const { stp_map_node, stp_map_part, stp_map_ref } = STRUCT_BYTES[8];
    for (const line of [
      `node     ${stp_map_node} + 8 · (words of the value + words of the key)`,
      `part     ${stp_map_part} + 8 + N · node + 8 · B`,
      `walk     2 · N · P · ${stp_map_ref} + 8 · P + ${AHEAD} · node   two of them (MAP_WALKS_MAX)`,
      `${2 * stp_map_ref * LIMITS.MAP_WALKS_MAX.value} bytes for the walks`,
    ])
      expect(page).toContain(line);
    expect(LIMITS.MAP_WALKS_MAX.value).toBe(2);
  });
});
