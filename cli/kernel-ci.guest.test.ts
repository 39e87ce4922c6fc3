/** docs/kernel-ci.md leads to a green matrix: every command in its blocks, in its order. Boots guests. */
import { appendFile, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FetchedKernel } from "../kernel-harness/fetch.ts";
import { testedKernel } from "../kernel-harness/testing.ts";
import { deedsOf } from "./pages.ts";
import { runCommandLine, TEST_MS_MAX, type Ran } from "./testing.ts";

const PAGE = "docs/kernel-ci.md";
/** What the runtime's modules call, and a later kernel might not have. */
const GONE = "\n#define debugfs_create_blob debugfs_create_blob_is_gone\n";

/** A command that builds all modules first, on a busy machine. */
const COLD_MS_MAX = 10 * 60_000;

let temporary = "";

/** A folder as the page describes it. */
async function layOut(kernel: FetchedKernel, name: string, change?: string): Promise<void> {
  const folder = join(temporary, name);
  await mkdir(folder, { recursive: true });
  const headers = join(folder, basename(kernel.headers));
  await symlink(kernel.image, join(folder, basename(kernel.image)));
  await mkdir(join(folder, "lib/modules"), { recursive: true });
  await symlink(kernel.modules!, join(folder, "lib/modules", kernel.release));
  if (change === undefined) return symlink(kernel.headers, headers);
  await cp(kernel.headers, headers, { recursive: true, verbatimSymlinks: false });
  for (const sibling of await readdir(join(kernel.headers, ".."))) if (sibling !== basename(kernel.headers)) await symlink(join(kernel.headers, "..", sibling), join(folder, sibling)).catch(() => {});
  await appendFile(join(headers, "include/generated/autoconf.h"), change);
}

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "test-of-kernel-ci-"));
  const kernel = await testedKernel();
  await layOut(kernel, "kernel");
  for (const release of ["6.1.1", "6.1.2"]) await layOut(kernel, `kernels/${release}`);
  await layOut(kernel, "kernels/6.1.3", GONE);
}, TEST_MS_MAX);
afterAll(() => rm(temporary, { recursive: true, force: true }));

/** What a command must have said; of those that are not here, something. */
const SAID: Readonly<Record<string, RegExp>> = {
  "sh ci/setup.sh": /^all is here$/m,
  "./stp kernel list": /^debian-6\.1-cloud +/m,
  "./stp kernel test debian-6.1-cloud": /^ok 1 debian-6\.1-cloud # /m,
  "./stp kernel bisect": /^the first bad kernel is \S+\/6\.1\.3, the last good one \S+\/6\.1\.2$/m,
};

test("every command succeeds and says what the page promises", { timeout: 3 * COLD_MS_MAX }, async () => {
  const commands = (await deedsOf(PAGE)).flatMap((deed) => (deed.kind === "run" ? [deed.command] : []));
  expect(commands.length).toBeGreaterThan(8);
  for (const command of commands) {
    const { status, stdout, stderr }: Pick<Ran, "status" | "stdout" | "stderr"> = await runCommandLine(command, temporary, COLD_MS_MAX);
    expect(status, `${command}\n${stdout}${stderr}`).toBe(0);
    const said = Object.entries(SAID).findLast(([begin]) => command.startsWith(begin))?.[1] ?? /\S/;
    expect(stdout, command).toMatch(said);
  }
  const results = join(temporary, "results");
  expect((await readdir(results)).sort()).toEqual(["results.json", "results.ktap", "results.txt", "results.xml"]);
  expect(JSON.parse(await readFile(join(results, "results.json"), "utf8"))).toMatchObject({ outcome: "ok", exit_status: 0 });
});
