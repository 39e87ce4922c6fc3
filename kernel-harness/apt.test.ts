import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bookwormSources } from "./apt.ts";

const directory = mkdtempSync(join(tmpdir(), "test-of-apt-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("apt reads Debian's sources, each signed with the keys of Debian", () => {
  const [keyring, list] = [join(directory, "keyring.gpg"), join(directory, "sources.list")];
  writeFileSync(keyring, "");
  writeFileSync(list, bookwormSources("k", keyring));
  const options = [`Dir::State=${directory}`, `Dir::Etc::sourcelist=${list}`, "Dir::Etc::sourceparts=/dev/null"].flatMap((option) => ["-o", option]);
  const { stdout, stderr } = spawnSync("apt-get", [...options, "--print-uris", "update"], { encoding: "utf8" }); // asks no network
  expect([...stdout.matchAll(/dists\/(\S+?)\/InRelease'/g)].map(([, suite]) => suite), stderr).toEqual(["bookworm", "bookworm-updates", "bookworm-security"]);
  for (const line of bookwormSources("k", keyring).trim().split("\n")) expect(line).toContain(`[signed-by=${keyring}] `);
});

test("a machine without those keys is told the package that has them", () => {
  expect(() => bookwormSources("debian-6.1", "/nowhere.gpg")).toThrow('Cannot fetch debian-6.1: there is no /nowhere.gpg to check Debian\'s packages with; run "sudo apt-get install debian-archive-keyring"');
});
