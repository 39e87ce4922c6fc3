/** The commands of docs/stpd.md, one after the other, in a guest. Sibling: page.test.ts */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import type { GuestResult } from "../guest.ts";
import { step } from "../steps.ts";
import { buildProgram } from "../tools.ts";
import { boot, linesModule, MINUTE_MS, printedBy, problemsOf, saidBy, STEP_S_MAX, tool } from "./daemon.ts";

const commands = [...readFileSync(join(PROJECT_ROOT, "docs/stpd.md"), "utf8").matchAll(/^```sh machine\n([^]*?)^```$/gm)].flatMap((match) => match[1]!.trim().split("\n"));

/** A command as a step; `kill -INT $(cat FILE)` is the tool's. */
function stepOf(command: string, index: number): string {
  const [, signal, file] = /^kill -(\w+) \$\(cat (\S+)\)$/.exec(command) ?? [];
  if (signal !== undefined) return tool(`command-${index}`, "kill", signal, file!);
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
  return step("run", `command-${index}`, STEP_S_MAX, `/${words[0]!}`, ...words.slice(1));
}

describe("docs/stpd.md", () => {
  let guest: GuestResult;

  beforeAll(async () => {
    const sleep = await buildProgram({ name: "sleep", sources: { "sleep.c": "#include <stdlib.h>\n#include <unistd.h>\nint main(int argc, char **argv)\n{\n\treturn argc == 2 ? (int)sleep(atoi(argv[1])) : 1;\n}\n" } });
    guest = await boot([...commands.map(stepOf), tool("folders", "list", "/"), tool("snapshots", "list", "/fifth")], { files: { "/bin/sleep": sleep, "/stp_opens.ko": await linesModule("stp_opens") } });
  }, 6 * MINUTE_MS);

  test("has commands that all succeed", () => {
    expect(commands.length).toBeGreaterThan(10);
    expect(problemsOf(guest), commands.map((command, index) => `${command}: ${saidBy(guest, `command-${index}`)}`).join("")).toEqual([]);
  });

  test("has recordings where it says so", () => {
    expect(printedBy(guest, "folders").split("\n")).toEqual(expect.arrayContaining(["first", "second", "third", "fourth", "fifth", "sixth"]));
    expect(printedBy(guest, "snapshots").split("\n")).toContain("snapshot-1");
  });
});
