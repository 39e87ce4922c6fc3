/** Pages that lead through something lead there: every command that needs no guest. Sibling: pages.guest.test.ts */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { deedsOf, write } from "./pages.ts";
import { needsGuest, runCommandLine, TEST_MS_MAX } from "./testing.ts";

let temporary = "";
beforeAll(async () => void (temporary = await mkdtemp(join(tmpdir(), "test-of-pages-"))));
afterAll(() => rm(temporary, { recursive: true, force: true }));

describe.each(["docs/first-probe.md", "docs/providers.md"])("%s", { timeout: TEST_MS_MAX }, (page) => {
  test("each command succeeds and prints something, after what the page had its reader write before", async () => {
    let ran = 0;
    for (const deed of await deedsOf(page)) {
      if (deed.kind === "write") await write(deed, temporary);
      else if (!needsGuest(deed.command) && deed.command !== "npm start") {
        const { status, stdout, stderr } = await runCommandLine(deed.command, temporary);
        expect({ status, stderr }, deed.command).toEqual({ status: 0, stderr: "" });
        expect(stdout, deed.command).not.toBe("");
        ran++;
      }
    }
    expect(ran).toBeGreaterThan(0);
  });

  test("each probe that it shows runs over a made-up world", async () => {
    for (const deed of await deedsOf(page)) {
      if (deed.kind !== "write") continue;
      await write(deed, temporary);
      expect(await runCommandLine(`./stp run ${deed.path} --seed 2 --events 200`, temporary)).toMatchObject({ status: 0 });
    }
  });
});

test("docs/providers.md shows the example's provider as it is", async () => {
  const shown = /^```c provider\n([^]*?)^```$/m.exec(await readFile(join(PROJECT_ROOT, "docs/providers.md"), "utf8"))?.[1];
  expect(shown).toBe(await readFile(join(PROJECT_ROOT, "examples/011-own-provider/links.provider.c"), "utf8"));
});
