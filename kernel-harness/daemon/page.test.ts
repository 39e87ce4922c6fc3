/** docs/stpd.md is true of stpd: its options, and the messages that it explains. Sibling: page.guest.test.ts runs its commands. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProcess } from "../process.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { buildStpd } from "../run.ts";

const page = readFileSync(join(PROJECT_ROOT, "docs/stpd.md"), "utf8");
const folder = join(PROJECT_ROOT, "stpd/daemon");
const sources = readdirSync(folder).filter((name) => name.endsWith(".c")).map((name) => readFileSync(join(folder, name), "utf8")).join("\n");

/** The sources with strings that are written in pieces as one. */
const plain = sources.replace(/"\s*DEBUGFS\s*"/g, "/sys/kernel/debug").replace(/"\s*PRIu64\s*"/g, "d").replace(/"\s+"/g, "").replaceAll('\\"', '"');
const PLACEHOLDER = /\b(?:MODULE\.ko|RELEASE|NAME|DIRECTORY|WHY|\d+)\b/;
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("docs/stpd.md", () => {
  const messages = [...page.slice(page.indexOf("## When something is wrong")).matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);

  test("explains messages", () => expect(messages.length).toBeGreaterThan(12));
  test.each(messages)("stpd says: %s", (message) => {
    const format = message.split(PLACEHOLDER).map(escaped).join(".{1,40}?");
    expect(new RegExp(format).test(plain), message).toBe(true);
  });

  test("has all options that stpd has, and no other", async () => {
    const { stdout } = await runProcess(await buildStpd(), ["--help"], { timeout_ms: 10_000 });
    const options = (text: string): string[] => [...new Set([...text.matchAll(/(?<=[`\s])(--[a-z-]+)/g)].map((match) => match[1]!))].sort();
    expect(options(page.slice(page.indexOf("## Options"), page.indexOf("## In the background")))).toEqual(options(stdout));
  });
});
