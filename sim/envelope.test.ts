/** The safety envelope and what the session refuses, by probes that run into each limit (X5–X7, S5, P1, M4, M12). */
import { describe, expect, test } from "vitest";
import { sizeOf } from "../spec/layout.ts";
import { LIMITS, type Context, type LossCause, type LossKind } from "../spec/protocol.ts";
import { decodeRecords } from "../spec/recording/record.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { compileProbe } from "./probe.ts";
import { Sandbox, SANDBOX_RING_BYTES, type LedgerRow, type SessionLimits } from "./sandbox.ts";
import { instantiate } from "./wasi.ts";

const HEAD = '#include <stp/stp.h>\n';
const runtime = runtimeSources("wasm32");

/** A session of a program that is written below its #include. */
async function session(program: string, limits: SessionLimits = {}, cpus = 1): Promise<Sandbox> {
  const { wasm } = await compileProbe({ path: "probe.c", text: HEAD + program }, runtime, false);
  return new Sandbox(await instantiate(wasm, { env: { yield() {} } }), cpus, SANDBOX_RING_BYTES, limits);
}

/** Hits a probe. */
function hit(sandbox: Sandbox, { probe = 0, times = 1, cpu = 0, context = "task" as Context, time_ns = 0n } = {}): void {
  for (let i = 0; i < times; i++) sandbox.hit(probe, { cpu, context, time_ns, seen: new Uint8Array(sizeOf("event")) });
}

/** What a CPU's ring holds: texts by record type. */
function read(sandbox: Sandbox, cpu = 0): { type: string; text: string }[] {
  return [...decodeRecords(sandbox.unread(cpu))].map(({ type, payload }) => ({ type, text: new TextDecoder().decode(payload) }));
}

const printed = (sandbox: Sandbox): string => read(sandbox).filter(({ type }) => type === "print").map(({ text }) => text).join("");

function lost(sandbox: Sandbox, kind: LossKind, cause: LossCause, probe = 0): number {
  const row: LedgerRow = sandbox.row(0, probe);
  expect(row[kind].attempted, kind).toBe(row[kind].delivered + Object.values(row[kind].lost).reduce((sum, count) => sum + count, 0));
  return row[kind].lost[cause];
}

describe("X6: actions", () => {
  const LOOP = `STP_PROBE(kprobe, "f")
{
	u32 rounds = 0;

	while (stp_step(ctx))
		rounds++;
	stp_printf(ctx, "%d", rounds);
}
`;

  test(`a loop by stp_step ends after HIT_ACTIONS_MAX (${LIMITS.HIT_ACTIONS_MAX.value}) rounds, the hit is lost by budget, and so is what it prints`, async () => {
    const sandbox = await session(LOOP);
    sandbox.start();
    hit(sandbox, { times: 3 });
    expect(lost(sandbox, "hit", "budget")).toBe(3);
    expect(lost(sandbox, "record", "budget")).toBe(3);
    expect(printed(sandbox)).toBe("");
  });

  test("actions may be set at load", async () => {
    const probe = `STP_PROBE(kprobe, "f")
{
	int i;

	for (i = 0; i < 5; i++)
		stp_printf(ctx, "%d", i);
}
`;
    const sandbox = await session(probe, { actions: 3 });
    sandbox.start();
    hit(sandbox);
    expect(printed(sandbox)).toBe("012");
    expect(lost(sandbox, "hit", "budget")).toBe(1);
    const enough = await session(probe, { actions: 5 });
    enough.start();
    hit(enough);
    expect(printed(enough)).toBe("01234");
    expect(lost(enough, "hit", "budget")).toBe(0);
  });

  test("begin and end probes have HIT_ACTIONS_ENDS_MAX, or actions_ends", async () => {
    const probe = `STP_PROBE(end)
{
	int i;

	for (i = 0; i < 2000; i++)
		stp_printf(ctx, "x");
}
`;
    const sandbox = await session(probe);
    sandbox.start();
    sandbox.stop();
    expect(printed(sandbox)).toBe("x".repeat(2000));
    const few = await session(probe, { actions_ends: 7 });
    few.start();
    few.stop();
    expect(printed(few)).toBe("x".repeat(7));
  });
});

describe("X6: time", () => {
  /** In the sandbox a hit takes no time by itself: the probe turns the clock of the world. */
  const SLOW = `void stp_sim_set_time(unsigned long long time_ns);
STP_PROBE(kprobe, "f")
{
	int i;

	stp_sim_set_time(stp_time_ns() + 200000000ull);
	for (i = 0; i < 40; i++)
		stp_printf(ctx, "%d ", i);
}
`;

  test("a hit that runs longer than time_us gets no action more when somebody looks at the clock", async () => {
    const sandbox = await session(SLOW);
    sandbox.start();
    hit(sandbox);
    expect(printed(sandbox)).toBe(Array.from({ length: 32 }, (_, i) => `${i} `).join(""));
    expect(lost(sandbox, "hit", "budget")).toBe(1);
  });

  test("without a time limit it goes on, and the overload throttle skips the hits that follow in the interval", async () => {
    const sandbox = await session(SLOW, { time_us: 2 ** 32 - 1, overload_percent: 10 });
    sandbox.start();
    hit(sandbox, { time_ns: 5_000_000_000n });
    expect(lost(sandbox, "hit", "budget")).toBe(0);
    hit(sandbox, { time_ns: 5_300_000_000n });
    expect(lost(sandbox, "hit", "budget")).toBe(1); // 200 ms of 1000 ms used: more than 10 %
    hit(sandbox, { time_ns: 6_300_000_000n });
    expect(lost(sandbox, "hit", "budget")).toBe(1); // a new interval
  });

  test("overload_percent of none switches the throttle off", async () => {
    const sandbox = await session(SLOW, { time_us: 2 ** 32 - 1, overload_percent: 2 ** 32 - 1 });
    sandbox.start();
    for (let i = 0n; i < 4n; i++) hit(sandbox, { time_ns: 5_000_000_000n + i * 250_000_000n });
    expect(lost(sandbox, "hit", "budget")).toBe(0);
  });
});

describe("X7: errors", () => {
  const RAISES = `STP_PROBE(kprobe, "f")
{
	stp_printf(ctx, "before ");
	stp_raise(ctx, "bad %s %d", "luck", 7);
}
STP_PROBE(end)
{
	stp_printf(ctx, "end");
}
`;

  test("an uncaught error is a record of its own behind the output, the hit is lost by error, and the session stops", async () => {
    const sandbox = await session(RAISES);
    sandbox.start();
    hit(sandbox, { times: 3 }); // the second and third are no hits of the session any more (X5)
    expect(read(sandbox)).toEqual([
      { type: "print", text: "before " },
      { type: "error", text: "bad luck 7" },
    ]);
    expect(sandbox.row(0, 0).hit).toMatchObject({ attempted: 1, delivered: 0 });
    expect(lost(sandbox, "hit", "error")).toBe(1);
    sandbox.stop();
    expect(read(sandbox).at(-1)).toEqual({ type: "print", text: "end" });
  });

  test("errors may be set at load: so many hits may end with one", async () => {
    const sandbox = await session(RAISES, { errors: 3 });
    sandbox.start();
    hit(sandbox, { times: 5 });
    expect(sandbox.row(0, 0).hit.attempted).toBe(3);
  });

  test("an error that is caught is no error, and division by zero raises one", async () => {
    const sandbox = await session(`STP_PROBE(kprobe, "f")
{
	const char *message;
	s64 ratio = stp_div(ctx, 1, 0);

	if (stp_raised(ctx) && stp_catch(ctx, &message) == 1)
		stp_printf(ctx, "%d, caught: %s; %d %d", ratio, message, stp_div(ctx, STP_INT64_MIN, -1), stp_mod(ctx, -7, 2));
}
`);
    sandbox.start();
    hit(sandbox, { times: 2 });
    expect(printed(sandbox)).toBe("0, caught: division by zero; -9223372036854775808 -1".repeat(2));
    expect(sandbox.row(0, 0).hit.delivered).toBe(2);
  });

  test("stp_exit ends the session: no hit begins after it, end probes run", async () => {
    const sandbox = await session(`STP_PROBE(kprobe, "f")
{
	stp_printf(ctx, "once");
	stp_exit(ctx);
}
STP_PROBE(end)
{
	stp_printf(ctx, ", end");
}
`);
    sandbox.start();
    hit(sandbox, { times: 3 });
    sandbox.stop();
    expect(printed(sandbox)).toBe("once, end");
  });
});

describe("what cannot begin says what to change", () => {
  test.each([
    ["a histogram's interval of 0", "STP_STAT(s, .hist = STP_HIST_LINEAR(0, 10, 0));", "map s: the histogram's interval must be 1 or more, not 0"],
    ["a negative interval", "STP_STAT(s, .hist = STP_HIST_LINEAR(0, 10, -5));", "map s: the histogram's interval must be 1 or more, not -5"],
    ["a histogram that ends before it begins", "STP_STAT(s, .hist = STP_HIST_LINEAR(10, 0, 1));", "map s: the histogram's low of 10 is above its high of 0; exchange them"],
    ["127 buckets", "STP_STAT(s, .hist = STP_HIST_LINEAR(0, 126, 1));", "map s: a histogram has at most 126 buckets, not 127; make the interval larger"],
    ["a per-CPU map of strings", "STP_MAP(m, STP_KEYS(STP_INT64), STP_STR, .per_cpu = true);", "map m: strings cannot be merged; leave out .per_cpu or store numbers"],
    ["a histogram of numbers", "STP_MAP(m, STP_KEYS(STP_INT64), STP_INT64, .hist = STP_HIST_LOG);", "map m: only statistics have a histogram; leave out .hist or store STP_STATS"],
    ["a map that is too large", "STP_MAP(m, STP_KEYS(STP_INT64), STP_INT64, .entries_max = STP_MAP_ENTRIES_MAX + 1);", `map m: entries_max must be 1 to ${LIMITS.MAP_ENTRIES_MAX.value} and string_size 1 to ${LIMITS.STRING_SIZE_MAX.value}`],
    ["a reserve of nothing", "STP_MAP(m, STP_KEYS(STP_INT64), STP_INT64, .scheme = &stp_scheme_reserve);", "map m: a reserve needs .reserve, from 1 to entries_max"],
    ["too little static memory", "static char memory[4096];\nSTP_MAP(m, STP_KEYS(STP_INT64), STP_INT64, .scheme = &stp_scheme_static, .memory = memory, .memory_size = sizeof(memory));", /map m: 4096 bytes of .memory are too few; it needs \d+ so far/],
    ["a format with too few arguments", 'STP_PROBE(begin)\n{\n\tstp_printf(ctx, "%d %s\\n", 1);\n}', /probe\.c:4: the format does not fit its arguments in number or types, or has an unknown directive: %d %s/],
    ["a format with an argument of another type", 'STP_PROBE(begin)\n{\n\tstp_printf(ctx, "%d", "one");\n}', /probe\.c:4: the format does not fit/],
    ["a format with an unknown directive", 'STP_PROBE(begin)\n{\n\tstp_printf(ctx, "%y", 1);\n}', /probe\.c:4: the format does not fit/],
  ])("%s", async (_what, program, sentence) => {
    await expect(session(`${program}\n`)).rejects.toThrow(sentence);
  });

  test("126 buckets are enough for a histogram", async () => {
    await session("STP_STAT(s, .hist = STP_HIST_LINEAR(0, 125, 1));\n");
  });

  test.each([
    ["a key of the wrong type", 'STP_MAP(m, STP_KEYS(STP_STR), STP_INT64);\nSTP_PROBE(begin)\n{\n\tstp_map_add(&m, STP_KEY(5), 1);\n}', "the key has not the number and types of parts of the map's STP_KEYS()"],
    ["a key of too many parts", "STP_MAP(m, STP_KEYS(STP_INT64), STP_INT64);\nSTP_PROBE(begin)\n{\n\tstp_map_get(&m, STP_KEY(5, 6));\n}", "the key has not the number and types of parts of the map's STP_KEYS()"],
    ["a value of the wrong type", "STP_MAP(m, STP_KEYS(STP_INT64), STP_STR);\nSTP_PROBE(begin)\n{\n\tstp_map_set(&m, STP_KEY(5), 6);\n}", "the map's values are of another type"],
    ["ten key parts", `STP_MAP(m, STP_KEYS(${Array(10).fill("STP_INT64").join(", ")}), STP_INT64);`, "the key of map m has more parts than STP_KEY_PARTS_MAX"],
  ])("the compiler refuses %s", async (_what, program, sentence) => {
    await expect(session(`${program}\n`)).rejects.toThrow(sentence);
  });
});

describe("memory schemes", () => {
  const fill = (options: string): string => `${options}
STP_PROBE(kprobe, "f")
{
	stp_map_push(&m, 1);
	stp_printf(ctx, "%d ", stp_map_size(&m));
}
`;

  test("static: the map lives in an array of the program", async () => {
    const sandbox = await session(fill("static char memory[1 << 16];\nSTP_LIST(m, STP_INT64, .entries_max = 3, .scheme = &stp_scheme_static, .memory = memory, .memory_size = sizeof(memory));"));
    sandbox.start();
    hit(sandbox, { times: 5 });
    expect(printed(sandbox)).toBe("1 2 3 3 3 ");
    expect(lost(sandbox, "map", "full")).toBe(2);
  });

  test("reserve: empty until it is filled outside of probes, up to entries_max", async () => {
    const sandbox = await session(fill("STP_LIST(m, STP_INT64, .entries_max = 7, .scheme = &stp_scheme_reserve, .reserve = 2);"));
    sandbox.start();
    hit(sandbox, { times: 3 });
    expect(lost(sandbox, "map", "full")).toBe(1);
    for (let i = 0; i < 6; i++) {
      sandbox.refill();
      hit(sandbox);
    }
    expect(printed(sandbox)).toBe("1 2 2 3 4 5 6 7 7 ");
    expect(lost(sandbox, "map", "full")).toBe(2);
  });

  test("map_entries, set at load, is the capacity of a map that names none", async () => {
    const sandbox = await session(fill("STP_LIST(m, STP_INT64);"), { map_entries: 2 });
    sandbox.start();
    hit(sandbox, { times: 3 });
    expect(printed(sandbox)).toBe("1 2 2 ");
  });
});

test("a probe of every kind of map, statistic and text prints what it should", async () => {
  const sandbox = await session(`STP_MAP(texts, STP_KEYS(STP_INT64, STP_STR), STP_STR, .entries_max = 4, .string_size = 16);
STP_MAP(recent, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 2, .wrap = true);
STP_MAP(sizes, STP_KEYS(STP_STR), STP_STATS, .per_cpu = true, .entries_max = 4, .string_size = 16);
STP_STAT(times, .hist = STP_HIST_LOG);
STP_PROBE(kprobe, "f")
{
	int i;

	stp_map_set_string(&texts, STP_KEY(1, "a"), "one");
	stp_map_append(&texts, STP_KEY(1, "a"), " more");
	stp_map_set_string(&texts, STP_KEY(2, "b"), "two");
	for (i = 0; i < 4; i++) {
		stp_map_add(&recent, STP_KEY(i), 10 * i);
		stp_map_stat_add(&sizes, STP_KEY(i % 2 ? "odd" : "even"), i);
		stp_stat_add(&times, i * i);
	}
	stp_printf(ctx, "%s|%d%d|", stp_map_get_string(ctx, &texts, STP_KEY(1, "a")), stp_map_contains(&texts, STP_KEY(STP_ANY, "b")),
		   stp_map_contains(&texts, STP_KEY(3, STP_ANY)));
	stp_printf(ctx, "%d %d|", stp_map_get(&recent, STP_KEY(0)), stp_map_get(&recent, STP_KEY(3)));
	stp_printf(ctx, "%d %d %d %d %d %d|", stp_map_count(&sizes, STP_KEY("odd")), stp_map_sum(&sizes, STP_KEY("odd")), stp_map_min(&sizes, STP_KEY("odd")),
		   stp_map_max(&sizes, STP_KEY("odd")), stp_map_avg(&sizes, STP_KEY("odd")), stp_map_variance(&sizes, STP_KEY("odd")));
	stp_printf(ctx, "%d %d %d\\n", stp_stat_count(&times), stp_stat_sum(&times), stp_stat_max(&times));
	stp_foreach(&sizes, it, .sort = STP_BY_SUM_DESC, .limit = 1)
		stp_printf(ctx, "%s %d\\n", stp_it_str(it, 0), (s64)stp_it_stats(it)->sum[0]);
	stp_print_map(ctx, &recent, .sort = STP_BY_VALUE_DESC, .remove = true);
	stp_print_map(ctx, &texts, .sort = STP_BY_KEY_DESC(2));
	stp_print_hist(ctx, &times, STP_KEY());
	stp_printf(ctx, "%d %d\\n", stp_map_size(&recent), stp_map_del_slice(&texts, STP_KEY(STP_ANY, STP_ANY)));
}
`);
  sandbox.start();
  hit(sandbox);
  expect(printed(sandbox)).toBe(`one more|10|0 30|2 4 1 3 2 2|4 14 9
odd 4
recent[3]=30
recent[2]=20
texts[2,"b"]="two"
texts[1,"a"]="one more"
value |-------------------------------------------------- count
    0 |@                                                  1
    1 |@                                                  1
    2 |                                                   0
    4 |@                                                  1
    8 |@                                                  1
   16 |                                                   0
   32 |                                                   0

0 2
`);
});
