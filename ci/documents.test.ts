/** The documents: what is generated is fresh, what is public is documented, what is quoted is in a file. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../spec/protocol.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { apiPage, misplaced } from "./api.ts";
import { DOCUMENTS, fillTables, readHeaders } from "./documents.ts";
import { parseHeader, undocumented, unknownNames } from "./headers.ts";

const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), "utf8");
const headers = readHeaders();

test.each(Object.keys(DOCUMENTS))('%s is fresh; else run "npm run generate"', (path) => {
  expect(read(path)).toBe(DOCUMENTS[path]!(read(path)));
});

describe("the headers", () => {
  test.each(headers.map((header) => [header.name, header] as const))("%s: every public function has a comment", (_name, header) => {
    const sentences = undocumented(header, headers).map((name) => `${header.name} declares ${name}() without a comment: write "/* ${name}() - What it does. */" or kernel-doc above it`);
    expect(sentences).toEqual([]);
  });

  test.each(headers.map((header) => [header.name, header] as const))("%s: every comment is about something that the header declares", (_name, header) => {
    expect(unknownNames(header)).toEqual([]);
  });

  test("every entry says what it is, or what it returns", () => {
    const silent = headers.flatMap(({ name, entries }) => entries.filter(({ summary, fields }) => summary === "" && fields.Return === undefined).map(({ line }) => `${name}:${line}`));
    expect(silent).toEqual([]);
  });

  test("every header and every name of ci/api.ts has its place", () => {
    expect(misplaced(headers)).toEqual([]);
  });
});

describe("parseHeader", () => {
  const EXAMPLE = `/* SPDX */
/* What it is about. */
#ifndef STP_X_H
#define STP_X_H

/**
 * stp_x_add() - Add @n.
 * @n: How much,
 *     or more.
 *
 * More about it.
 *
 * Context, Bound: Any.
 * Return:  0; -STP_EFULL if
 *          full.
 */
int stp_x_add(struct stp_x *x, s64 n);

/* stp_x_get(&x) - The number. Return: it. */
#define stp_x_get(x) stp_x_get_typed(&(x)->x)
s64 stp_x_get_typed(struct stp_x *x);

int stp_x_forgotten(struct stp_x *x,
		    u32 n);

/* stp_x_gone() - Is not here. */

static inline int stp_x_helper(void)
{
	return 0;
}

/*
 * Below the public calls.
 */

/* Both of these. */
void stp_x_a(void);
void stp_x_b(void);

#endif
`;
  const header = parseHeader("x.h", EXAMPLE);

  test("kernel-doc has a summary, parameters, paragraphs and fields, each with its continuation", () => {
    expect(header.entries[0]).toMatchObject({
      names: ["stp_x_add"],
      summary: "Add @n.",
      params: [["n", "How much, or more."]],
      body: ["More about it."],
      fields: { Context: "Any.", Bound: "Any.", Return: "0; -STP_EFULL if full." },
      below: false,
    });
  });

  test("a one-line comment is about the names in it and about what is directly below", () => {
    expect(header.entries[1]).toMatchObject({ names: ["stp_x_get", "stp_x_get_typed"], usage: "stp_x_get(&x)", summary: "The number.", fields: { Return: "it." } });
  });

  test("a comment directly above declarations is about them, behind the line for adapters too", () => {
    expect(header.entries.at(-1)).toMatchObject({ names: ["stp_x_a", "stp_x_b"], summary: "Both of these.", below: true });
  });

  test("a public function without a comment is named, a static one is not", () => {
    expect(undocumented(header, [header])).toEqual(["stp_x_forgotten"]);
  });

  test("a comment about what is not declared is named", () => {
    expect(unknownNames(header)).toEqual(["stp_x_gone"]);
  });

  test("the page has signatures, usage and links", () => {
    const page = apiPage([{ ...header, name: "map.h" }], "notice");
    for (const text of ["#### stp_x_add()", "int stp_x_add(struct stp_x *x, s64 n);", "- `@n`: How much, or more.", "- **Context:** Any.", "```c\nstp_x_get(&x)\ns64 stp_x_get_typed(struct stp_x *x);\n```"]) expect(page).toContain(text);
  });
});

test("fillTables replaces what stands at a place, and refuses a table without one", () => {
  expect(fillTables("a\n<!-- generated: t -->\nold\n<!-- end -->\nb", { t: () => "new" })).toBe("a\n<!-- generated: t -->\nnew\n<!-- end -->\nb");
  expect(() => fillTables("", { t: () => "" })).toThrow("The page has no place for t");
  expect(() => fillTables("<!-- generated: u -->\n<!-- end -->", {})).toThrow("There is no table u");
});

test("docs/limits.md explains every limit, in order, what happens at it", () => {
  const section = /^## What happens at a limit$([^]*?)^## /m.exec(read("docs/limits.md"))?.[1] ?? "";
  expect([...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])).toEqual(Object.keys(LIMITS));
});

/** C files that a page may quote. */
const QUOTED = [
  ...readdirSync(join(PROJECT_ROOT, "examples")).flatMap((example) => readdirSync(join(PROJECT_ROOT, "examples", example)).filter((name) => name.endsWith(".c")).map((name) => `examples/${example}/${name}`)),
  ...headers.map(({ name }) => `runtime-c/include/stp/${name}`),
].map(read);

const PAGES = [
  "README.md",
  ...readdirSync(join(PROJECT_ROOT, "docs")).filter((name) => name.endsWith(".md") && name !== "api.md").map((name) => `docs/${name}`),
  ...readdirSync(join(PROJECT_ROOT, "examples")).map((example) => `examples/${example}/README.md`),
];

test.each(PAGES)("%s quotes C as it stands in a file that is compiled", (path) => {
  const quotes = [...read(path).matchAll(/^```c\n([^]*?)^```$/gm)].map((match) => match[1]!);
  expect(quotes.filter((quote) => !QUOTED.some((file) => file.includes(quote)))).toEqual([]);
});
