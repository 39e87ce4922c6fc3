/** Stress of the runtime in a guest. Selected alone by `npx vitest run` with STP_TESTS=guest. */
import { expect, test } from "vitest";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { stressSummary } from "./judge.ts";
import { stressModule } from "./module.ts";
import { runStress, type StressRun } from "./run.ts";
import { TESTED_KERNEL } from "../testing.ts";

const MINUTE_MS = 60_000;
const NMIS_MIN = 1000;

/** The runtime with one piece of it replaced; the piece must be there. */
function broken(path: string, piece: string, by: string): StressRun["module"] {
  return stressModule((files) => {
    const text = files[path] ?? "";
    expect(text.includes(piece), `${PROJECT_ROOT}${path} has no "${piece}" to break`).toBe(true);
    return { ...files, [path]: text.replace(piece, by) };
  });
}

const run = (seconds: number, module?: StressRun["module"]): ReturnType<typeof runStress> =>
  runStress({ kernel: TESTED_KERNEL, seconds, nmis: NMIS_MIN, report: console.warn, ...(module ? { module } : {}) });

test(
  "task, softirq, irq and nmi on four CPUs at once: attempted = delivered + lost, in every map and printer",
  async () => {
    const { problems, figures } = await run(10);
    console.warn(stressSummary(figures));
    expect(problems).toEqual([]);
    expect(figures.nmis_in_call).toBeGreaterThanOrEqual(NMIS_MIN);
    expect(figures.nmis_irqs_off).toBeGreaterThan(0);
    expect(figures.nmis_in_ring).toBeGreaterThan(0);
    expect(Object.values(figures.calls_by_level).every((calls) => calls > 1000), JSON.stringify(figures.calls_by_level)).toBe(true);
    expect(Object.keys(figures.nmis_by_call).length).toBeGreaterThan(30);
  },
  10 * MINUTE_MS,
);

test(
  "a ring that gives one place to two nested writers is found",
  async () => {
    const { problems } = await run(5, broken("runtime-c/src/ring.c", "stp_local_cmpxchg(&ring->head, head, head + size) != head", "({ STP_WRITE(ring->head, head + size); false; })"));
    console.warn(problems.join("\n"));
    expect(problems.join("\n")).toMatch(/record (damaged|mixed|gap|context)|the ring ends|records were delivered/);
  },
  10 * MINUTE_MS,
);

// Without KVM an nmi lands only where a block of instructions ends, so a jump makes an end between the two accesses.
const TORN_ADD = 'u64 now = READ_ONCE(*p); asm volatile("jmp 1f\\n1:" ::: "memory"); WRITE_ONCE(*p, now + n);';

test(
  "counters that an nmi may tear are found",
  async () => {
    const { problems } = await run(5, broken("runtime-c/port/kernel/stp_port.h", "local64_add(n, (local64_t *)p);", TORN_ADD));
    console.warn(problems.slice(0, 10).join("\n"));
    expect(problems.join("\n")).toMatch(/in the ledger and|is not delivered/);
  },
  10 * MINUTE_MS,
);
