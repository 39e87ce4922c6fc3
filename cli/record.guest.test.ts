/** Record and replay agree; and what can go wrong on a kernel. Boots guests. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseAccelerator } from "../kernel-harness/accelerator.ts";
import { LOSS_KINDS, type LossKind } from "../spec/protocol.ts";
import { decodeEvent } from "../spec/recording/event.ts";
import { readManifest } from "../spec/recording/manifest.ts";
import { HEADER_SIZE } from "../spec/recording/record.ts";
import { readOutputs } from "../stpd/post/outputs.ts";
import { readTrace } from "../stpd/post/trace.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";
import { TESTED_KERNEL, testedKernel } from "../kernel-harness/testing.ts";

const PROBE = "examples/001-opens/probe.c";
const EVENTS_MIN = 10_000;
/** What it prints depends on the order of hits of all CPUs. */
const EACH_HIT = `#include <stp/stp.h>

STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 1024, .string_size = 16);

STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
	stp_printf(ctx, "%s %d\\n", stp_execname(ctx), stp_map_get(&opens, STP_KEY(stp_execname(ctx))));
}
`;

let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "test-of-record-"))));
afterAll(() => rm(directory, { recursive: true, force: true }));

describe("stp kernel record", { timeout: TEST_MS_MAX }, () => {
  let recording = "";
  let counted = new Map<string, string>();
  let live = "";

  beforeAll(async () => {
    recording = join(directory, "recording");
    const recorded = await stp(["kernel", "record", PROBE, "--on", TESTED_KERNEL, "-o", recording]);
    expect(recorded.status, recorded.stderr).toBe(0);
    expect(recorded.left).toEqual([]);
    counted = new Map([...recorded.stdout.matchAll(/^(wl-\d+) opens=(\d+)$/gm)].map((match) => [match[1]!, match[2]!]));
    const posted = await stp(["post", recording]);
    expect(posted).toMatchObject({ status: 0, stderr: "" });
    live = posted.stdout;
  }, TEST_MS_MAX);

  test("of the example holds at least 10,000 events of at least 3 processes", async () => {
    const { events } = await readTrace(recording);
    expect(events.length).toBeGreaterThanOrEqual(EVENTS_MIN);
    const comms = new Set(events.map(({ seen }) => decodeEvent(seen)?.comm));
    expect([...comms]).toEqual(expect.arrayContaining(["wl-0", "wl-1", "wl-2"]));
  });

  test("of the example loses nothing: no hit, map call, string or record, for no cause", async () => {
    const { ledger } = await readManifest(recording);
    const kinds = Object.keys(LOSS_KINDS) as LossKind[];
    const lost = ledger.flatMap((row) => kinds.flatMap((kind) => Object.entries(row.kinds[kind].lost).filter(([, count]) => count !== 0n)));
    expect(lost).toEqual([]);
    const hits = ledger.reduce((sum, row) => sum + row.kinds.hit.delivered, 0n);
    expect(Number(hits)).toBeGreaterThanOrEqual(EVENTS_MIN);
  });

  test("of the example counted live what each process of the workload counted itself", () => {
    const seen = new Map([...live.matchAll(/^(wl-\d+) +(\d+)$/gm)].map((match) => [match[1]!, match[2]!]));
    expect(counted.size).toBeGreaterThanOrEqual(3);
    expect(seen).toEqual(counted);
  });

  test("of the example replays in the sandbox to the identical output", async () => {
    expect(await stp(["run", PROBE, "--trace", recording])).toEqual({ status: 0, stdout: live, stderr: "", left: [] });
  });

  test("of the example replays without divergence", async () => {
    const { status, stdout, stderr } = await stp(["kernel", "replay", recording, PROBE]);
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^no divergence: (1 record agrees|\d+ records agree)\n$/);
  });

  test("of a probe that prints in each hit replays record by record, and a changed byte is found in its record", async () => {
    const path = join(directory, "each.c");
    await writeFile(path, EACH_HIT);
    const of_hits = join(directory, "recording-of-hits");
    const recorded = await stp(["kernel", "record", path, "--on", TESTED_KERNEL, "-o", of_hits]);
    expect(recorded.status, recorded.stderr).toBe(0);
    const records = await readOutputs(of_hits);
    expect(records.length).toBeGreaterThanOrEqual(EVENTS_MIN);
    expect(new Set(records.map(({ cpu }) => cpu)).size).toBe(2);
    expect(await stp(["kernel", "replay", of_hits, path])).toMatchObject({ status: 0, stdout: `no divergence: ${records.length} records agree\n` });

    const { file, offset, payload } = records[Math.floor(records.length / 2)]!;
    const data = await open(join(of_hits, file), "r+");
    await data.write(Buffer.from("#"), 0, 1, offset + HEADER_SIZE);
    await data.close();
    const { status, stdout } = await stp(["kernel", "replay", of_hits, path, "--json"]);
    expect(status).toBe(1);
    const text = Buffer.from(payload).toString();
    expect(JSON.parse(stdout)).toMatchObject({ divergence: { kind: "changed", recorded: { file, offset, payload: `#${text.slice(1)}` }, replayed: { payload: text } } });
  });
});

describe("stp verify", { timeout: TEST_MS_MAX }, () => {
  test("on a kernel finds no divergence in 100,000 operations", async () => {
    const { status, stdout, stderr } = await stp(["verify", "--on", TESTED_KERNEL, "--ops", "100000", "--json"]);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ops: 100_000, on: TESTED_KERNEL, divergences: 0 });
  });

  test("in two guests says at most once that KVM is there but cannot be used", async () => {
    const accelerator = await chooseAccelerator(await testedKernel(), () => {});
    const { status, stdout, stderr } = await stp(["verify", "--on", `${TESTED_KERNEL},${TESTED_KERNEL}`, "--ops", "1000"]);
    expect(status, stderr).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr.match(/booting/g)).toHaveLength(2);
    const fallen = existsSync("/dev/kvm") && accelerator === "tcg";
    expect(stderr.match(/^stp: \/dev\/kvm is there but cannot be used \(.*\); guests run without it, which is slower$/gm) ?? []).toHaveLength(fallen ? 1 : 0);
  });
});

describe("stp run on a kernel", { timeout: TEST_MS_MAX }, () => {
  const probe = (target: string, end = ";"): string => `#include <stp/stp.h>\n\nSTP_PROBE(kprobe, "${target}")\n{\n\tstp_printf(ctx, "x\\n")${end}\n}\n`;

  /** Runs a probe that lies in the parent of the working directory: nothing may be written beside it. */
  async function refusal(text: string): Promise<string> {
    const place = await mkdtemp(join(directory, "refused-"));
    const cwd = join(place, "cwd");
    await mkdir(cwd);
    await writeFile(join(place, "refused.c"), text);
    const { status, stdout, stderr, left } = await stp(["run", "../refused.c", "--on", TESTED_KERNEL, "-o", "out"], { cwd });
    expect({ status, stdout, left }).toEqual({ status: 2, stdout: "", left: [] });
    expect(await readdir(cwd)).toEqual([]);
    expect(await readdir(place)).toEqual(["cwd", "refused.c"]);
    return stderr;
  }

  test("with an unknown attach point names the nearest, and leaves no output", async () => {
    const said = (await refusal(probe("do_sys_openat"))).trimEnd().split("\n").at(-1);
    expect(said).toMatch(/^stp: .*cannot attach kprobe do_sys_openat: no such function.*; nearest: .*\bdo_sys_openat2\b/);
  });

  test("with a syntax error gives the compiler's message with the path as given and the line, and leaves nothing", async () => {
    expect(await refusal(probe("do_sys_openat2", ""))).toMatch(/^stp: Cannot build module stp_refused:\n(?:.*\n)?\.\.\/refused\.c:[56]:\d+: error: expected .;/m);
  });

  test("without QEMU names the package, in one sentence", async () => {
    const bin = join(directory, "bin");
    await mkdir(bin);
    for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter((path) => existsSync(path))) {
      for (const name of await readdir(folder)) {
        if (!name.startsWith("qemu-system")) await symlink(join(folder, name), join(bin, name)).catch(() => {}); // the first of a name wins, as on PATH
      }
    }
    const { status, stdout, stderr, left } = await stp(["run", PROBE, "--on", TESTED_KERNEL, "-o", join(directory, "out")], { env: { ...process.env, PATH: bin } });
    expect({ status, stdout, left }).toEqual({ status: 2, stdout: "", left: [] });
    expect(stderr.trimEnd().split("\n").at(-1)).toBe('stp: Cannot find qemu-system-x86_64: run "sudo apt-get install qemu-system-x86"');
    expect(existsSync(join(directory, "out"))).toBe(false);
  });
});
