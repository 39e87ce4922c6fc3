/** stp kernel replay: what a recording's program writes in the sandbox, beside what it wrote on the kernel. */
import { cp, mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HEADER_SIZE } from "../spec/recording/record.ts";
import { readOutputs } from "../stpd/post/outputs.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";

const EXAMPLE = "examples/011-own-provider";
const PROBE = `${EXAMPLE}/probe.c`;

let directory = "";
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), "test-of-kernel-replay-"))));
afterAll(() => rm(directory, { recursive: true, force: true }));

async function copyOf(name: string): Promise<string> {
  const path = join(directory, name);
  await cp(`${EXAMPLE}/trace`, path, { recursive: true });
  return path;
}

describe("stp kernel replay", { timeout: TEST_MS_MAX }, () => {
  test("of a recording finds that all its records agree; its probe is the one beside it", async () => {
    const { length } = await readOutputs(`${EXAMPLE}/trace`);
    expect(length).toBeGreaterThan(5);
    expect(await stp(["kernel", "replay", `${EXAMPLE}/trace`])).toMatchObject({ status: 0, stdout: `no divergence: ${length} records agree\n`, stderr: "" });
    const { stdout } = await stp(["kernel", "replay", `${EXAMPLE}/trace`, PROBE, "--json"]);
    expect(JSON.parse(stdout)).toEqual({ records: length, divergence: null });
  });

  test("of one with a changed byte names that very record, and shows both", async () => {
    const recording = await copyOf("changed");
    const records = await readOutputs(recording);
    const { file, offset, cpu, time_ns, payload } = records[3]!;
    const at = 5;
    const data = await open(join(recording, file), "r+");
    await data.write(Buffer.from("#"), 0, 1, offset + HEADER_SIZE + at);
    await data.close();
    const right = Buffer.from(payload).toString();
    const wrong = `${right.slice(0, at)}#${right.slice(at + 1)}`;
    const text = await stp(["kernel", "replay", recording, PROBE]);
    expect(text).toMatchObject({ status: 1, stderr: "" });
    const [place, live, replayed] = text.stdout.trimEnd().split("\n");
    expect(place).toBe(`divergence at ${file}, offset ${offset}: a record differs`);
    expect(live).toMatch(/^ {2}kernel: {2}cpu 0, .+, print, \d+\.\d{9} s: /);
    expect(live!.endsWith(`: ${JSON.stringify(wrong)}`), live).toBe(true);
    expect(replayed!.endsWith(`: ${JSON.stringify(right)}`), replayed).toBe(true);
    const json = await stp(["kernel", "replay", recording, PROBE, "--json"]);
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      records: records.length,
      divergence: { kind: "changed", recorded: { file, offset, cpu, time_ns: String(time_ns), payload: wrong }, replayed: { cpu, payload: right } },
    });
  });

  test("with a probe that writes less, or more, names the record", async () => {
    const text = await readFile(PROBE, "utf8");
    const silent = text.replace(/stp_printf\(/, "if (0) stp_printf(");
    const loud = text.replace(/stp_printf\(/, 'stp_printf(ctx, "more\\n"), stp_printf(');
    expect([silent, loud]).not.toContain(text);
    await cp(EXAMPLE, join(directory, "probes"), { recursive: true });
    const path = join(directory, "probes", "probe.c");
    const [first] = await readOutputs(`${EXAMPLE}/trace`);
    await writeFile(path, silent);
    expect((await stp(["kernel", "replay", `${EXAMPLE}/trace`, path])).stdout).toMatch(`divergence at ${first!.file}, offset ${first!.offset}: the recording has a record that the replay does not write\n`);
    await writeFile(path, loud);
    expect((await stp(["kernel", "replay", `${EXAMPLE}/trace`, path])).stdout).toMatch(new RegExp(`^divergence at ${first!.file}, offset ${first!.offset}: a record differs\\n.*\\n.*"more\\\\n`));
  });

  test("refuses a recording that is damaged, and one without a probe", async () => {
    const cut = await copyOf("cut");
    await truncate(join(cut, "cpu0.data"), 2104);
    const damaged = await stp(["kernel", "replay", cut, PROBE]);
    expect(damaged).toMatchObject({ status: 2, stdout: "" });
    expect(damaged.stderr).toMatch(/^stp: Cannot replay .*cut: cpu0\.data holds 19 records of 20; record it again/m);
    const lonely = await stp(["kernel", "replay", cut]);
    expect(lonely).toMatchObject({ status: 2, stdout: "", stderr: `stp: Cannot replay ${cut}: there is no ${join(directory, "probe.c")}; name the probe that was recorded\n` });
  });
});
