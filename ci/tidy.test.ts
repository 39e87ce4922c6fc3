/** Checks of the house itself: what is generated is fresh, rules are cited where they are kept, imports run one way. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { GENERATED } from "../spec/generate.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: PROJECT_ROOT, encoding: "utf8" })
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(PROJECT_ROOT, path)));
const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), "utf8");
const below = (...rooms: string[]): string[] => files.filter((path) => rooms.some((room) => path.startsWith(`${room}/`)));

/** Rooms of TypeScript and those that each may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  spec: [],
  "stpd/post": ["spec"],
  sim: ["spec"],
  properties: ["spec", "sim"],
  "kernel-harness": ["spec", "sim", "properties", "stpd/post"],
  cli: ["spec", "sim", "properties", "kernel-harness", "stpd/post"],
  ci: ["spec", "sim", "properties", "kernel-harness", "stpd/post", "cli"],
};

const roomOf = (path: string): string | undefined => Object.keys(MAY_IMPORT).find((room) => path.startsWith(`${room}/`));

test("generated files are what the generator makes of spec/protocol.ts", () => {
  for (const [path, generate] of Object.entries(GENERATED)) expect(read(path), `${path} is stale; run "npm run generate"`).toBe(generate());
});

describe("imports run one way", () => {
  test.each(Object.keys(MAY_IMPORT))("%s", (room) => {
    const wrong = below(room)
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) =>
        [...read(path).matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)]
          .map((match) => normalize(join(dirname(path), match[1]!)))
          .filter((target) => roomOf(target) !== room && roomOf(target) !== undefined && !MAY_IMPORT[room]!.includes(roomOf(target)!))
          .map((target) => `${path} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });
});

describe("the portable core", () => {
  test.each(below("runtime-c/src"))("%s includes only stp/*.h and has no #ifdef of a platform", (path) => {
    const text = read(path);
    const includes = [...text.matchAll(/^#include (.*)$/gm)].map((match) => match[1]!);
    expect(includes.filter((include) => !/^<stp\/[a-z.]+\.h>$/.test(include))).toEqual([]);
    expect(text).not.toMatch(/#\s*if.*(__KERNEL__|__wasm|__x86_64__|__linux__|LINUX_VERSION)/);
  });
});

describe("every rule of SEMANTICS.md", () => {
  const rules = [...read("spec/SEMANTICS.md").matchAll(/^- \*\*([XMSBPLTO]\d+)/gm)].map((match) => match[1]!);
  const cites = (rooms: string[], ending: RegExp, rule: string): boolean => below(...rooms).some((path) => ending.test(path) && new RegExp(`\\b${rule}\\b|${rangeWith(rule)}`).test(read(path)));

  test("there are rules", () => expect(rules.length).toBeGreaterThan(25));
  test.each(rules)("%s is cited in the C, in the model and in a test", (rule) => {
    expect(cites(["runtime-c/src", "runtime-c/include", "runtime-c/replay"], /(?<!\.gen)\.[ch]$/, rule), "C").toBe(true);
    // Time and nesting are not the model's: it is sequential.
    if (!["X5", "T5"].includes(rule) && !rule.startsWith("L")) expect(cites(["runtime-as/assembly"], /(?<!\.gen)\.ts$/, rule), "model").toBe(true);
    expect(cites(["properties", "sim", "cli", "spec", "stpd"], /\.ts$/, rule), "test").toBe(true);
  });
});

/** Matches a range such as M1-M9 or X1–X5 that holds the rule; its ends are matched as themselves. */
function rangeWith(rule: string): string {
  const [letter, number] = [rule[0]!, Number(rule.slice(1))];
  const pairs: string[] = [];
  for (let from = 1; from < number; from++) for (let to = number + 1; to <= 12; to++) pairs.push(`${letter}${from}[-–]${letter}${to}\\b`);
  return pairs.join("|") || "(?!)";
}

describe("documents", () => {
  test.each(files.filter((path) => path.endsWith(".md")))("%s names only files that exist", (path) => {
    const named = [...read(path).matchAll(/`((?:spec|runtime-c|runtime-as|stpd|sim|properties|kernel-harness|cli|ci|examples|docs)\/[A-Za-z0-9_./-]+\.[a-z]+)`/g)].map((match) => match[1]!);
    expect(named.filter((name) => !existsSync(join(PROJECT_ROOT, name)))).toEqual([]);
  });
});

test("no test is skipped, focused or left for later", () => {
  const found = below("spec", "sim", "properties", "kernel-harness", "stpd", "cli", "runtime-as").filter((path) => path.endsWith(".test.ts") && /\.(skip|only|todo)\b/.test(read(path)));
  expect(found).toEqual([]);
});
