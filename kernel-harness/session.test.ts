import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ARCHITECTURES } from "./architectures.ts";
import { kernelReports } from "./console.ts";
import { runSession, type Session } from "./session.ts";

const LIMITS = { boot_ms: 30_000, silence_ms: 30_000, timeout_ms: 30_000 } as const;
const QEMU = "stp-test-qemu";
const PATH = process.env["PATH"];

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stp-session-"));
  writeFileSync(join(directory, ".config"), "");
  process.env["PATH"] = `${directory}${delimiter}${PATH}`;
});
afterEach(() => {
  process.env["PATH"] = PATH;
  rmSync(directory, { recursive: true });
});

/** A session with a QEMU that does nothing but this, in a shell; $console is where the console goes. */
async function sessionOf(script: string): Promise<Session> {
  const find = 'for word; do case $word in file,id=console,path=*) console=${word#*path=};; esac; done';
  writeFileSync(join(directory, QEMU), `#!/bin/sh\n${find}\n${script}\n`, { mode: 0o755 });
  const { amd64 } = ARCHITECTURES;
  const kernel = { name: "x", release: "x", image: "/x", modules: "/x", headers: directory, identity: "x", architecture: { ...amd64, qemu: { ...amd64.qemu, program: QEMU } } };
  return runSession(kernel, { accelerator: "tcg", cpus: 1, memory_mib: 1 }, new Uint8Array(), LIMITS);
}

/** The shell prints so many lines of 64 bytes. */
const chatter = (lines: number): string => `yes "[    1.000000] ${"x".repeat(48)}" | head -n ${lines}`;

test("a report in the middle of a long console is not lost", async () => {
  const session = await sessionOf(`{ ${chatter(28_000)}; echo "[    2.000000] BUG: KCSAN: data-race in f / g"; ${chatter(28_000)}; } > "$console"`);
  expect(session.console.length).toBeGreaterThan(3_400_000);
  expect(kernelReports(session.console)).toHaveLength(1);
});

test("a console without end is bounded, and says where", async () => {
  const session = await sessionOf(`{ ${chatter(200_000)}; echo last; } > "$console"; exec sleep 20`);
  expect(session.ending).toBe("flood");
  expect(session.console.length).toBeLessThan(8_400_000);
  expect(session.console).toMatch(/\n\[\d+ bytes left out\]\n/);
  expect(session.console).toMatch(/last\n$/);
});
