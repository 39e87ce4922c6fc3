import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MODULE = fileURLToPath(new URL("at-end.ts", import.meta.url));

/** Runs a script in a process of its own, signals it once it said something, and tells how it ended. */
async function interrupted(script: string, signal: NodeJS.Signals): Promise<{ signal: string | null; status: number | null; stdout: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", `import { atEnd, removeAtEnd } from ${JSON.stringify(MODULE)};\n${script}`], { stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.on("data", (bytes: Buffer) => {
    if (stdout === "") child.kill(signal);
    stdout += bytes.toString();
  });
  return new Promise((resolve) => child.on("close", (status, ending) => resolve({ signal: ending, status, stdout })));
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("atEnd at %s runs the actions, last one first, and the process ends by the signal", async (signal) => {
  const script = 'for (const name of ["a", "b", "c"]) { const undo = atEnd(() => console.log(name)); if (name === "b") undo(); }\nconsole.log("up"); setInterval(() => {}, 1000);';
  expect(await interrupted(script, signal)).toEqual({ signal, status: null, stdout: "up\nc\na\n" });
}, 20_000);

test("atEnd leaves a process that handles the signal itself alive", async () => {
  const script = 'process.on("SIGINT", () => { console.log("handled"); setTimeout(() => process.exit(7), 50); });\natEnd(() => console.log("tidied"));\nconsole.log("up"); setInterval(() => {}, 1000);';
  expect(await interrupted(script, "SIGINT")).toEqual({ signal: null, status: 7, stdout: "up\nhandled\ntidied\n" });
}, 20_000);

test("removeAtEnd removes a directory when the process is interrupted", async () => {
  const directory = await mkdtemp(join(tmpdir(), "stp-at-end-test-"));
  await interrupted(`removeAtEnd(${JSON.stringify(directory)});\nconsole.log("up"); setInterval(() => {}, 1000);`, "SIGINT");
  expect(existsSync(directory)).toBe(false);
  await rm(directory, { recursive: true, force: true });
}, 20_000);
