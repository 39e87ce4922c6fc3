/** Every provider counts what the program that is probed counts itself; and 200 sessions come and go under load. Boots two guests. */
import { beforeAll, describe, expect, test } from "vitest";
import { LOSS_KINDS, type LossKind } from "../../spec/protocol.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import { buildStpd } from "../run.ts";
import { step } from "../steps.ts";
import { testedKernel } from "../testing.ts";
import { allProviders, buildHelper, buildProbes, readRecording, type Recorded } from "./run.ts";

const MINUTE_MS = 60_000;
const CPUS = 2;
const NONE = 4294967295;
const filesOf = (module: string): string => `/sys/kernel/debug/stp-${module}/files`;
const PROFILE_HZ = 97;
const TIMER_NS = 10e6;

const CYCLES = 200;

type Words = Readonly<Record<string, string>>;

/** Lines of `name: a=1 b=2`. */
const linesOf = (text: string, name: string): Words[] =>
  [...text.matchAll(new RegExp(`^${name}: (.*)$`, "gm"))].map((match) => Object.fromEntries(match[1]!.split(" ").map((pair) => pair.split("=") as [string, string])));

/** What the program printed: counts by point and then by process or text. */
function countsOf(output: string): (point: string, key: string) => number {
  const counts = new Map([...output.matchAll(/^(\S+) (.*) (-?\d+)$/gm)].map((match) => [`${match[1]} ${match[2]}`, Number(match[3])]));
  return (point, key) => counts.get(`${point} ${key}`) ?? 0;
}

const isWithin = (value: number, expected: number, share: number): boolean => Math.abs(value - expected) <= expected * share;

describe("each provider", () => {
  let guest: GuestResult;
  let recorded: Recorded;
  let count: ReturnType<typeof countsOf>;
  let processes: Words[] = [];

  beforeAll(async () => {
    const kernel = await testedKernel();
    const hits = await buildHelper("hits");
    const { name, path } = await buildProbes(kernel, "all.c", await allProviders(hits));
    guest = await runGuest(kernel, {
      cpus: CPUS,
      files: { "/stpd": await buildStpd(), "/hits": hits, [`/${name}.ko`]: path },
      steps: [
        step("start", "stpd", "/stpd", "-l", `overload_percent=${NONE}`, "-l", `time_us=${NONE}`, "-o", "/recording", `/${name}.ko`),
        step("await", "stpd", "started", 60),
        step("run", "hits", 60, "/hits", "once", filesOf(name)),
        step("signal", "stpd", "INT"),
        step("wait", "stpd", 60),
        step("send", "/recording"),
      ],
    });
    expect(guest.problems, guest.outputs["stpd"]?.stderr).toEqual([]);
    recorded = await readRecording(guest.files, "/recording");
    count = countsOf(recorded.output);
    processes = linesOf(guest.outputs["hits"]!.stdout, "hits");
    if (process.env["STP_SHOW"]) console.warn(guest.outputs["hits"]!.stdout, recorded.output);
    expect(processes).toHaveLength(2);
  }, 5 * MINUTE_MS);

  test("counts exactly the hits of each process", () => {
    for (const made of processes) {
      const comm = made["comm"]!;
      const number = (what: string): number => Number(made[what]);
      const counted = Object.fromEntries(
        ["kprobe", "kretprobe", "syscall-enter", "syscall-exit", "raw-syscall", "uprobe", "uprobe-at-offset", "page-faults", "minor-faults"].map((point) => [point, count(point, comm)]),
      );
      const syscalls = Object.fromEntries(["kprobe", "kretprobe", "syscall-enter", "syscall-exit", "raw-syscall"].map((point) => [point, number("syscalls")]));
      expect(counted).toEqual({ ...syscalls, uprobe: number("calls"), "uprobe-at-offset": number("calls"), "page-faults": number("faults"), "minor-faults": number("faults") });
      expect(number("faults")).toBeGreaterThanOrEqual(number("pages"));
    }
  });

  test("gives arguments, results and fields as they were", () => {
    for (const made of processes) {
      const comm = made["comm"]!;
      const sum = (point: string): number => count(point, comm);
      const number = (what: string): number => Number(made[what]);
      expect(sum("kprobe-argument")).toBe(number("argument"));
      expect(sum("kretprobe-argument")).toBe(number("argument"));
      expect(sum("kretprobe-returned")).toBe(number("syscalls") * number("parent"));
      expect(sum("syscall-exit-returned")).toBe(number("syscalls") * number("parent"));
      expect(sum("syscall-enter-number")).toBe(number("syscalls") * 110);
      expect(sum("kretprobe-untimely")).toBe(0);
      expect(sum("uprobe-argument")).toBe(number("call_argument"));
      expect(sum("switch-wrong")).toBe(0);
      expect(sum("switch-without-stack")).toBe(0);
    }
  });

  test("gives text of a tracepoint, whether it is fixed, dynamic, pointed to, or in user space", () => {
    expect(count("openat", "/tmp/hits-opened")).toBeGreaterThanOrEqual(processes.reduce((sum, made) => sum + Number(made["opens"]), 0));
    expect(count("exec", "/proc/self/exe")).toBe(Number(linesOf(guest.outputs["hits"]!.stdout, "execs")[0]!["count"]));
    const rcu = [...recorded.output.matchAll(/^rcu (.*) \d+$/gm)].map((match) => match[1]);
    expect(rcu.every((text) => /^(Start|End) /.test(text ?? "")), rcu.join()).toBe(true);
  });

  test("counts the context switches of a process, but for those around its change of name", () => {
    for (const made of processes) {
      const seen = [count("switch", made["comm"]!), count("context-switches", made["comm"]!)];
      expect(seen[0]).toBe(seen[1]);
      expect(seen[0]).toBeGreaterThanOrEqual(Number(made["sleeps"]));
      expect(Number(made["switches"]) - seen[0]!).toBeGreaterThanOrEqual(0);
      expect(Number(made["switches"]) - seen[0]!).toBeLessThanOrEqual(2);
    }
  });

  test("takes a period: every tenth fault", () => {
    const both = (point: string): number => processes.reduce((sum, made) => sum + count(point, made["comm"]!), 0);
    expect(both("minor-faults-by-ten")).toBeGreaterThan(0);
    expect(Math.abs(both("minor-faults-by-ten") - both("minor-faults") / 10)).toBeLessThanOrEqual(2 * CPUS);
  });

  test("by time hits as often as time passes", () => {
    const ticks = linesOf(recorded.output, "ticks")[0]!;
    const elapsed_ns = Number(ticks["last_ns"]) - Number(ticks["first_ns"]);
    const burn = linesOf(guest.outputs["hits"]!.stdout, "burn")[0]!;
    const burnt_s = Number(burn["cpu_ns"]) / 1e9;
    const figures = {
      timer: [Number(ticks["count"]), elapsed_ns / TIMER_NS, 0.2],
      profile_0: [count("profile", "0"), (elapsed_ns / 1e9) * PROFILE_HZ, 0.3],
      profile_1: [count("profile", "1"), (elapsed_ns / 1e9) * PROFILE_HZ, 0.3],
      burning: [count("profile", "hits-burn"), burnt_s * PROFILE_HZ, 0.3],
      clock: [count("cpu-clock", "hits-burn"), burnt_s * 100, 0.3],
    } as const;
    for (const [name, [seen, expected, share]] of Object.entries(figures)) expect(isWithin(seen, expected, share), `${name}: ${seen}, not about ${expected}`).toBe(true);
  });

  test("of control files hits once for each write and for each open that is read", () => {
    const files = linesOf(guest.outputs["hits"]!.stdout, "files")[0]!;
    expect(count("words", "even") + count("words", "odd")).toBe(Number(files["words"]));
    expect(count("words", "odd")).toBe(Number(files["words"]) / 2);
    expect(count("both", "one way")).toBe(1);
    expect(hitsOf("control_read", "answers").delivered).toBe(BigInt(files["answers"]!));
  });

  test("attempts as much as is delivered and lost; only clocks may miss", () => {
    const kinds = Object.keys(LOSS_KINDS) as LossKind[];
    expect(recorded.ok, recorded.said.join("\n")).toBe(true);
    for (const row of recorded.manifest.ledger) {
      for (const kind of kinds) {
        const { attempted, delivered, lost } = row.kinds[kind];
        expect(attempted).toBe(delivered + Object.values(lost).reduce((sum, n) => sum + n, 0n));
      }
    }
    for (const [index, { provider, target }] of recorded.manifest.probes.entries()) {
      if (provider === "timer" || provider === "profile") continue;
      const lost = recorded.manifest.ledger.filter((row) => row.probe === index).flatMap((row) => Object.values(row.kinds.hit.lost));
      expect(lost.every((n) => n === 0n), `${provider} ${target} lost hits: ${lost.join()}`).toBe(true);
    }
  });

  function hitsOf(provider: string, target: string): { readonly delivered: bigint } {
    const probe = recorded.manifest.probes.findIndex((candidate) => candidate.provider === provider && candidate.target === target);
    return { delivered: recorded.manifest.ledger.filter((row) => row.probe === probe).reduce((sum, row) => sum + row.kinds.hit.delivered, 0n) };
  }
});

describe("sessions", () => {
  test(
    `of all providers are loaded, started, stopped and unloaded ${CYCLES} times while everything is hit, and leave nothing`,
    async () => {
      const kernel = await testedKernel();
      const hits = await buildHelper("hits");
      const { name, path } = await buildProbes(kernel, "each.c");
      const guest = await runGuest(kernel, {
        cpus: CPUS,
        patches: true,
        timeout_ms: 5 * MINUTE_MS,
        files: { "/cycles": await buildHelper("cycles"), "/hits": hits, [`/${name}.ko`]: path },
        steps: [
          step("write", "/sys/kernel/rcu_expedited", 1), // else most of the time is spent on waiting for the kernel's own grace periods
          step("start", "hits", "/hits", "forever", filesOf(name)),
          step("await", "hits", "forever", 10),
          step("run", "cycles", 240, "/cycles", CYCLES, `/${name}.ko`, name, "/tmp/manifest"),
          step("signal", "hits", "TERM"),
          step("wait", "hits", 10, 128 + 15),
          step("send", "/proc/modules"),
          step("send", "/tmp/manifest"),
        ],
      });
      const said = guest.outputs["cycles"]?.stdout ?? "";
      console.warn(said.trim(), `(${guest.total_ms.toFixed(0)} ms for the guest)`);
      expect(guest.problems, guest.outputs["cycles"]?.stderr).toEqual([]);
      expect(Buffer.from(guest.files.get("/proc/modules")!).toString()).not.toContain("stp_");
      expect(unhit(Buffer.from(guest.files.get("/tmp/manifest")!).toString())).toEqual([]);
    },
    6 * MINUTE_MS,
  );
});

/** Probes that were not hit, by the manifest. */
function unhit(text: string): string[] {
  const manifest = JSON.parse(text) as { probes: { provider: string; target: string }[]; ledger: { probe: number; hit: { attempted: string | number } }[] };
  return manifest.probes.flatMap(({ provider, target }, index) => {
    const attempted = manifest.ledger.filter((row) => row.probe === index).reduce((sum, row) => sum + Number(row.hit.attempted), 0);
    return attempted > 0 ? [] : [`${provider} ${target}`];
  });
}
