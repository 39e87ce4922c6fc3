/** stp post as a user runs it: where the output goes, exit statuses, ^C. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { dataOf, jsonManifest, recordsOf, writeRecording } from "../stpd/post/testing.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";

let directory = "";
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "test-of-post-"));
  await writeRecording(join(directory, "fine"), [dataOf(recordsOf(0, [{ text: "a\n" }, { text: "b\n" }]))], jsonManifest([2]));
  await writeRecording(join(directory, "short"), [dataOf(recordsOf(0, [{ text: "a\n" }]))], jsonManifest([2]));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A recording whose session runs, and the command that follows it. */
function following(name: string): { readonly path: string; readonly child: ReturnType<typeof spawn>; readonly output: () => string } {
  const path = join(directory, name);
  const child = spawn(process.execPath, [join(PROJECT_ROOT, "stp"), "post", "--follow", path], { stdio: ["ignore", "pipe", "inherit"], timeout: TEST_MS_MAX });
  let output = "";
  child.stdout!.on("data", (bytes: Buffer) => void (output += bytes.toString()));
  return { path, child, output: () => output };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited_ms = 0; !condition(); waited_ms += 50) {
    if (waited_ms > TEST_MS_MAX / 2) throw new Error("it did not come true");
    await setTimeout(50);
  }
}

describe("stp post", { timeout: TEST_MS_MAX }, () => {
  test("-o writes what would be printed into a file, and prints nothing", async () => {
    const out = join(directory, "out.txt");
    expect(await stp(["post", join(directory, "fine"), "-o", out])).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(out, "utf8")).toBe("a\nb\n");
    expect(await stp(["post", join(directory, "short"), "-o", out])).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining("1 of 2 delivered records") as string });
    expect(readFileSync(out, "utf8")).toBe("a\n");
    expect((await stp(["post", join(directory, "none"), "-o", out])).status).toBe(2);
    expect(readFileSync(out, "utf8")).toBe("a\n"); // still there
  });

  test("--perfetto writes a trace beside the text", async () => {
    const trace = join(directory, "trace.pftrace");
    expect(await stp(["post", join(directory, "fine"), "--perfetto", trace])).toMatchObject({ status: 0, stdout: "a\nb\n", stderr: "" });
    expect(readFileSync(trace).length).toBeGreaterThan(100);
  });

  test("a file that cannot be made or written is said in a sentence", async () => {
    expect(await stp(["post", join(directory, "fine"), "-o", join(directory, "no/such")])).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(/^stp: Cannot write \S+: .*ENOENT.*\n$/) as string });
    expect(await stp(["post", join(directory, "fine"), "-o", "/dev/full"])).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(/^stp: Cannot write \/dev\/full: .*ENOSPC.*\n$/) as string });
  });

  test("--follow prints while the session runs and ends with it", async () => {
    const { path, child, output } = following("live");
    await setTimeout(500);
    mkdirSync(path);
    const data = dataOf(recordsOf(0, [{ text: "one\n" }, { text: "two\n" }]));
    writeFileSync(join(path, "cpu0.data"), data.subarray(0, 40));
    writeFileSync(join(path, "manifest.json"), JSON.stringify({ ...jsonManifest([0]), state: "running" }));
    await until(() => output() === "one\n");
    appendFileSync(join(path, "cpu0.data"), data.subarray(40));
    writeFileSync(join(path, "manifest.json"), JSON.stringify(jsonManifest([2])));
    const [status] = (await once(child, "close")) as [number];
    expect({ status, output: output() }).toEqual({ status: 0, output: "one\ntwo\n" });
  });

  test.each(["before there is a recording", "in one that runs"])("^C ends --follow with status 130 %s", async (when) => {
    const { path, child, output } = following(when.replaceAll(" ", "-"));
    if (when.startsWith("in")) {
      mkdirSync(path);
      writeFileSync(join(path, "cpu0.data"), dataOf(recordsOf(0, [{ text: "one\n" }])));
      writeFileSync(join(path, "manifest.json"), JSON.stringify({ ...jsonManifest([0]), state: "running" }));
      await until(() => output() === "one\n");
    } else await setTimeout(3000);
    child.kill("SIGINT");
    expect((await once(child, "close"))[0]).toBe(130);
  });
});
