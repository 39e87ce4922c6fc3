/** T5, P3, X4: records written by whoever interrupts a write arrive whole, once, and in order of sequence. */
import { expect, test } from "vitest";
import { decodeRecords } from "../spec/recording/record.ts";
import { runtimeSources, type RuntimeSources } from "../spec/runtime.ts";
import { checkProbe, type CheckResult } from "./check/check.ts";
import { createMachine } from "./machine.ts";
import { compileProbe } from "./probe.ts";
import { Sandbox } from "./sandbox.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

const RING_BYTES = 1 << 14;

/** Prints in every hit, so that every access of printing and of the ring is interrupted by the same. */
const PROBE = `
#include <stp/stp.h>

STP_PROBE(kprobe, "f")
{
	stp_printf(ctx, "%s\\n", stp_execname(ctx));
}
`;

async function compile(runtime: RuntimeSources): Promise<Uint8Array> {
  return (await compileProbe({ path: "prints.c", text: PROBE }, runtime, true)).wasm;
}

async function check(runtime: RuntimeSources = runtimeSources("wasm32")): Promise<CheckResult> {
  return checkProbe({ wasm: await compile(runtime), events: [], first: true });
}

/** What a reader sees that looks while a write is interrupted, after the interrupter has ended: texts, one set for each access. */
async function seenWhileInterrupted(runtime: RuntimeSources = runtimeSources("wasm32")): Promise<Set<string>> {
  const machine = await createMachine(await compile(runtime));
  const sandbox = new Sandbox(machine.instance, 1, RING_BYTES);
  sandbox.place(0, "task");
  sandbox.start();
  machine.reserve(2);
  const begin = takeSnapshot(machine);
  const hit = machine.instance.func("stp_sim_hit");
  const seen = new Set<string>();
  for (let access = 1; ; access++) {
    machine.reset();
    restoreSnapshot(machine, begin);
    const task = machine.spawn({ name: "T0", cpu: 0, level: "task", call: () => hit(0) });
    const nmi = machine.spawn({ name: "N1", cpu: 0, level: "nmi", call: () => hit(0) });
    if (machine.step(task, access).state !== "stopped") return seen;
    machine.step(nmi, "end");
    const bytes = sandbox.unread(0);
    try {
      for (const { payload } of decodeRecords(bytes)) seen.add(new TextDecoder().decode(payload));
    } catch {
      seen.add("(no record)");
    }
  }
}

/** The runtime with one piece of a file replaced. */
function broken(path: string, piece: string, by: string): RuntimeSources {
  const runtime = runtimeSources("wasm32");
  const text = runtime.files[path]!;
  if (!text.includes(piece)) throw new Error(`${path} no longer has ${piece}`);
  return { ...runtime, files: { ...runtime.files, [path]: text.replace(piece, by) } };
}

test("stp_ring_write interrupted at every access by softirq, irq and nmi loses and mixes nothing", async () => {
  const { failures, schedules, losses } = await check();
  expect(failures).toEqual([]);
  expect(losses).toEqual({});
  expect(schedules).toBeGreaterThan(1000);
});

test("check catches a reserve that is no cmpxchg", async () => {
  const runtime = broken("runtime-c/src/ring.c", "while (stp_local_cmpxchg(&ring->head, head, head + size) != head);", "while (STP_WRITE(ring->head, head + size), 0);");
  expect((await check(runtime)).failures.length).toBeGreaterThan(0);
});

test("check catches a publisher that does not look again", async () => {
  const runtime = broken("runtime-c/src/ring.c", "} while (STP_READ(ring->head) != head);", "} while (0);");
  expect((await check(runtime)).failures.length).toBeGreaterThan(0);
});

test("stp_ring_readable while a writer is interrupted shows whole records only", async () => {
  expect(await seenWhileInterrupted()).toEqual(new Set(["\n"])); // the task of the sandbox has no name
});

test("a reader catches a commit that does not wait for the outermost writer", async () => {
  const runtime = broken("runtime-c/src/ring.c", "if (STP_READ(ring->nest) > 1) {", "if (0) {");
  expect(await seenWhileInterrupted(runtime)).not.toEqual(new Set(["\n"]));
});

/**
 * Two interruptions and a reader between them: an irq before access `first`, an nmi before access `second` of what is
 * left of the task, then the reader takes all that is there. Counts how often less than nothing is readable from then on.
 */
async function readableAfterReaders(runtime: RuntimeSources = runtimeSources("wasm32")): Promise<{ runs: number; negative: number }> {
  const machine = await createMachine(await compile(runtime));
  const sandbox = new Sandbox(machine.instance, 1, RING_BYTES);
  sandbox.place(0, "task");
  sandbox.start();
  machine.reserve(3);
  const begin = takeSnapshot(machine);
  const hit = machine.instance.func("stp_sim_hit");
  let [runs, negative] = [0, 0];
  for (let first = FIRST_RING_ACCESS; ; first++) {
    for (let second = first; ; second++) {
      machine.reset();
      restoreSnapshot(machine, begin);
      const [task, irq, nmi] = (["task", "irq", "nmi"] as const).map((level, n) => machine.spawn({ name: `${"TIN"[n]}${n}`, cpu: 0, level, call: () => hit(0) }));
      if (machine.step(task!, first).state !== "stopped") return { runs, negative };
      if (machine.step(irq!, "end").state !== "ended") break;
      if (machine.step(task!, second).state !== "stopped") break;
      if (machine.step(nmi!, "end").state !== "ended") continue;
      sandbox.discard(0);
      runs++;
      for (let access = second + 1; task!.state !== "ended"; access++) {
        machine.step(task!, access);
        if (sandbox.readable(0) > RING_BYTES) negative++;
      }
    }
  }
}

/** Accesses of a hit before it comes to the ring: interrupting those shows nothing new here. */
const FIRST_RING_ACCESS = 40;

test("stp_ring_readable never goes below zero when a reader comes between two interruptions", async () => {
  const { runs, negative } = await readableAfterReaders();
  expect(runs).toBeGreaterThan(1000);
  expect(negative).toBe(0);
});

test("NoRegression: committed moved back when an nmi published between the second look and the store", async () => {
  const runtime = broken("runtime-c/src/ring.c", "STP_WRITE(ring->nest, 1);\n\t\tstp_barrier();\n\t\thead = ", "head = ");
  expect((await readableAfterReaders(runtime)).negative).toBeGreaterThan(0);
});
