/** The examples on a real kernel: what each printed is what its workload counted itself, and its recording replays to the same. Boots guests. */
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TESTED_KERNEL } from "../kernel-harness/testing.ts";
import { buildWorkload } from "../kernel-harness/tools.ts";
import { LOSS_KINDS, type LossKind } from "../spec/protocol.ts";
import { readManifest } from "../spec/recording/manifest.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";


/** Lines of the workload: its processes' own counts. A line has numbers, and words such as a file's name. */
interface Facts {
  readonly comm: string;
  readonly words: Readonly<Record<string, string>>;
  readonly count: (name: string) => number;
}

/** A session of an example. */
interface Live {
  readonly text: string;
  /** The same with the names that the workload's own file gives. */
  readonly named: string;
  readonly facts: readonly Facts[];
  /** What was lost, as "hit busy"; how many. */
  readonly lost: ReadonlyMap<string, number>;
}

let directory = "";
let next = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "test-of-examples-"));
  await mkdir(join(directory, "guest"));
  await copyFile(await buildWorkload(), join(directory, "guest/workload"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function readFacts(text: string): Facts[] {
  return [...text.matchAll(/^(?:stp: the workload's )?(wl-\d+) (.*=.*)$/gm)].map(([, comm, rest]) => {
    const words = Object.fromEntries(rest!.split(" ").map((fact) => fact.split("=", 2))) as Record<string, string>;
    return { comm: comm!, words, count: (name) => Number(words[name]) };
  });
}

async function lossesOf(recording: string): Promise<Map<string, number>> {
  const { ledger } = await readManifest(recording);
  const lost = new Map<string, number>();
  for (const row of ledger) {
    for (const kind of Object.keys(LOSS_KINDS) as LossKind[]) {
      for (const [cause, count] of Object.entries(row.kinds[kind].lost)) if (count > 0n) lost.set(`${kind} ${cause}`, (lost.get(`${kind} ${cause}`) ?? 0) + Number(count));
    }
  }
  return lost;
}

/** Records an example, replays the recording, and holds the two against each other. */
async function recordAndReplay(probe: string, workload: string): Promise<Live> {
  const recording = join(directory, `recording-${next++}`);
  const recorded = await stp(["kernel", "record", probe, "--on", TESTED_KERNEL, "--workload", workload, "-o", recording]);
  expect(recorded.status, recorded.stderr).toBe(0);
  const posted = await stp(["post", recording]);
  expect(posted.status, posted.stderr).toBe(0);
  const replayed = await stp(["run", probe, "--trace", recording]);
  expect({ status: replayed.status, text: replayed.stdout }, replayed.stderr).toEqual({ status: 0, text: posted.stdout });
  const named = await stp(["post", recording, "--sysroot", join(directory, "guest")]);
  return { text: posted.stdout, named: named.stdout, facts: readFacts(recorded.stdout), lost: await lossesOf(recording) };
}

/** Rows of numbers behind a name: `wl-0   12  34`. */
function rows(text: string): Map<string, number[]> {
  return new Map([...text.matchAll(/^(\S+)((?: +\d+)+)$/gm)].map(([, name, numbers]) => [name!, numbers!.trim().split(/ +/).map(Number)]));
}

/** Lines of `comm <ustack …><stack …> COUNT`; one of the two may be missing. */
function stacks(text: string): { readonly comm: string; readonly stack: string; readonly count: number }[] {
  return [...text.matchAll(/^(\S+) <u?stack ([^>]*)>(?:<stack [^>]*>)? (\d+)$/gm)].map(([, comm, stack, count]) => ({ comm: comm!, stack: stack!, count: Number(count) }));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Counts of a process by the function of the workload that its user stacks go through, innermost functions first in `among`. */
function countsByFunction(text: string, comm: string, among: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { comm: its, stack, count } of stacks(text)) {
    if (its !== comm) continue;
    const names = stack.split(" ").map((frame) => frame.replace(/\+0x[0-9a-f]+$/, ""));
    const found = among.find((wanted) => names.includes(wanted)) ?? "elsewhere";
    counts[found] = (counts[found] ?? 0) + count;
  }
  return counts;
}

describe("004: the latency of system calls", { timeout: TEST_MS_MAX }, () => {
  let live: Live;
  beforeAll(async () => void (live = await recordAndReplay("examples/004-syscall-latency/probe.c", "syscalls 2 200")), TEST_MS_MAX);

  test("loses nothing", () => expect(live.lost).toEqual(new Map()));

  test.each(["getppid", "getpgid", "nanosleep"])("counts the calls of %s that the processes made", (name) => {
    expect(rows(live.text).get(name)?.[0]).toBe(sum(live.facts.map((facts) => facts.count(name))));
  });

  test("sees each nanosleep take at least its time, and getppid less", () => {
    const slept_ns = live.facts[0]!.count("nanosleep_ns");
    const [, avg_ns = 0, max_ns = 0] = rows(live.text).get("nanosleep")!;
    expect(avg_ns).toBeGreaterThanOrEqual(slept_ns);
    expect(max_ns).toBeGreaterThanOrEqual(avg_ns);
    expect(rows(live.text).get("getppid")![1]).toBeLessThan(slept_ns);
  });
});

describe("005: who reads and writes what", { timeout: TEST_MS_MAX }, () => {
  let live: Live;
  beforeAll(async () => void (live = await recordAndReplay("examples/005-top-io/probe.c", "io 1 1000")), TEST_MS_MAX);

  test("loses nothing", () => expect(live.lost).toEqual(new Map()));

  test("has each process's calls and bytes by file, exactly", () => {
    const seen = [...live.text.matchAll(/^(wl-\d+) +(read|write) +(\d+) +(\d+) +(\S+)$/gm)].map(([, comm, what, calls, bytes, file]) => `${comm} ${what} ${file} ${calls} ${bytes}`);
    const made = live.facts.flatMap(({ comm, words }) => ["read", "write"].map((what) => `${comm} ${what} ${words["file"]} ${words[`${what}s`]} ${words[`${what}_bytes`]}`));
    expect(made).toHaveLength(4);
    expect(seen.sort()).toEqual(made.sort());
  });
});

describe("006: who waits for a CPU", { timeout: TEST_MS_MAX }, () => {
  let live: Live;
  beforeAll(async () => void (live = await recordAndReplay("examples/006-run-queue-latency/probe.c", "wakeups 4 100")), TEST_MS_MAX);

  test("loses nothing", () => expect(live.lost).toEqual(new Map()));

  test("sees each wakeup of the processes that the kernel counted as the end of a sleep", () => {
    for (const facts of live.facts) expect(rows(live.text).get(facts.comm)?.[0], facts.comm).toBe(facts.count("wakeups"));
    expect(sum(live.facts.map((facts) => facts.count("wakeups")))).toBeGreaterThan(200);
  });

  test("has all of them in its histogram", () => {
    const total = Number(/^(\d+) waits/.exec(live.text)?.[1]);
    const buckets = [...live.text.matchAll(/^ *\d+ \|@* +(\d+)$/gm)].map((match) => Number(match[1]));
    expect(sum(buckets)).toBe(total);
  });
});

describe("007: where programs fault", { timeout: TEST_MS_MAX }, () => {
  let live: Live;
  beforeAll(async () => void (live = await recordAndReplay("examples/007-page-faults/probe.c", "faults 2 200")), TEST_MS_MAX);

  test("loses nothing", () => expect(live.lost).toEqual(new Map()));

  test("has the pages that each function of the processes touched first, exactly", async () => {
    for (const facts of live.facts) {
      const counts = countsByFunction(live.named, facts.comm, ["fill_table", "fill_index"]);
      expect(counts, facts.comm).toMatchObject({ fill_table: facts.count("fill_table"), fill_index: facts.count("fill_index") });
    }
  });

  test("counts what the kernel counted for each process meanwhile, and few before and after", () => {
    for (const facts of live.facts) {
      const [seen = 0] = rows(live.text).get(facts.comm)!;
      expect(seen, facts.comm).toBeGreaterThanOrEqual(facts.count("faults"));
      expect(seen, facts.comm).toBeLessThanOrEqual(facts.count("faults") + 20);
    }
  });
});

describe("008: who asks for pages", { timeout: TEST_MS_MAX }, () => {
  let live: Live;
  beforeAll(async () => void (live = await recordAndReplay("examples/008-kernel-stacks/probe.c", "alloc 2 100")), TEST_MS_MAX);

  test("loses nothing", () => expect(live.lost).toEqual(new Map()));

  test("has the pages of each process by the way to them, with names", () => {
    const through = (comm: string, name: string): number[] => stacks(live.text).filter((line) => line.comm === comm && line.stack.includes(` ${name}+0x`)).map(({ count }) => count);
    for (const facts of live.facts) {
      expect(through(facts.comm, "pipe_write"), facts.comm).toEqual([facts.count("pipe_pages")]);
      expect(Math.max(...through(facts.comm, "exc_page_fault")), facts.comm).toBe(facts.count("touched_pages"));
    }
    expect(live.facts.length).toBe(2);
    expect(stacks(live.text).every(({ stack }) => /^__alloc_pages\+0x/.test(stack))).toBe(true);
  });
});

describe("009: a profiler", { timeout: TEST_MS_MAX }, () => {
  const HZ = 99;
  const TOLERANCE = 0.3;
  let live: Live;
  beforeAll(async () => void (live = await recordAndReplay("examples/009-profiler/probe.c", "spin 2 2000")), TEST_MS_MAX);

  test("loses only ticks that the kernel missed", () => expect([...live.lost.keys()].filter((loss) => loss !== "hit transport")).toEqual([]));

  /** Ticks that the kernel missed, of both processes and all functions, might have been samples. */
  function isNear(samples: number, ms: number, what: string): void {
    const expected = (HZ * ms) / 1000;
    expect(samples, what).toBeLessThanOrEqual(expected * (1 + TOLERANCE));
    expect(samples + (live.lost.get("hit transport") ?? 0), what).toBeGreaterThanOrEqual(expected * (1 - TOLERANCE));
  }

  test("samples CPU time at its rate", () => {
    for (const facts of live.facts) {
      isNear(sum(stacks(live.text).filter(({ comm }) => comm === facts.comm).map(({ count }) => count)), facts.count("cpu_ms"), facts.comm);
    }
  });

  test("finds in each function what it burned there", async () => {
    for (const facts of live.facts) {
      const counts = countsByFunction(live.named, facts.comm, ["burn_red", "burn_blue"]);
      for (const name of ["burn_red", "burn_blue"]) isNear(counts[name] ?? 0, facts.count(`${name}_ms`), `${facts.comm} ${name}`);
    }
  });
});

describe("010: second by second", { timeout: TEST_MS_MAX }, () => {
  const PROBE = "examples/010-interval/probe.c";
  const WORKLOAD = "interval 2 250";

  /** Sums over all intervals, and how many there were. */
  function check(text: string, facts: readonly Facts[]): void {
    expect(facts.length).toBe(2);
    for (const { comm, count } of facts) {
      const total = (map: string): number => sum([...text.matchAll(new RegExp(`^${map}\\["${comm}"\\]=(\\d+)$`, "gm"))].map((match) => Number(match[1])));
      expect({ opens: total("opens"), reads: total("reads") }, comm).toEqual({ opens: count("opens"), reads: count("reads") });
    }
    const times = [...text.matchAll(/^after (\d+) ms$/gm)].map((match) => Number(match[1]));
    expect(times.length).toBeGreaterThanOrEqual(3);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }

  test("the intervals of a recorded session add up to what the processes did; nothing is lost", async () => {
    const { text, facts, lost } = await recordAndReplay(PROBE, WORKLOAD);
    expect(lost).toEqual(new Map());
    check(text, facts);
  });

  test("so do those of a session that is not recorded, whose hits are on two CPUs at once", async () => {
    const { status, stdout, stderr } = await stp(["run", PROBE, "--on", TESTED_KERNEL, "--workload", WORKLOAD]);
    expect(status, stderr).toBe(0);
    expect(stderr).not.toContain("LOST");
    check(stdout, readFacts(stderr));
  });
});

describe("011: a provider of its own", { timeout: TEST_MS_MAX }, () => {
  test("is hit each time that the workload's process brings the device up or takes it down; nothing is lost", async () => {
    const { text, facts, lost } = await recordAndReplay("examples/011-own-provider/probe.c", "links 1 40");
    const times = (what: string): number => [...text.matchAll(new RegExp(`^wl-0 \\(\\d+\\) ${what}$`, "gm"))].length;
    expect(lost).toEqual(new Map());
    expect({ ups: times("brings lo up"), downs: times("takes lo down") }).toEqual({ ups: facts[0]!.count("ups"), downs: facts[0]!.count("downs") });
    expect(facts[0]!.count("ups")).toBe(40);
  });
});
