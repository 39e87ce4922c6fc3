/**
 * What the C headers say of themselves: declarations, and the comments that document them.
 *
 * Three forms are documentation: kernel-doc, one-line comments that begin with the names they are about ("name() - …"),
 * and comments directly above the declarations they are about. Sibling: api.ts makes the page.
 */

export const FIELDS = ["Context", "Locking", "Bound", "Return"] as const;
export type Field = (typeof FIELDS)[number];

/** One documented thing, or several that share a comment. */
export interface Entry {
  /** What it is about: functions, macros, or a struct's tag. The first one gives the heading. */
  readonly names: readonly string[];
  readonly kind: "call" | "struct" | "group";
  /** Text before " - " in the comment: how the thing is used. Empty for a comment that names nothing. */
  readonly usage: string;
  readonly summary: string;
  readonly params: readonly (readonly [name: string, text: string])[];
  /** Paragraphs; one that begins with a space is a preformatted block. */
  readonly body: readonly string[];
  readonly fields: Readonly<Partial<Record<Field, string>>>;
  /** Behind the header's line "Below the public calls". */
  readonly below: boolean;
  readonly line: number;
}

export interface Declaration {
  readonly name: string;
  readonly kind: "function" | "inline" | "macro" | "struct" | "object" | "type";
  /** As it stands in the header; a macro without its body, an inline function without its own. */
  readonly text: string;
  /** Lines, from 1. */
  readonly line: number;
  readonly lastLine: number;
  /** Of an object: the struct that it is. */
  readonly type?: string;
}

export interface Header {
  /** As in #include <stp/…>. */
  readonly name: string;
  readonly intro: readonly string[];
  readonly entries: readonly Entry[];
  readonly declarations: readonly Declaration[];
}

interface Comment {
  readonly lines: readonly string[];
  readonly line: number;
  readonly lastLine: number;
}

const BELOW = "Below the public calls.";

/** Reads one header. */
export function parseHeader(name: string, text: string): Header {
  const comments = commentsOf(text);
  const declarations = declarationsOf(text);
  const guard = text.slice(0, text.search(/^#ifndef/m)).split("\n").length;
  const intro = comments.filter(({ line, lines }) => line < guard && !lines[0]!.startsWith("SPDX"));
  const below = comments.find(({ lines }) => lines.join(" ").trim() === BELOW)?.line ?? Infinity;
  const entries = comments
    .filter((comment) => comment.line > guard)
    .map((comment) => entryOf(comment, declarations, text.split("\n"), comment.line > below))
    .filter((entry) => entry !== undefined);
  return { name, intro: intro.flatMap(({ lines }) => paragraphs(lines)), entries, declarations };
}

/** Comments that begin a line, without their stars. */
function commentsOf(text: string): Comment[] {
  return [...text.matchAll(/^\/\*\*?([^]*?)\*\//gm)].map((match) => {
    const line = lineOf(text, match.index);
    const lines = match[1]!.split("\n").map((each) => each.replace(/^ \* ?/, "").trimEnd());
    return { line, lastLine: line + lines.length - 1, lines: lines.map((each, i) => (i === 0 ? each.trim() : each)).filter((each, i) => each !== "" || (i > 0 && i < lines.length - 1)) };
  });
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;
const blank = (text: string): string => text.replace(/[^\n]/g, " ");

function declarationsOf(text: string): Declaration[] {
  const bare = text.replace(/\/\*[^]*?\*\//g, blank);
  const code = bare.replace(/^#.*(?:\\\n.*)*/gm, blank);
  const found: Declaration[] = [];
  const add = (source: string, pattern: RegExp, make: (match: RegExpMatchArray) => Omit<Declaration, "line" | "lastLine">): void => {
    for (const match of source.matchAll(pattern)) {
      const line = lineOf(text, match.index);
      found.push({ ...make(match), line, lastLine: line + match[0].trimEnd().split("\n").length - 1 });
    }
  };
  add(bare, /^#define (\w+)(\([^)]*\))?.*(?:(?<=\\)\n.*)*/gm, (m) => ({ name: m[1]!, kind: "macro", text: `${m[1]!}${m[2] ?? ""}` }));
  add(code, /^struct (\w+) \{[^]*?^\}[^;]*;/gm, (m) => ({ name: m[1]!, kind: "struct", text: text.slice(m.index, m.index! + m[0].length) }));
  add(code, /^extern (?:const )?struct (\w+) \*?(\w+);/gm, (m) => ({ name: m[2]!, kind: "object", text: m[0], type: m[1]! }));
  add(code, /^typedef [^;]*?\(\*(\w+)\)[^;]*;/gm, (m) => ({ name: m[1]!, kind: "type", text: m[0] }));
  add(code, /^(?!typedef|extern|struct \w+ \{)([A-Za-z_][\w \t*]*?[ *])(\w+)\(([^;{}]*)\)\s*(?:;|\{)/gm, (m) => ({
    name: m[2]!,
    kind: /^static\b/.test(m[1]!) ? "inline" : "function",
    text: `${m[1]!.replace(/^static (?:inline|STP_ALWAYS_INLINE) /, "")}${m[2]!}(${m[3]!.replace(/\s+/g, " ")});`,
  }));
  return found.sort((a, b) => a.line - b.line);
}

/** Those directly below a line: up to the next empty line or comment. */
function directlyBelow(lastLine: number, declarations: readonly Declaration[], lines: readonly string[]): Declaration[] {
  const found: Declaration[] = [];
  for (let line = lastLine + 1; lines[line - 1]?.trim() && !lines[line - 1]!.startsWith("/*"); line++) {
    const declaration = declarations.find((each) => each.line === line);
    if (declaration) found.push(declaration);
    line = declaration?.lastLine ?? line;
  }
  return found;
}

/** A list of names with or without arguments; a block may follow. */
const NAMED = /^(?:struct )?[A-Za-z_]\w*(?:\(.*\))?(?:, [A-Za-z_]\w*(?:\(.*\))?)*(?: \{ \.\.\. \})?$/;

function entryOf(comment: Comment, declarations: readonly Declaration[], lines: readonly string[], below: boolean): Entry | undefined {
  const followers = directlyBelow(comment.lastLine, declarations, lines);
  const first = comment.lines[0]!;
  const dash = first.indexOf(" - ");
  const usage = dash < 0 ? "" : first.slice(0, dash);
  const common = { below, line: comment.line };
  if (!NAMED.test(usage)) {
    if (followers.length === 0) return undefined;
    const [summary = "", ...body] = paragraphs(comment.lines);
    return { ...common, names: followers.map(({ name }) => name), kind: "group", usage: "", summary, params: [], body, fields: {} };
  }
  const struct = /^struct (\w+)$/.exec(usage)?.[1];
  const names = struct === undefined ? [...new Set([...namesIn(usage), ...followers.map(({ name }) => name)])] : [struct];
  return { ...common, names, kind: struct === undefined ? "call" : "struct", usage, ...sections([first.slice(dash + 3), ...comment.lines.slice(1)]) };
}

/** `a(x, y(z)), b` has the names a and b. */
function namesIn(usage: string): string[] {
  let rest = usage;
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(/\([^()]*\)/g, "");
  }
  return rest.replace(" { ... }", "").split(", ");
}

/** The parts of a comment behind its names. */
function sections(lines: readonly string[]): Pick<Entry, "summary" | "params" | "body" | "fields"> {
  const params: [string, string][] = [];
  const fields: Partial<Record<Field, string>> = {};
  const text: string[] = [];
  let open: ((more: string) => void) | undefined;
  for (const line of lines.flatMap((each) => each.split(/ (?=Return: )/))) {
    const param = /^@(\w+(?:, @\w+)*): +(.*)$/.exec(line);
    const field = /^((?:Context|Locking|Bound|Return)(?:, (?:Context|Locking|Bound|Return))*): *(.*)$/.exec(line);
    if (param) {
      const at = params.push([param[1]!, param[2]!]) - 1;
      open = (more) => void (params[at]![1] += ` ${more}`);
    } else if (field) {
      const names = field[1]!.split(", ") as Field[];
      for (const name of names) fields[name] = field[2]!;
      open = (more) => names.forEach((name) => void (fields[name] += ` ${more}`));
    } else if (line.trim() === "") {
      open = undefined;
      text.push("");
    } else if (open) {
      open(line.trim());
    } else {
      text.push(line);
    }
  }
  const [summary = "", ...body] = paragraphs(text);
  return { summary, params, body, fields };
}

/** Lines to paragraphs; lines that are indented stay as they are, together. */
function paragraphs(lines: readonly string[]): string[] {
  const found: string[] = [];
  let preformatted: boolean | undefined;
  for (const line of lines) {
    const indented = line.startsWith("  ");
    if (line.trim() === "") preformatted = undefined;
    else if (indented === preformatted) found[found.length - 1] += `${indented ? "\n" : " "}${line}`;
    else {
      found.push(line);
      preformatted = indented;
    }
  }
  return found;
}

/** Functions that a header declares and that neither an entry of any header nor the list at its head documents. */
export function undocumented(header: Header, headers: readonly Header[]): string[] {
  const documented = new Set(headers.flatMap(({ entries }) => entries.flatMap(({ names }) => names)));
  const isListed = (name: string): boolean => header.intro.some((text) => text.includes(`${name}(`));
  return header.declarations.filter(({ name, kind }) => kind === "function" && !documented.has(name) && !isListed(name)).map(({ name }) => name);
}

/** Names that a comment says it is about and that its header does not declare. */
export function unknownNames(header: Header): string[] {
  const declared = new Set(header.declarations.map(({ name }) => name));
  return header.entries.flatMap(({ names }) => names.filter((name) => !declared.has(name)));
}
