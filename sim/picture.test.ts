/** The picture of a run, as text and as a page: made-up runs, drawn whole. */
import { expect, test } from "vitest";
import type { Context } from "../spec/protocol.ts";
import { pictureHtml, STRETCH_ROWS_MAX } from "./picture-html.ts";
import { PICTURE_COLUMNS, PICTURE_ROWS_MAX, pictureText, type Picture, type PictureEvent } from "./picture.ts";

const PROBE = `STP_GLOBAL(counter);
STP_PROBE(kprobe, "do_sys_openat2")
{
	int value = counter;

	counter = value + 1;
	if (a < b && "c>d")
		stp_map_add(&opens, STP_KEY(1), 1);
}
`;

const source = (path: string): string | undefined => (path === "tests/probe.c" ? PROBE : undefined);

const LEVELS: Readonly<Record<string, Context>> = { T: "task", S: "softirq", I: "irq", N: "nmi" };

/** "T0@1": context T0 on CPU 1. */
function contextAt(at: string): { readonly name: string; readonly cpu: number; readonly level: Context } {
  const [name, cpu] = at.split("@");
  return { name: name!, cpu: Number(cpu), level: LEVELS[name![0]!]! };
}

function event(at: string, line: number, what = "", more: Partial<PictureEvent> = {}): PictureEvent {
  const { name, cpu, level } = contextAt(at);
  return { context: name, cpu, level, site: { path: "tests/probe.c", line, function: "probe_0" }, what, ...more };
}

const inRuntime = (line: number, path = "runtime-c/src/map.c"): Partial<PictureEvent> => ({
  site: { path, line, function: "stp_map_add" },
  caller: { path: "tests/probe.c", line: 8, function: "probe_0" },
});

function picture(schedule: string, events: readonly PictureEvent[], more: Partial<Picture> = {}): Picture {
  const contexts = [...new Map(events.map(({ context, cpu, level }) => [context, { name: context, cpu, level, what: "probe 0" }])).values()];
  return { title: "race on counter", detail: "Nothing orders them.", schedule, command: `./stp check probe.c --schedule "${schedule}"`, contexts, events, ...more };
}

/** The lines below the head of the columns. */
function rowsOf(text: string): string[] {
  const lines = text.split("\n");
  const rule = lines.findIndex((line) => line.includes("────"));
  return lines.slice(rule + 1, lines.indexOf("", rule));
}

const draw = (events: readonly PictureEvent[], schedule = "T0:2 I1:* T0", columns?: number): string[] => rowsOf(pictureText(picture(schedule, events), source, columns));

const RACE = picture("T0:2 T1:* T0", [
  event("T0@0", 4, "reads counter"),
  event("T1@1", 4, "reads counter"),
  event("T1@1", 6, "writes counter", { mark: "first write" }),
  event("T0@0", 6, "writes counter", { mark: "second write: what T1 added is lost" }),
]);

test("a race of two CPUs has one column for each, each line at its place in time, and both sides marked", () => {
  expect(pictureText(RACE, source, 120)).toBe(`race on counter
Nothing orders them.

   T0  task on CPU 0  probe 0
   T1  task on CPU 1  probe 0

   CPU 0                                              │ CPU 1
   ───────────────────────────────────────────────────┼───────────────────────────────────────────────────
   T0 probe.c:4 int value = counter; · reads counter  │
                                                      │ T1 probe.c:4 int value = counter; · reads counter
>>                                                    │    probe.c:6 counter = value + 1; · writes counter
                                                      │ ^ first write
>> T0 probe.c:6 counter = value + 1; · writes counter │
   ^ second write: what T1 added is lost              │

schedule: T0:2 T1:* T0
again: ./stp check probe.c --schedule "T0:2 T1:* T0"
`);
});

test("an nmi in a task stands in a bracket where it interrupts the task, with the callers of runtime code", () => {
  const events = [
    event("T0@0", 8, "takes lock", inRuntime(210)),
    event("T0@0", 8, "writes 4 bytes", inRuntime(214)),
    event("N1@0", 8, "tries lock", inRuntime(210)),
    event("N1@0", 8, "writes 8 bytes", { ...inRuntime(230), mark: "M6: changed while T0 holds it" }),
    event("T0@0", 8, "drops lock", inRuntime(240)),
  ];
  expect(draw(events)).toEqual([
    "   T0 probe.c:8 > map.c:210 in stp_map_add() · takes lock",
    "      probe.c:8 > map.c:214 in stp_map_add() · writes 4 bytes",
    "   ┌ N1 nmi interrupts T0",
    "   │    probe.c:8 > map.c:210 in stp_map_add() · tries lock",
    ">> └    probe.c:8 > map.c:230 in stp_map_add() · writes 8 bytes",
    "     ^ M6: changed while T0 holds it",
    "   T0 probe.c:8 > map.c:240 in stp_map_add() · drops lock",
  ]);
});

test("an nmi in an irq in a task is two brackets deep, which stay visible while another CPU runs", () => {
  const events = [event("T0@0", 4), event("I1@0", 4), event("N2@0", 4), event("T3@1", 4), event("N2@0", 6), event("I1@0", 6), event("T0@0", 6)];
  expect(draw(events, "T0:2 I1:2 N2:2 T3:* N2 I1 T0")).toEqual([
    "   T0 probe.c:4 int value = counter;     │",
    "   ┌ I1 irq interrupts T0                │",
    "   │    probe.c:4 int value = counter;   │",
    "   │ ┌ N2 nmi interrupts I1              │",
    "   │ │    probe.c:4 int value = counter; │",
    "   │ │                                   │ T3 probe.c:4 int value = counter;",
    "   │ └ N2 probe.c:6 counter = value + 1; │",
    "   └ I1 probe.c:6 counter = value + 1;   │",
    "   T0 probe.c:6 counter = value + 1;     │",
  ]);
});

test("an irq that never ends because of what it interrupted leaves its bracket open", () => {
  expect(draw([event("T0@0", 4), event("I1@0", 6, "spins"), event("I1@0", 6, "spins")], "T0:2 I1")).toEqual([
    "   T0 probe.c:4 int value = counter;",
    "   ┌ I1 irq interrupts T0",
    "   │    probe.c:6 counter = value + 1; · spins ×2",
  ]);
});

test("an irq after the end of a task interrupts nothing", () => {
  expect(draw([event("T0@0", 4), event("I1@0", 6)], "T0:* I1:*")).toEqual(["   T0 probe.c:4 int value = counter;", "   I1 probe.c:6 counter = value + 1;"]);
});

test("a task that preempts another one, and one that moves, say so", () => {
  expect(draw([event("T0@0", 4), event("T1@0", 4), event("T0@1", 6)], "T0:2 T1:* T0@1")).toEqual([
    "   T0 probe.c:4 int value = counter; │",
    "   T1 preempts T0                    │",
    "      probe.c:4 int value = counter; │",
    "                                     │ T0 moves here from CPU 0",
    "                                     │    probe.c:6 counter = value + 1;",
  ]);
});

test("events of one context at one line are one row, unless another context runs between them", () => {
  const events = [event("T0@0", 6, "reads counter"), event("T0@0", 6, "writes counter"), event("T1@1", 6), event("T0@0", 6)];
  const rows = draw(events, "T0:3 T1:* T0", 120);
  expect(rows).toHaveLength(3);
  expect(rows[0]).toContain("· reads counter, writes counter");
});

test("two files of one name are told apart", () => {
  const text = draw([event("T0@0", 8, "", inRuntime(1)), event("T0@0", 8, "", inRuntime(2, "port/kernel/map.c"))]).join("\n");
  expect(text).toContain("src/map.c:1");
  expect(text).toContain("kernel/map.c:2");
});

test("a source line without room is cut, what happens there is not", () => {
  const rows = draw(RACE.events, RACE.schedule, 60);
  expect(rows.slice(0, 2)).toEqual(["   T0 probe.c:4 int value = c… │", "      · reads counter          │"]);
});

test("characters that would steer a terminal are not printed", () => {
  const text = pictureText(picture("T0", [event("T0@0", 4, "reads \u001b[31mred\u202e")]), () => "\n\n\nint a\u001b[0m;");
  expect(text).not.toMatch(/[\u001b\u202e]/);
  expect(text).toContain("reads \ufffd[31mred");
});

const longRun = (count: number, at = "T0@0"): PictureEvent[] => Array.from({ length: count }, (_, index) => event(at, 8, "", inRuntime(100 + index)));

test("a long undisturbed stretch is elided; the rows around switches, the marked ones and the last ones are not", () => {
  const events = [...longRun(300), ...longRun(4, "N1@0"), ...longRun(300)];
  events[450] = { ...events[450]!, mark: "here" };
  const rows = draw(events);
  const text = rows.join("\n");
  expect(rows.length).toBeLessThanOrEqual(PICTURE_ROWS_MAX);
  expect(text).toContain("… 290 lines of T0 …");
  expect(rows[rows.indexOf("   ┌ N1 nmi interrupts T0") - 1]).toContain("map.c:399");
  expect(rows.find((row) => row.startsWith(">>"))).toContain(`map.c:${100 + 450 - 304}`);
  expect(rows.at(-1)).toContain("map.c:399");
});

test.each([0, 1, 2, 59, 60, 61, 200, 5000])("a run of %i switches is drawn in at most PICTURE_ROWS_MAX rows, and its marks are", (switches) => {
  const events = Array.from({ length: switches + 1 }, (_, index) => event(`T${index % 2}@${index % 2}`, 4 + 2 * (index % 2), "accesses counter"));
  events[switches >> 1] = { ...events[switches >> 1]!, mark: "in the middle" };
  const rows = draw(events, "T0");
  expect(rows.length).toBeLessThanOrEqual(PICTURE_ROWS_MAX);
  expect(rows.join("\n")).toContain("^ in the middle");
  if (switches > PICTURE_ROWS_MAX) expect(rows.join("\n")).toMatch(/… \d+ lines of T. and T., \d+ switches …/);
});

test("of many marked rows the first and the last are drawn", () => {
  const events = [...longRun(200).map((marked, index) => ({ ...marked, mark: `mark ${index}.` })), ...longRun(300, "T1@1")];
  const text = draw(events).join("\n");
  expect(text).toContain("^ mark 0.");
  expect(text).toContain("^ mark 199.");
});

test("a mark that is too long for three lines is cut", () => {
  const rows = draw([event("T0@0", 4, "", { mark: "a long story ".repeat(100) })]);
  expect(rows).toHaveLength(4);
  expect(rows[3]).toMatch(/ …$/);
});

test("a run of which every row is marked, with more than a line to say, is bounded too", () => {
  const mark = "a long story ".repeat(100);
  const rows = draw(longRun(1000).map((marked) => ({ ...marked, mark })));
  expect(rows.length).toBeLessThanOrEqual(PICTURE_ROWS_MAX);
  expect(rows[0]).toMatch(/^>>/);
});

test("of 64 CPUs those with a mark and the most active ones are drawn, the others are named, and no line is too long", () => {
  const events = Array.from({ length: 64 }, (_, cpu) => longRun(cpu === 7 ? 9 : cpu === 9 ? 8 : 2, `T${cpu}@${cpu}`)).flat();
  const marked = events.findIndex(({ cpu }) => cpu === 33);
  events[marked] = { ...events[marked]!, mark: "here" };
  const text = pictureText(picture("T0", events), source);
  expect(text).toMatch(/^ {3}CPU 0 +│ CPU 7 +│ CPU 9 +│ CPU 33$/m);
  expect(text).toContain("Not shown for want of room: CPU 1 (2 lines), CPU 2 (2 lines)");
  expect(text).toContain("and 54 more");
  for (const line of text.split("\n")) expect([...line].length).toBeLessThanOrEqual(PICTURE_COLUMNS);
});

test.each([1, 30, 60, 200])("no row is longer than %i columns, or than what one CPU needs at least", (columns) => {
  for (const row of draw(RACE.events, RACE.schedule, columns)) expect([...row].length).toBeLessThanOrEqual(Math.max(columns, 23));
});

test("a run in which nothing ran is a picture, too", () => {
  expect(pictureText(picture("", []), source)).toContain("(nothing ran)");
  expect(pictureHtml(picture("", []), source)).toContain("</html>");
});

test("the page needs nothing but itself, and has the schedule, the command and the full paths", () => {
  const html = pictureHtml(RACE, source);
  expect(html).not.toMatch(/http|<script|<link|<img|@import|url\(|javascript:/i);
  expect(html).toContain('<code class="copy">T0:2 T1:* T0</code>');
  expect(html).toContain('<code class="copy">./stp check probe.c --schedule &#34;T0:2 T1:* T0&#34;</code>');
  expect(html).toContain('title="tests/probe.c:6 in probe_0()"');
  expect(html).toContain("prefers-color-scheme:dark");
});

test("the page escapes whatever it is given", () => {
  const evil = `</code><script>alert("1" & '2')</script>`;
  const site = { path: `${evil}/${evil}.c`, line: 1, function: evil };
  const evilEvent: PictureEvent = { context: evil, cpu: 0, level: "task", site, caller: { ...site, line: 2 }, what: evil, mark: evil };
  const html = pictureHtml({ title: evil, detail: evil, schedule: evil, command: evil, contexts: [{ name: evil, cpu: 0, level: "task", what: evil }], events: [evilEvent] }, () => `${evil}\n\t${evil}`);
  expect(html).not.toMatch(/<script|alert\("|& '/);
  expect(html).toContain("&#60;script&#62;");
});

test("the page has the source around a marked row and around its caller", () => {
  const html = pictureHtml(picture("T0", [event("T0@0", 6, "writes", { mark: "here", caller: { path: "tests/probe.c", line: 2, function: "f" } })]), source);
  expect(html.match(/<pre/g)).toHaveLength(2);
  expect(html).toContain("<mark>6  \tcounter = value + 1;</mark>\n7  \tif (a &#60; b &#38;&#38; &#34;c&#62;d&#34;)");
  expect(html).toContain("<mark>2  STP_PROBE");
});

test("the page folds up what the text leaves out, up to STRETCH_ROWS_MAX rows", () => {
  const html = pictureHtml(picture("T0", longRun(500)), source);
  expect(html.match(/<summary.*?… .*? …/g)?.join()).toContain("… 488 lines of T0 …");
  expect(html.match(/>map\.c:\d+</g)).toEqual(Array.from({ length: 500 }, (_, index) => `>map.c:${100 + index}<`));
  const long = pictureHtml(picture("T0", longRun(5000)), source);
  expect(long.match(/… \d+ more lines.*? …/)?.[0]).toBe(`… ${4988 - STRETCH_ROWS_MAX} more lines, left out of this page …`);
});

test("a run of 50,000 events is drawn without deep stacks or quadratic work", { timeout: 20_000 }, () => {
  const events = Array.from({ length: 50_000 }, (_, index) => event(`T${index % 2}@${index % 2}`, 4 + 2 * (index % 2)));
  expect(draw(events, "T0").length).toBeLessThanOrEqual(PICTURE_ROWS_MAX);
});
