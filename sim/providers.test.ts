/** Every provider in the sandbox: its hits come from a trace, at the level where they were, with what they saw. */
import { expect, test } from "vitest";
import { CONTEXTS, type Context } from "../spec/protocol.ts";
import { encodeEvent, type StpLook } from "../spec/recording/event.ts";
import { decodeRecords } from "../spec/recording/record.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { compileProbe } from "./probe.ts";
import { Sandbox } from "./sandbox.ts";
import { runTrace, type TraceEvent } from "./trace.ts";
import { instantiate } from "./wasi.ts";

const number = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(value).buffer);
const look = (kind: StpLook["kind"], value: StpLook["value"], detail = 0): StpLook => ({ kind, key: 0n, detail, value });
/** FNV-1a of a field's name (L1). */
const id = (name: string): number => [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5) >>> 0;

/** Provider, target, level, what a body does there, and what it then prints. */
const PROVIDERS: readonly (readonly [provider: string, target: string, context: Context, body: string, looks: readonly StpLook[], text: string])[] = [
  ["kprobe", "f", "softirq", 'stp_printf(ctx, "%d", stp_arg(ctx, 0))', [], "11"],
  ["kretprobe", "f", "task", 'stp_printf(ctx, "%d %d %d", stp_arg(ctx, 0), stp_returned(ctx), stp_entry_ns(ctx))', [look("returned", number(-2n)), look("entry", number(3n))], "11 -2 3"],
  ["tracepoint", "sched:sched_switch", "irq", 'stp_printf(ctx, "%d %s", stp_tracepoint_int(ctx, prev_pid), stp_tracepoint_string(ctx, next_comm))', [look("field", number(7n), id("prev_pid")), look("field_string", Buffer.from("init"), id("next_comm"))], "7 init"],
  ["timer", "100ms", "irq", 'stp_printf(ctx, "%d", stp_now_ns(ctx))', [look("now", number(5n))], "5"],
  ["profile", "97hz", "nmi", 'stp_printf(ctx, "%s", stp_stack(ctx))', [look("stack", number(0x10n))], "<stack 0x10>"],
  ["uprobe", "/bin/sh:main", "task", 'stp_printf(ctx, "%s", stp_user_stack(ctx))', [look("user_stack", number(0x20n))], "<ustack 9 0x20>"],
  ["perf", "page-faults", "task", "stp_print_registers(ctx)", [look("registers", Buffer.from("rip 1\n"))], "rip 1\n"],
  ["control_read", "state", "task", 'stp_printf(ctx, "%d", stp_control_answer(ctx, "on"))', [], "0"],
  ["control_write", "state", "task", 'stp_printf(ctx, "%s", stp_hit_text(ctx))', [look("text", Buffer.from("off"))], "off"],
];

test("each runs its body once for each of its events, and no other's", async () => {
  const program = PROVIDERS.map(([provider, target, , body], i) => `STP_PROBE(${provider}, "${target}") { stp_printf(ctx, "${i} %d ", stp_level(ctx)); ${body}; stp_printf(ctx, "|"); }`).join("\n");
  const { wasm } = await compileProbe({ path: "probe.c", text: `#include <stp/stp.h>\n${program}\n` }, runtimeSources("wasm32"), false);
  const sandbox = new Sandbox(await instantiate(wasm, { env: { yield() {} } }), 1);
  const events = PROVIDERS.map(([provider, target, context, , looks]): TraceEvent => ({ provider, target, nth: 0, cpu: 0, context, time_ns: 1n, seen: encodeEvent({ pid: 9, tid: 9, uid: 0, comm: "a", args: [11n], looks }) }));
  expect(runTrace(sandbox, [...events, { ...events[0]!, target: "g" }, { ...events[0]!, provider: "uprobe" }])).toBe(PROVIDERS.length);
  const printed = [...decodeRecords(sandbox.unread(0))].map(({ payload }) => new TextDecoder().decode(payload)).join("");
  expect(printed.split("|").slice(0, -1)).toEqual(PROVIDERS.map(([, , context, , , text], i) => `${i} ${CONTEXTS.indexOf(context)} ${text}`));
  expect(sandbox.missing).toBe(0);
});
