/** What probes see of the world, replayed from events (L1–L8). Sibling: runtime-c/port/watched/looks.c plays the world in C. */
import { describe, expect, test } from "vitest";
import { EVENT_FLAGS, LIMITS, type LookName, type LossCause } from "../spec/protocol.ts";
import { encodeEvent, type StpEvent, type StpLook } from "../spec/recording/event.ts";
import { decodeRecords } from "../spec/recording/record.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { compileProbe } from "./probe.ts";
import { Sandbox } from "./sandbox.ts";
import { runTrace, type TraceEvent } from "./trace.ts";
import { instantiate } from "./wasi.ts";

const runtime = runtimeSources("wasm32");

async function session(program: string): Promise<Sandbox> {
  const { wasm } = await compileProbe({ path: "probe.c", text: `#include <stp/stp.h>\n${program}` }, runtime, false);
  return new Sandbox(await instantiate(wasm, { env: { yield() {} } }), 2);
}

const number = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(value).buffer);
const look = (kind: LookName, value: StpLook["value"] | string, key = 0n, detail = 0): StpLook => ({ kind, key, detail, value: typeof value === "string" && value !== "EFAULT" && value !== "ENOENT" ? Buffer.from(value) : (value as StpLook["value"]) });
/** FNV-1a of a name (L1), written anew. */
const id = (name: string): number => [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5) >>> 0;

function event(event: Partial<StpEvent>, point: Partial<TraceEvent> = {}): TraceEvent {
  const seen = encodeEvent({ pid: 7, tid: 8, uid: 9, comm: "cat", args: [], ...event });
  return { provider: "kprobe", target: "f", nth: 0, cpu: 0, context: "task", time_ns: 5n, seen, ...point };
}

/** Runs a program over events: what it printed, CPU by CPU. */
async function run(program: string, events: readonly TraceEvent[]): Promise<{ text: string; sandbox: Sandbox }> {
  const sandbox = await session(program);
  runTrace(sandbox, events);
  const text = [0, 1].flatMap((cpu) => [...decodeRecords(sandbox.unread(cpu))].map(({ payload }) => new TextDecoder().decode(payload))).join("");
  return { text, sandbox };
}

const READS = `STP_PROBE(kprobe, "f")
{
	stp_printf(ctx, "%d %s ", stp_user_int(ctx, 16, 4), stp_user_string(ctx, 32));
	stp_printf(ctx, "%d %s\\n", stp_field(ctx, stp_task(ctx), task_struct, pid), stp_field_string(ctx, 3, net_device, name));
}
`;

function reads(sandbox: Sandbox, cause: LossCause): number {
  return sandbox.row(0, 0).read.lost[cause];
}

describe("L1 L4: a body looks", () => {
  test("and gets what its event has, a name by its hash, whatever the order", async () => {
    const looks = [look("member_string", "eth0", 3n, id("net_device.name")), look("member", number(-4n), 0x1000n, id("task_struct.pid")), look("task", number(0x1000n)), look("user_string", "hello", 32n), look("user", Uint8Array.of(1, 1, 0, 0), 16n, 4)];
    const { text, sandbox } = await run(READS, [event({ looks })]);
    expect(text).toBe("257 hello -4 eth0\n");
    expect(sandbox.row(0, 0).read).toMatchObject({ attempted: 4, delivered: 4 });
    expect(sandbox.missing).toBe(0);
  });

  test("at what could not be read, and gets 0 and no text, counted as lost by fault", async () => {
    const looks = [look("user", "EFAULT", 16n, 4), look("user_string", "EFAULT", 32n), look("task", number(1n)), look("member", "EFAULT", 1n, id("task_struct.pid")), look("member_string", "EFAULT", 3n, id("net_device.name"))];
    const { text, sandbox } = await run(READS, [event({ looks })]);
    expect(text).toBe("0  0 \n");
    expect(reads(sandbox, "fault")).toBe(4);
    expect(sandbox.missing).toBe(0);
  });
});

describe("L8: a replay", () => {
  test("gives looks of the same kind, key and detail one after the other, then again from the first", async () => {
    const program = `STP_PROBE(kprobe, "f") { u32 i; for (i = 0; i < 4; i++) stp_printf(ctx, "%d ", stp_now_ns(ctx)); }`;
    const { text } = await run(program, [event({ looks: [look("now", number(1n)), look("wall", number(9n)), look("now", number(2n)), look("now", number(3n))] })]);
    expect(text).toBe("1 2 3 1 ");
  });

  test("has a fault for what the event does not have, and says how many", async () => {
    const { text, sandbox } = await run(READS, [event({}), event({})]);
    expect(text).toBe("0  0 \n0  0 \n");
    expect(reads(sandbox, "fault")).toBe(8);
    expect(sandbox.missing).toBe(10);
  });

  test("of a made-up world makes the same values up each time, about one in 50 a fault, and misses nothing", async () => {
    const program = `STP_PROBE(kprobe, "f") { stp_printf(ctx, "%d %s %d %s %s\\n", stp_user_int(ctx, 16, 8), stp_user_string(ctx, 32), stp_field(ctx, 1, task_struct, pid), stp_stack(ctx), stp_symbol(ctx, 4)); }`;
    const events = Array.from({ length: 200 /* printed before the ring is drained */ }, (_, i) => event({ order: i + 1, flags: EVENT_FLAGS.made_up }));
    const first = await run(program, events);
    expect(first.text).toBe((await run(program, events)).text);
    expect(first.sandbox.missing).toBe(0);
    expect(reads(first.sandbox, "fault")).toBeGreaterThan(5);
    expect(reads(first.sandbox, "fault")).toBeLessThan(60);
    expect(new Set(first.text.split("\n")).size).toBeGreaterThan(190);
  });
});

describe("L2: the head of an event", () => {
  test("is the task, the arguments, the CPU and the level of the hit; the time is the trace's if nothing else is known", async () => {
    const program = `STP_PROBE(kprobe, "f") { stp_printf(ctx, "%d %d %d %s %d %d %d %d %d\\n", stp_pid(ctx), stp_tid(ctx), stp_uid(ctx), stp_execname(ctx), stp_arg(ctx, 0), stp_arg(ctx, 5), stp_cpu_id(ctx), stp_level(ctx), stp_now_ns(ctx)); }`;
    const { text } = await run(program, [event({ args: [1n, 0n, 0n, 0n, 0n, (1n << 64n) - 1n] }, { cpu: 1, context: "irq" })]);
    expect(text).toBe("7 8 9 cat 1 -1 1 2 5\n");
  });

  test("is each probe's own where two are at one point, and that of the first for a probe that the trace has not", async () => {
    const program = `STP_PROBE(kprobe, "f") { stp_printf(ctx, "a%d ", stp_arg(ctx, 0)); }
STP_PROBE(kprobe, "f") { stp_printf(ctx, "b%d ", stp_arg(ctx, 0)); }
STP_PROBE(kprobe, "f") { stp_printf(ctx, "c%d ", stp_arg(ctx, 0)); }`;
    const events = [event({ args: [1n] }), event({ args: [2n] }, { nth: 1 }), event({ args: [3n] })];
    expect((await run(program, events)).text).toBe("a1 c1 b2 a3 c3 ");
    expect((await run(program, [events[0]!])).text).toBe("a1 b1 c1 ");
  });

  test("of begin, end and error probes is what they saw live (L3)", async () => {
    const program = `STP_PROBE(begin) { stp_printf(ctx, "begin %s %d ", stp_execname(ctx), stp_wall_ns(ctx)); }
STP_PROBE(kprobe, "f") { stp_raise(ctx, "no"); }
STP_PROBE(error) { stp_printf(ctx, "error %d ", stp_wall_ns(ctx)); }
STP_PROBE(end) { stp_printf(ctx, "end %d ", stp_wall_ns(ctx)); }`;
    const own = (provider: string, time: bigint): TraceEvent => event({ comm: "stpd", looks: [look("wall", number(time))] }, { provider, target: "" });
    const { text } = await run(program, [own("begin", 1n), event({}), own("end", 3n), own("error", 2n)]);
    expect(text.replace("no", "")).toBe("begin stpd 1 end 3 error 2 ");
  });
});

describe("L6: strings", () => {
  const frames = (...list: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(list).buffer);

  test("of a vector have the width that the process's pointers have", async () => {
    const program = `STP_PROBE(kprobe, "f") { stp_printf(ctx, "[%s]", stp_user_strings(ctx, 64)); }`;
    const vector = (width: number): StpLook[] => [100n, 200n, 0n].map((pointer, i) => look("user", number(pointer).subarray(0, width), BigInt(64 + i * width), width));
    const strings = [look("user_string", "ls", 100n), look("user_string", "-l", 200n)];
    expect((await run(program, [event({ looks: [...vector(8), ...strings] })])).text).toBe("[ls -l]");
    expect((await run(program, [event({ looks: [...vector(4), ...strings], flags: EVENT_FLAGS.pointers_32 })])).text).toBe("[ls -l]");
  });

  test("L7 of backtraces say where a walk was cut, and fit into a map's key", async () => {
    const program = `STP_MAP(stacks, STP_KEYS(STP_STR), STP_INT64);
STP_PROBE(kprobe, "f") { stp_map_add(&stacks, STP_KEY(stp_stack(ctx)), 1); stp_print_user_stack(ctx); }
STP_PROBE(end) { stp_foreach(&stacks, it) stp_printf(ctx, "%s %d\\n", stp_it_str(it, 0), stp_it_int64(it)); }`;
    const deep = frames(...Array.from({ length: LIMITS.STACK_FRAMES_MAX.value }, (_, i) => 0xffffffff81000000n + BigInt(i)));
    const looks = [look("stack", frames(0xffffffff81000001n, 2n)), look("user_stack", frames(0x400000n, 0n))];
    const events = [event({ looks }), event({ looks }), event({ looks: [look("stack", deep), look("user_stack", "ENOENT")] })];
    const { text, sandbox } = await run(program, events);
    expect(text.split("\n").slice(0, 3)).toEqual(["<ustack 7 0x400000 ...>", "<ustack 7 0x400000 ...>", "<stack 0xffffffff81000001 0x2> 2"]);
    expect(text.split("\n")[3]).toMatch(/^<stack( 0x[0-9a-f]{16}){20,30} \.\.\.> 1$/);
    expect(sandbox.row(0, 0).read).toMatchObject({ attempted: 6, delivered: 6 });
  });
});

test("L5: an optional member that the recorded kernel had not gives the other value", async () => {
  const program = `STP_PROBE(kprobe, "f") { stp_printf(ctx, "%d", stp_field_or(ctx, 1, task_struct, __state, -1)); }`;
  const { text, sandbox } = await run(program, [event({ looks: [look("member", "ENOENT", 1n, id("task_struct.__state"))] })]);
  expect(text).toBe("-1");
  expect(sandbox.row(0, 0).read).toMatchObject({ attempted: 1, delivered: 1 });
});
