/** Makes docs/api.md from the C headers. Siblings: headers.ts reads them, documents.ts writes and compares. */
import { ERRORS } from "../spec/protocol.ts";
import { FIELDS, type Declaration, type Entry, type Header } from "./headers.ts";

/** Whom a thing is for; each is a part of the page. */
const PLACES = ["probe", "session", "below"] as const;
type Place = (typeof PLACES)[number];

const PARTS: Readonly<Record<Place, { readonly title: string; readonly text: string; readonly headers: readonly string[] }>> = {
  probe: {
    title: "For a probe",
    text: `\`#include <stp/stp.h>\` gives all of this part. A program is maps and probes. A probe is \`STP_PROBE(begin)\`, \`STP_PROBE(end)\` or
\`STP_PROBE(kprobe, "function")\`, and its body:

\`\`\`c
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
}
\`\`\`

\`ctx\` is the context of the hit. A call that is refused says so by its result and is counted ([limits](limits.md)); a probe may ignore it.`,
    headers: ["probe.h", "task.h", "memory.h", "stack.h", "map.h", "args.h", "stats.h", "print.h", "string.h", "error.h"],
  },
  session: {
    title: "For providers, transports and whoever runs a session",
    text: "What attaches probes, carries records away, begins and ends a session, and what the runtime asks of a world.",
    headers: ["probe.h", "look.h", "session.h", "ring.h", "ledger.h", "port.h"],
  },
  below: {
    title: "Below the public calls: for adapters and memory schemes",
    text: "For code that holds a map's lock itself, gives maps their memory, or writes into the print buffer. A probe needs none of it.",
    headers: ["probe.h", "map.h", "map_core.h", "sort.h", "print.h", "format.h", "stats.h", "args.h"],
  },
};

/** Where a header's things go. */
const HEADER_PLACES: Readonly<Record<string, Place>> = {
  "task.h": "probe",
  "memory.h": "probe",
  "stack.h": "probe",
  "map.h": "probe",
  "stats.h": "probe",
  "print.h": "probe",
  "string.h": "probe",
  "error.h": "probe",
  "probe.h": "session",
  "look.h": "session",
  "session.h": "session",
  "ring.h": "session",
  "ledger.h": "session",
  "port.h": "session",
  "map_core.h": "below",
  "sort.h": "below",
  "format.h": "below",
  "args.h": "below",
};

/** Things that do not go with their header. */
const ENTRY_PLACES: Readonly<Record<string, Place>> = {
  ...placed("probe", ["stp_step", "stp_exit", "STP_ANY"]),
  ...placed("below", ["stp_outside", "stp_act", "stp_act_slowly", "stp_this_cpu", "stp_this_ctx", "stp_current_ctx"]),
  ...placed("below", ["stp_map_init", "stp_map_fini", "stp_map_refill", "stp_walk_begin_paid", "stp_map_show", "stp_map_room_give"]),
  ...placed("below", ["stp_hist", "stp_hist_init", "stp_hist_bucket", "stp_hist_print", "stp_stats_clear", "stp_stats_merge"]),
};

function placed(place: Place, names: readonly string[]): Record<string, Place> {
  return Object.fromEntries(names.map((name) => [name, place]));
}

/** First names of groups of macros of which only other macros are made. */
const INTERNAL = /^STP_(COMPILES|EACH_|BITS_|ARGS_NTH|ARGS_WORDS|PASTE|MAP_INLINED|KEY_BIT)/;

/** Most names that a heading has. */
const HEADING_NAMES_MAX = 3;

function placeOf(header: Header, entry: Entry): Place | undefined {
  return ENTRY_PLACES[entry.names[0]!] ?? (entry.below ? "below" : HEADER_PLACES[header.name]);
}

function isPublic(header: Header, entry: Entry): boolean {
  if (entry.kind !== "group") return true;
  if (INTERNAL.test(entry.names[0]!)) return false;
  return header.declarations.some(({ name, kind }) => entry.names.includes(name) && (kind === "function" || kind === "macro"));
}

/** Names in this file that no header has any more, and headers that have no place in it. */
export function misplaced(headers: readonly Header[]): string[] {
  const names = new Set(headers.flatMap(({ entries }) => entries.flatMap((entry) => entry.names)));
  const unplaced = headers.filter(({ name, entries }) => entries.length > 0 && !(name in HEADER_PLACES)).map(({ name }) => name);
  const unshown = headers.flatMap((header) => header.entries.filter((entry) => isPublic(header, entry)).filter((entry) => !PARTS[placeOf(header, entry) ?? "probe"].headers.includes(header.name)).map((entry) => entry.names[0]!));
  return [...Object.keys(ENTRY_PLACES).filter((name) => !names.has(name)), ...unplaced, ...unshown];
}

/** The page. */
export function apiPage(headers: readonly Header[], notice: string): string {
  const known = new Set(headers.flatMap((header) => header.entries.filter((entry) => isPublic(header, entry)).flatMap((entry) => entry.names)));
  const parts = PLACES.map((place) => part(place, headers, known));
  return [
    `<!-- ${notice} -->`,
    "# API reference",
    `Every public call of the runtime, from the comments of \`runtime-c/include/stp/\`. What the calls do, rule by rule (M1, X6 …), is in
[SEMANTICS.md](../spec/SEMANTICS.md); how to choose limits is in [limits.md](limits.md), how a map gets its memory in
[memory-schemes.md](memory-schemes.md).`,
    `Context levels are task, softirq, irq and nmi. *Any* context is each of them, with preemption or interrupts off or not. Unless an entry says
otherwise, a call returns 0 or more, or one of these, negative:`,
    ["| error | meaning |", "|---|---|", ...Object.entries(ERRORS).map(([name, { doc }]) => `| \`STP_${name}\` | ${doc} |`)].join("\n"),
    ...PLACES.map((place) => `- [${PARTS[place].title}](#${PARTS[place].title.toLowerCase().replace(/[^\w ]/g, "").replaceAll(" ", "-")})`).join("\n").split("\n\n"),
    ...parts,
    "",
  ].join("\n\n").replace(/\n+$/, "\n");
}

function part(place: Place, headers: readonly Header[], known: ReadonlySet<string>): string {
  const { title, text, headers: order } = PARTS[place];
  const sections = order.flatMap((name) => {
    const header = headers.find((each) => each.name === name);
    const entries = header?.entries.filter((entry) => isPublic(header, entry) && placeOf(header, entry) === place) ?? [];
    if (!header || (entries.length === 0 && !(HEADER_PLACES[name] === place))) return [];
    const intro = HEADER_PLACES[name] === place ? paragraphsOf(header.intro, known) : [];
    return [`### <stp/${name}>`.replace("<", "\\<"), ...intro, ...entries.map((entry) => entryText(entry, headers, header, known))];
  });
  return [`## ${title}`, text, ...sections].join("\n\n");
}

function entryText(entry: Entry, headers: readonly Header[], header: Header, known: ReadonlySet<string>): string {
  const params = entry.params.map(([name, text]) => `- \`@${name}\`: ${inline(text, known)}`).join("\n");
  const fields = FIELDS.filter((field) => entry.fields[field] !== undefined).map((field) => `- **${field}:** ${inline(entry.fields[field]!, known)}`);
  const objects = entry.kind === "struct" ? headers.flatMap(({ declarations }) => declarations).filter(({ type }) => type === entry.names[0]).map(({ name }) => `\`${name}\``) : [];
  return [
    [...entry.names.map((name) => `<a id="${name}"></a>`)].join(""),
    `#### ${heading(entry, header)}`,
    ["```c", ...codeOf(entry, header), "```"].join("\n"),
    inline(entry.summary, known),
    ...(params ? [params] : []),
    ...paragraphsOf(entry.body, known),
    ...(fields.length > 0 ? [fields.join("\n")] : []),
    ...(objects.length > 0 ? [`There ${objects.length === 1 ? "is" : "are"} ${objects.join(", ")}.`] : []),
  ].filter((text) => text !== "").join("\n\n");
}

function heading({ names, kind }: Entry, { declarations }: Header): string {
  const shown = names.length > HEADING_NAMES_MAX ? [names[0]!, names[1]!, "…", names.at(-1)!] : names;
  const isCall = (name: string): boolean => declarations.some((each) => each.name === name && (each.kind === "function" || each.kind === "inline" || /\(/.test(each.text)));
  return shown.map((name) => (kind === "struct" ? `struct ${name}` : isCall(name) ? `${name}()` : name)).join(", ");
}

/** What stands in the entry's block of C: how it is used as the comment shows it, else as it is declared. */
function codeOf({ names, usage }: Entry, { declarations }: Header): string[] {
  const shown = /\([^)]/.test(usage) ? namesShown(usage, names) : [];
  const rest = names.filter((name) => !shown.includes(name)).map((name) => declarations.find((each) => each.name === name)).filter((each): each is Declaration => each !== undefined && each.kind !== "object");
  return [...(shown.length > 0 ? [usage] : []), ...rest.map(({ text }) => text)];
}

const namesShown = (usage: string, names: readonly string[]): string[] => names.filter((name) => new RegExp(`(?:^|, )${name}\\(`).test(usage));

function paragraphsOf(texts: readonly string[], known: ReadonlySet<string>): string[] {
  return texts.map((text) => (text.startsWith("  ") ? ["```", ...text.split("\n").map((line) => line.replace(/^ {2}/, "")), "```"].join("\n") : inline(text, known)));
}

/** A comment's text as Markdown: names as code, and calls as links to their entry. */
function inline(text: string, known: ReadonlySet<string>): string {
  const pattern = /`[^`]*`|<stp[/_]\w+\.h>|"[^"]*"|@\w+|-?\b(?:stp|STP)_\w+\*?(?:\(\))?/g;
  let [out, at] = ["", 0];
  for (const match of text.matchAll(pattern)) {
    out += plain(text.slice(at, match.index)) + token(match[0], known);
    at = match.index + match[0].length;
  }
  return out + plain(text.slice(at));
}

const plain = (text: string): string => text.replace(/[<*|]/g, (c) => `\\${c}`);

function token(text: string, known: ReadonlySet<string>): string {
  if (text.startsWith('"')) return plain(text);
  if (text.startsWith("`")) return text;
  const name = text.replace(/\(\)$/, "");
  return known.has(name) ? `[\`${text}\`](#${name})` : `\`${text.replace(/^@/, "")}\``;
}
