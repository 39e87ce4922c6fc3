/** The commands of the pages that boot a guest, or use what one recorded. Sibling: pages.test.ts runs the others. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deedsOf, write } from "./pages.ts";
import { needsGuest, runCommandLine, TEST_MS_MAX } from "./testing.ts";

let temporary = "";
beforeAll(async () => void (temporary = await mkdtemp(join(tmpdir(), "test-of-pages-"))));
afterAll(() => rm(temporary, { recursive: true, force: true }));

test.each(["docs/first-probe.md", "docs/providers.md"])("%s: each command on a kernel succeeds and prints something", { timeout: 2 * TEST_MS_MAX }, async (page) => {
  const printed = new Map<string, string>();
  for (const deed of await deedsOf(page)) {
    if (deed.kind === "write") await write(deed, temporary);
    else if (needsGuest(deed.command)) {
      const { status, stdout, stderr } = await runCommandLine(deed.command, temporary);
      expect(status, `${deed.command}\n${stderr}`).toBe(0);
      expect(stdout, deed.command).not.toBe("");
      printed.set(deed.command, stdout);
    }
  }
  expect(printed.size).toBeGreaterThan(0);
});
