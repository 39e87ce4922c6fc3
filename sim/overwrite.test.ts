/** T6, X4: a ring that overwrites, whoever interrupts its writer, holds whole records in order, and the ledger says what it dropped. */
import { expect, test } from "vitest";
import { LOSS_CAUSES, type LossCause } from "../spec/protocol.ts";
import { decodeRecords, type StpRecord } from "../spec/recording/record.ts";
import { runtimeSources, type RuntimeSources } from "../spec/runtime.ts";
import { createMachine, type Machine } from "./machine.ts";
import { compileProbe } from "./probe.ts";
import { Sandbox } from "./sandbox.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

/** A ring of two records: each write drops one, and the second that interrupts it would drop what it has not yet written, if it might. */
const RING_BYTES = 128;
const PRINT_BYTES = 64;
const PROBE = `
#include <stp/stp.h>

STP_PROBE(kprobe, "f")
{
	stp_printf(ctx, "%031d\\n", 7);
}
`;

const TEXT = `${"7".padStart(31, "0")}\n`;
const RECORD_BYTES = 64n;

const SPECS = [{ name: "T0", level: "task" }, { name: "I1", level: "irq" }, { name: "N1", level: "nmi" }] as const;

class Rig {
  readonly machine: Machine;
  readonly #sandbox: Sandbox;
  readonly #begin: ReturnType<typeof takeSnapshot>;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.#sandbox = new Sandbox(machine.instance, 1, RING_BYTES, { print_size: PRINT_BYTES }, "overwrite");
    this.#sandbox.place(0, "task");
    this.#sandbox.start();
    for (let i = 0; i < 4; i++) machine.instance.func("stp_sim_hit")(0);
    machine.reserve(SPECS.length);
    this.#begin = takeSnapshot(machine);
  }

  static async create(runtime: RuntimeSources): Promise<Rig> {
    return new Rig(await createMachine((await compileProbe({ path: "prints.c", text: PROBE }, runtime, true)).wasm));
  }

  /** A hit on each level, none begun. */
  contexts(): ReturnType<Machine["spawn"]>[] {
    this.machine.reset();
    restoreSnapshot(this.machine, this.#begin);
    return SPECS.map((spec) => this.machine.spawn({ ...spec, cpu: 0, call: () => this.machine.instance.func("stp_sim_hit")(0) }));
  }

  /** What is wrong with what the ring holds now; undefined if nothing is. */
  fault(): string | undefined {
    let records: StpRecord[];
    try {
      records = decodeRecords(this.#sandbox.snapshot(0));
    } catch {
      return "no record";
    }
    if (records.some(({ payload }) => new TextDecoder().decode(payload) !== TEXT)) return "another text";
    if (records.some(({ sequence }, i) => i > 0 && sequence !== records[i - 1]!.sequence + RECORD_BYTES)) return "out of sequence";
    return undefined;
  }

  /** The same when all hits have ended, with the ledger. */
  faultAtEnd(): string | undefined {
    const { attempted, delivered, lost } = this.#sandbox.row(0, 0).record;
    const sum = (Object.keys(LOSS_CAUSES) as LossCause[]).reduce((total, cause) => total + lost[cause], 0);
    if (attempted !== 7 || attempted !== delivered + sum) return `the ledger says ${attempted} = ${delivered} + ${sum}`;
    const held = this.#sandbox.snapshot(0).length / Number(RECORD_BYTES);
    return held === delivered ? this.fault() : `${held} records of ${delivered}`;
  }
}

/** An irq before each event of a task's hit, an nmi before each of the irq's; and after each of them a look. The faults, and how many schedules there were. */
async function explore(runtime: RuntimeSources = runtimeSources("wasm32")): Promise<{ readonly schedules: number; readonly faults: ReadonlySet<string> }> {
  const rig = await Rig.create(runtime);
  const { machine } = rig;
  const faults = new Set<string>();
  const note = (fault: string | undefined): void => void (fault !== undefined && faults.add(fault));
  let schedules = 0;
  for (let first = 1; ; first++) {
    for (let second = 1; ; second++) {
      const [task, irq, nmi] = rig.contexts();
      if (machine.step(task!, first).state !== "stopped") return { schedules, faults };
      if (machine.step(irq!, second).state !== "stopped") break;
      note(rig.fault());
      machine.step(nmi!, "end");
      note(rig.fault());
      machine.step(irq!, "end");
      note(rig.fault());
      machine.step(task!, "end");
      note(rig.faultAtEnd());
      schedules++;
    }
  }
}

test("a write that is interrupted by an irq, and that by an nmi, at every event", { timeout: 300_000 }, async () => {
  const { schedules, faults } = await explore();
  expect([...faults]).toEqual([]);
  expect(schedules).toBeGreaterThan(1000);
});

test.each([
  ["a drop that is no cmpxchg", "stp_local_cmpxchg(&ring->tail, tail, tail + size) == tail", "(STP_WRITE(ring->tail, tail + size), 1)"],
  ["a drop of what is still being written", "if (tail == STP_READ(ring->committed))", "if (0)"],
  ["a drop that nobody counts", "stp_ledger_take_back(&ring->overwritten[probe], STP_LOSS_KIND_RECORD, STP_LOSS_OVERWRITTEN);", ";"],
])("finds %s", { timeout: 300_000 }, async (_what, piece, by) => {
  const runtime = runtimeSources("wasm32");
  const path = "runtime-c/src/ring.c";
  const text = runtime.files[path]!;
  expect(text).toContain(piece);
  const { faults } = await explore({ ...runtime, files: { ...runtime.files, [path]: text.replace(piece, by) } });
  expect([...faults]).not.toEqual([]);
});
