/**
 * The picture of one failing run: what ran where, one column per CPU, with source lines, as text.
 *
 * It only lays out what it is given; it never throws for what a run did, and never grows beyond PICTURE_ROWS_MAX rows.
 * Widths count code points: a source line with wide characters comes out wider than its column.
 * Siblings: picture-html.ts shows the same rows as a page; shrink-schedule.ts makes the run worth looking at.
 */
import { CONTEXTS, type Context } from "../spec/protocol.ts";
import type { Site } from "./sites.ts";

/** Rows between the head of the columns and the schedule, all kinds together. */
export const PICTURE_ROWS_MAX = 60;
/** Width of the text if nobody says otherwise. */
export const PICTURE_COLUMNS = 100;
/** A CPU's column is not made narrower than this: CPUs are left out instead. */
export const LANE_COLUMNS_MIN = 20;

/** The least room in which a piece of a source line says something. */
const SOURCE_COLUMNS_MIN = 8;
/** Rows kept beside each one that matters, if not all can be shown: more would bury it. */
const BESIDE_ROWS_MAX = 4;
/** Rows at the end that are never elided as long as there is room for any. */
const LAST_ROWS = 3;
/** Different things that one row says happen on its line, and different marks that it carries. */
const WHATS_MAX = 4;
const MARK_LINES_MAX = 3;
const CONTEXTS_LISTED_MAX = 16;
const NAMES_LISTED_MAX = 6;

const GUTTER = "   ";
const GUTTER_MARKED = ">> ";
const SEPARATOR = " │ ";

export interface PictureEvent {
  /** "T0", "I1" */
  readonly context: string;
  readonly cpu: number;
  readonly level: Context;
  readonly site?: Site;
  /** The author's line that called into it, if known. */
  readonly caller?: Site;
  /** What happens there: "reads counter", "writes 4 bytes", "takes lock", "spins", "stores held back: …"; may be "". */
  readonly what: string;
  /** Set on the event that broke the rule (or the two sides of a race). */
  readonly mark?: string;
}

export interface Picture {
  /** E.g. "race on counter". */
  readonly title: string;
  /** One or two sentences. */
  readonly detail: string;
  /** "T0:2 I1:* T0" */
  readonly schedule: string;
  /** Replays it. */
  readonly command: string;
  readonly contexts: readonly { readonly name: string; readonly cpu: number; readonly level: Context; readonly what: string }[];
  readonly events: readonly PictureEvent[];
}

/** The whole text of a source file, or undefined if it is not known. */
export type SourceText = (path: string) => string | undefined;

/** The picture as lines of at most `columns` characters, each ended by a newline; the schedule and the command are never cut. */
export function pictureText(picture: Picture, source: SourceText, columns = PICTURE_COLUMNS): string {
  const width = Math.max(columns, GUTTER.length + LANE_COLUMNS_MIN);
  const all = pictureRows(picture);
  const { shown, dropped } = chooseCpus(all, width);
  const rows = dropped.length === 0 ? all : all.filter((row) => shown.includes(row.cpu));
  const lines = [
    ...wrap(printable(picture.title), width),
    ...wrap(printable(picture.detail), width),
    "",
    ...contextLines(picture, width),
    ...drawRows(rows, shown, new Labels(all, source), width),
    ...wrap(droppedText(dropped), width),
    "",
    `schedule: ${printable(picture.schedule)}`,
    `again: ${printable(picture.command)}`,
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

// Rows: what the text and the page have in common.

/** Consecutive events of one context at one line. */
export interface PictureRow {
  readonly context: string;
  readonly cpu: number;
  readonly level: Context;
  readonly site: Site | undefined;
  readonly caller: Site | undefined;
  readonly what: string;
  /** "" if it is not marked. */
  readonly mark: string;
  /** Levels on its CPU that it has interrupted. */
  readonly depth: number;
  /** How it came onto its CPU, if that put something else aside: "N1 nmi interrupts T0"; else "". */
  readonly arrival: string;
  /** It is the last of an interrupt after which the CPU goes on with what was interrupted. */
  readonly closes: boolean;
}

/** All rows, in the order of time. */
export function pictureRows(picture: Picture): PictureRow[] {
  const merged = mergeEvents(picture.events);
  const closing = closingRows(merged);
  const arrive = arrivals(merged, leftForGood(picture.schedule));
  return merged.map((row, index) => ({ ...row, ...arrive(row, index), closes: closing.has(index) }));
}

type MergedRow = Omit<PictureRow, "depth" | "arrival" | "closes">;

function mergeEvents(events: readonly PictureEvent[]): MergedRow[] {
  const rows: MergedRow[] = [];
  for (let at = 0; at < events.length; ) {
    const first = events[at]!;
    const whats = new Map<string, number>();
    const marks = new Map<string, number>();
    for (; at < events.length && sameRow(first, events[at]!); at++) {
      const { what, mark = "" } = events[at]!;
      if (what !== "") whats.set(what, (whats.get(what) ?? 0) + 1);
      if (mark !== "") marks.set(mark, 1);
    }
    const { context, cpu, level, site, caller } = first;
    rows.push({ context, cpu, level, site, caller, what: tally(whats, ", "), mark: tally(marks, "; ") });
  }
  return rows;
}

/** Events of which no line is known are the same only if they do the same. */
function sameRow(a: PictureEvent, b: PictureEvent): boolean {
  if (a.context !== b.context || a.cpu !== b.cpu) return false;
  if (!a.site && !b.site && a.what !== b.what) return false;
  return sameSite(a.site, b.site) && sameSite(a.caller, b.caller);
}

function sameSite(a: Site | undefined, b: Site | undefined): boolean {
  return a?.path === b?.path && a?.line === b?.line;
}

/** "reads counter, spins ×37" */
function tally(counts: ReadonlyMap<string, number>, separator: string): string {
  if (counts.size === 0) return "";
  const texts = [...counts].slice(0, WHATS_MAX).map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  return [...texts, ...(counts.size > WHATS_MAX ? ["…"] : [])].join(separator);
}

const rankOf = (level: Context): number => CONTEXTS.indexOf(level);

/** Contexts that the schedule stops on their way, to run others, and never goes on with by a step of their own. */
function leftForGood(schedule: string): ReadonlySet<string> {
  // Leaner than parseSchedule, which throws: a picture is drawn of any run.
  const steps = [...schedule.matchAll(/(?:^|\s)([A-Z]\d+)(\S*)/g)];
  const left = new Set<string>();
  for (const [index, [, name, where]] of steps.entries()) {
    if (/:[\d~]/.test(where!) && index < steps.length - 1) left.add(name!);
    else left.delete(name!);
  }
  return left;
}

/** Rows with which an interrupt ends. If its CPU runs nothing lower later, the run has stopped in it: it stays open. */
function closingRows(rows: readonly MergedRow[]): ReadonlySet<number> {
  const closing = new Set<number>();
  const seen = new Set<string>();
  const lowestLater = new Map<number, number>();
  for (let index = rows.length - 1; index >= 0; index--) {
    const { context, cpu, level } = rows[index]!;
    const later = lowestLater.get(cpu) ?? Infinity;
    if (!seen.has(context) && later < rankOf(level)) closing.add(index);
    seen.add(context);
    lowestLater.set(cpu, Math.min(later, rankOf(level)));
  }
  return closing;
}

type Arrival = Pick<PictureRow, "depth" | "arrival">;

/**
 * Tells for each row, asked in order, on top of what its context runs. Whether a context is only set aside or has
 * ended shows in its later rows; one that never runs again because the run stopped shows in the schedule.
 */
function arrivals(rows: readonly MergedRow[], left: ReadonlySet<string>): (row: MergedRow, index: number) => Arrival {
  const last = new Map(rows.map((row, index) => [row.context, index]));
  /** Where each context ran last; the most recent one comes last. */
  const begun = new Map<string, MergedRow>();
  let now: Arrival = { depth: 0, arrival: "" };

  return (row, index) => {
    const previous = rows[index - 1];
    if (previous && previous.context === row.context && previous.cpu === row.cpu) return { depth: now.depth, arrival: "" };
    const before = begun.get(row.context);
    begun.delete(row.context);
    const aside = [...begun.values()].filter((other) => other.cpu === row.cpu && (last.get(other.context)! > index || left.has(other.context)));
    begun.set(row.context, row);
    return (now = { depth: depthOver(aside, row), arrival: arrivalText(row, before, aside) });
  };
}

/** One level counts once: of two tasks that were switched, an interrupt interrupts only the one that runs. */
function depthOver(aside: readonly MergedRow[], row: MergedRow): number {
  return new Set(aside.map((other) => rankOf(other.level)).filter((rank) => rank < rankOf(row.level))).size;
}

function arrivalText(row: MergedRow, before: MergedRow | undefined, aside: readonly MergedRow[]): string {
  if (before) return before.cpu === row.cpu ? "" : `${row.context} moves here from CPU ${before.cpu}`;
  const interrupted = aside.filter((other) => rankOf(other.level) < rankOf(row.level)).reduce<MergedRow | undefined>(upper, undefined);
  if (interrupted) return `${row.context} ${row.level} interrupts ${interrupted.context}`;
  const task = row.level === "task" ? aside.findLast((other) => other.level === "task") : undefined;
  return task ? `${row.context} preempts ${task.context}` : "";
}

/** The higher level; of equal ones the later. */
function upper(a: MergedRow | undefined, b: MergedRow): MergedRow {
  return a && rankOf(a.level) > rankOf(b.level) ? a : b;
}

// Elision.

/** A row to show, or rows in place of which only their number is shown. */
export type PicturePart = { readonly row: PictureRow } | { readonly gap: readonly PictureRow[] };

/**
 * Leaves rows out until `lines_max` lines hold the rest. Kept, in this order of importance: marked rows, the last ones,
 * the first one, both sides of each switch (those nearest to a mark first); then whatever is next to what is kept.
 */
export function elide(rows: readonly PictureRow[], linesOf: (row: PictureRow) => number = () => 1, lines_max = PICTURE_ROWS_MAX): PicturePart[] {
  const cost = (kept: ReadonlySet<number>): number => costOf(rows, kept, linesOf);
  if (rows.reduce((lines, row) => lines + linesOf(row), 0) <= lines_max) return rows.map((row) => ({ row }));
  let kept = new Set<number>();
  for (const anchor of anchorsOf(rows)) {
    const more = new Set([...kept, ...anchor]);
    if (cost(more) > lines_max) break;
    kept = more;
  }
  for (let radius = 1; radius <= BESIDE_ROWS_MAX; radius++) {
    const more = new Set([...kept].flatMap((index) => [index - 1, index, index + 1]).filter((index) => index >= 0 && index < rows.length));
    if (more.size === kept.size || cost(more) > lines_max) break;
    kept = more;
  }
  return partsOf(rows, kept, linesOf);
}

/** Groups of row numbers that belong together, most important first. */
function* anchorsOf(rows: readonly PictureRow[]): Generator<readonly number[]> {
  const marked: number[] = [];
  const switches: number[] = [];
  rows.forEach((row, index) => {
    if (row.mark !== "") marked.push(index);
    if (index > 0 && rows[index - 1]!.context !== row.context) switches.push(index);
  });
  const end = rows.length - 1;
  const [first = end, last = end] = [marked[0], marked.at(-1)];
  const distance = (index: number): number => Math.min(Math.abs(index - first), Math.abs(index - last));
  yield [...marked.slice(0, 1), ...marked.slice(-1)];
  for (let index = end; index >= 0 && index > end - LAST_ROWS; index--) yield [index];
  for (const index of marked) yield [index];
  if (end >= 0) yield [0];
  for (const index of switches.sort((a, b) => distance(a) - distance(b) || a - b)) yield [index - 1, index];
}

/** Lines of the kept rows, and one for each gap. */
function costOf(rows: readonly PictureRow[], kept: ReadonlySet<number>, linesOf: (row: PictureRow) => number): number {
  const sorted = [...kept].sort((a, b) => a - b);
  let [lines, next] = [0, 0];
  for (const index of sorted) {
    lines += linesOf(rows[index]!) + (index > next ? 1 : 0);
    next = index + 1;
  }
  return lines + (next < rows.length ? 1 : 0);
}

function partsOf(rows: readonly PictureRow[], kept: ReadonlySet<number>, linesOf: (row: PictureRow) => number): PicturePart[] {
  const parts: PicturePart[] = [];
  for (let at = 0; at < rows.length; ) {
    const begin = at;
    while (at < rows.length && !kept.has(at)) at++;
    const gap = rows.slice(begin, at);
    if (gap.length === 1 && linesOf(gap[0]!) === 1) parts.push({ row: gap[0]! }); // shorter than to say that it is left out
    else if (gap.length > 0) parts.push({ gap });
    if (at < rows.length) parts.push({ row: rows[at++]! });
  }
  return parts;
}

/** "… 37 lines of T0 …" */
export function gapText(gap: readonly PictureRow[]): string {
  const names = [...new Set(gap.map((row) => row.context))];
  const switches = gap.filter((row, index) => index > 0 && gap[index - 1]!.context !== row.context).length;
  return `… ${counted(gap.length, "line")} of ${listed(names)}${switches === 0 ? "" : `, ${counted(switches, "switch", "switches")}`} …`;
}

// Words.

/** File names, places and source lines of one picture. */
export class Labels {
  readonly #source: SourceText;
  readonly #lines = new Map<string, readonly string[]>();
  /** Paths by their last part. */
  readonly #paths = new Map<string, Set<string>>();

  constructor(rows: readonly PictureRow[], source: SourceText) {
    this.#source = source;
    for (const { site, caller } of rows) {
      for (const path of [site?.path, caller?.path]) if (path !== undefined) this.#pathsLike(path).add(path);
    }
  }

  /** "map.c:210", or "src/map.c:210" if the picture has another map.c. */
  site({ path, line }: Site): string {
    const parts = path.split("/");
    return printable(`${parts.slice(this.#pathsLike(path).size > 1 ? -2 : -1).join("/")}:${line}`);
  }

  /** "probe.c:12 > map.c:210" */
  place({ site, caller }: PictureRow): string {
    const places = [caller, site].filter((place) => place !== undefined).map((place) => this.site(place));
    return [...new Set(places)].join(" > ");
  }

  /** The row's source line on one line, or the function if the file is not known. */
  text({ site }: PictureRow): string {
    if (!site) return "";
    const text = this.lines(site.path)[site.line - 1];
    return text === undefined ? `in ${printable(site.function)}()` : printable(text).replace(/\s+/g, " ").trim();
  }

  /** Empty if the file is not known. */
  lines(path: string): readonly string[] {
    let lines = this.#lines.get(path);
    if (!lines) this.#lines.set(path, (lines = this.#source(path)?.split(/\r?\n/) ?? []));
    return lines;
  }

  #pathsLike(path: string): Set<string> {
    const name = path.slice(path.lastIndexOf("/") + 1);
    let paths = this.#paths.get(name);
    if (!paths) this.#paths.set(name, (paths = new Set()));
    return paths;
  }
}

/** Without what moves the cursor, colours the terminal or reverses text: a source line is not trusted. */
export function printable(text: string): string {
  return text.replace(/[\t\r\n\u2028\u2029]/g, " ").replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
}

function counted(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_LISTED_MAX;
  if (more > 0) return `${names.slice(0, NAMES_LISTED_MAX).join(", ")} and ${more} more`;
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)!}` : names.join("");
}

function cut(text: string, width: number): string {
  const points = [...text];
  if (points.length <= width) return text;
  return width <= 0 ? "" : `${points.slice(0, width - 1).join("").trimEnd()}…`;
}

const lengthOf = (text: string): number => [...text].length;
const pad = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - lengthOf(text)));

/** Lines of whole words; a word that is too long keeps its line for itself and is cut. None for "". */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const line = lines.at(-1);
    if (line !== undefined && lengthOf(line) + 1 + lengthOf(word) <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(cut(word, width));
  }
  return lines;
}

// The head of the text.

/** The CPUs that have a column, in order, and those that have no room: the least active ones without a mark. */
function chooseCpus(rows: readonly PictureRow[], width: number): { shown: number[]; dropped: { cpu: number; lines: number }[] } {
  const activity = new Map<number, { cpu: number; lines: number; marks: number }>();
  for (const { cpu, mark } of rows) {
    const { lines, marks } = activity.get(cpu) ?? { lines: 0, marks: 0 };
    activity.set(cpu, { cpu, lines: lines + 1, marks: marks + (mark === "" ? 0 : 1) });
  }
  const lanes_max = Math.floor((width - GUTTER.length + SEPARATOR.length) / (LANE_COLUMNS_MIN + SEPARATOR.length));
  const byActivity = [...activity.values()].sort((a, b) => Number(b.marks > 0) - Number(a.marks > 0) || b.lines - a.lines || a.cpu - b.cpu);
  return {
    shown: byActivity.slice(0, lanes_max).map(({ cpu }) => cpu).sort((a, b) => a - b),
    dropped: byActivity.slice(lanes_max).sort((a, b) => a.cpu - b.cpu),
  };
}

function droppedText(dropped: readonly { cpu: number; lines: number }[]): string {
  if (dropped.length === 0) return "";
  return `Not shown for want of room: ${listed(dropped.map(({ cpu, lines }) => `CPU ${cpu} (${counted(lines, "line")})`))}`;
}

function contextLines({ contexts }: Picture, width: number): string[] {
  if (contexts.length === 0) return [];
  const more = contexts.length - CONTEXTS_LISTED_MAX;
  const listedContexts = contexts.slice(0, CONTEXTS_LISTED_MAX);
  const column = (texts: readonly string[]): number => Math.max(...texts.map(lengthOf));
  const names = column(listedContexts.map(({ name }) => name));
  const places = column(listedContexts.map((context) => placeOfContext(context)));
  const lines = listedContexts.map((context) => `${GUTTER}${pad(context.name, names)}  ${pad(placeOfContext(context), places)}  ${printable(context.what)}`);
  return [...lines.map((line) => cut(line.trimEnd(), width)), ...(more > 0 ? [`${GUTTER}… and ${counted(more, "more context")}`] : []), ""];
}

/** "nmi on CPU 0" */
export function placeOfContext({ cpu, level }: { readonly cpu: number; readonly level: Context }): string {
  return `${level} on CPU ${cpu}`;
}

// The columns.

/** A CPU's column. */
interface Lane {
  readonly cpu: number;
  /** Column of its first character. */
  readonly start: number;
  readonly width: number;
  readonly nameWidth: number;
  /** 0 if lines stand behind their places unaligned. */
  readonly placeWidth: number;
  /** Places are shown with their callers. */
  readonly callers: boolean;
}

/** What drawing one picture needs everywhere. */
interface Sheet {
  readonly lanes: readonly Lane[];
  readonly labels: Labels;
  readonly width: number;
  /** What happens stands on a line of its own where it has no room beside its source line. */
  readonly below: boolean;
  /** Interrupts that each CPU is in, at the row that is drawn. */
  readonly open: Map<number, number>;
}

function drawRows(rows: readonly PictureRow[], cpus: readonly number[], labels: Labels, width: number): string[] {
  if (rows.length === 0) return [`${GUTTER}(nothing ran)`];
  const parts = elide(rows, (row) => 1 + (row.arrival === "" ? 0 : 1) + markLines(row, width).length);
  const lanes = layOutLanes(parts, cpus, labels, width);
  const head = GUTTER + lanes.map((lane) => pad(`CPU ${lane.cpu}`, lane.width)).join(SEPARATOR);
  const rule = GUTTER + lanes.map((lane) => "─".repeat(lane.width)).join("─┼─");
  const draw = (below: boolean): string[] => drawParts(parts, { lanes, labels, width, below, open: new Map() });
  const roomy = draw(true);
  return [head, rule, ...(roomy.length <= PICTURE_ROWS_MAX ? roomy : draw(false))];
}

function drawParts(parts: readonly PicturePart[], sheet: Sheet): string[] {
  const lines: string[] = [];
  let last = "";
  for (const part of parts) {
    const shown = "row" in part ? [part.row] : part.gap;
    if ("row" in part) lines.push(...drawRow(part.row, part.row.context !== last, sheet));
    else lines.push(drawGap(part.gap, sheet));
    for (const row of shown) setOpen(sheet, row);
    last = shown.every((row) => row.context === shown[0]!.context) ? shown[0]!.context : "";
  }
  return lines;
}

function setOpen({ open }: Sheet, row: PictureRow): void {
  open.set(row.cpu, row.closes ? row.depth - 1 : row.depth);
}

function drawRow(row: PictureRow, named: boolean, sheet: Sheet): string[] {
  const lane = laneOf(row, sheet);
  const lines = row.arrival === "" ? [] : [GUTTER + drawCells(sheet, lane, arrivalCell(row))];
  const cells = rowCells(row, named && row.arrival === "", lane, sheet);
  lines.push(...cells.map((cell, index) => (row.mark !== "" && index === 0 ? GUTTER_MARKED : GUTTER) + drawCells(sheet, lane, cell)));
  setOpen(sheet, row);
  const marks = markLines(row, sheet.width);
  const start = Math.max(GUTTER.length, Math.min(lane.start + 2 * row.depth, sheet.width - Math.max(0, ...marks.map(lengthOf))));
  return [...lines, ...marks.map((mark) => overlay(GUTTER + drawCells(sheet), start, mark))];
}

function laneOf({ cpu }: PictureRow, { lanes }: Sheet): Lane {
  return lanes.find((lane) => lane.cpu === cpu)!;
}

/** The mark in the lines that it needs, at most MARK_LINES_MAX; each is drawn wherever it has room beside or across the columns. */
function markLines({ mark }: PictureRow, width: number): string[] {
  if (mark === "") return [];
  const room = width - GUTTER.length - 2;
  const lines = wrap(printable(mark), room);
  const shown = lines.length <= MARK_LINES_MAX ? lines : [...lines.slice(0, MARK_LINES_MAX - 1), cut(`${lines[MARK_LINES_MAX - 1]!} …`, room)];
  return shown.map((line, index) => (index === 0 ? "^ " : "  ") + line);
}

function drawGap(gap: readonly PictureRow[], sheet: Sheet): string {
  const { context, cpu, depth } = gap[0]!;
  const alone = gap.every((row) => row.context === context && row.cpu === cpu);
  if (alone) return GUTTER + drawCells(sheet, laneOf(gap[0]!, sheet), gapCell(gap, depth));
  return overlay(GUTTER + drawCells(sheet), GUTTER.length, cut(gapText(gap), sheet.width - GUTTER.length));
}

/** One line of all columns; those that do not run show the interrupts that they are in. */
function drawCells({ lanes, open }: Sheet, active?: Lane, text = ""): string {
  const cellOf = (lane: Lane): string => (lane === active ? text : "│ ".repeat(open.get(lane.cpu) ?? 0).trimEnd());
  return lanes.map((lane) => pad(cut(cellOf(lane), lane.width), lane.width)).join(SEPARATOR);
}

function overlay(line: string, start: number, text: string): string {
  const points = [...line];
  const end = start + lengthOf(text);
  // A separator right behind the text would read as a part of it.
  return [...points.slice(0, start), text, " ", ...points.slice(end + 1)].join("");
}

// Cells.

/** An interrupt opens a bracket, which its last row closes. */
function arrivalCell({ depth, arrival }: PictureRow): string {
  return depth === 0 ? arrival : `${"│ ".repeat(depth - 1)}┌ ${arrival}`;
}

function gapCell(gap: readonly PictureRow[], depth: number): string {
  return "│ ".repeat(depth) + gapText(gap);
}

/** One line; two if what happens has a line of its own. */
function rowCells(row: PictureRow, named: boolean, lane: Lane, { labels, below }: Pick<Sheet, "labels" | "below">): string[] {
  const name = pad(named ? row.context : "", lane.nameWidth);
  const place = pad(lane.callers || !row.site ? labels.place(row) : labels.site(row.site), lane.placeWidth);
  const text = labels.text(row);
  const note = row.what === "" ? "" : `· ${printable(row.what)}`;
  const head = `${name} ${place}${text === "" && note === "" ? "" : " "}`;
  const room = lane.width - 2 * row.depth - lengthOf(head);
  const fits = lengthOf(text) + (text !== "" && note !== "" ? 1 : 0) + lengthOf(note) <= room;
  if (fits || !below || text === "" || note === "") return [bars(row, row.closes) + head + beside(text, note, room)];
  return [bars(row, false) + head + cut(text, room), `${bars(row, row.closes)}${pad("", lane.nameWidth)} ${note}`];
}

function bars({ depth }: PictureRow, closes: boolean): string {
  return depth === 0 ? "" : "│ ".repeat(depth - 1) + (closes ? "└ " : "│ ");
}

/** "counter++; · reads counter": if room is short, it is the source line that is cut. */
function beside(text: string, note: string, room: number): string {
  const left = room - lengthOf(note) - 1;
  if (note === "") return cut(text, room);
  if (text === "" || left < Math.min(SOURCE_COLUMNS_MIN, lengthOf(text))) return cut(note, room);
  return `${cut(text, left)} ${note}`;
}

// Widths.

function layOutLanes(parts: readonly PicturePart[], cpus: readonly number[], labels: Labels, width: number): Lane[] {
  const wide = cpus.map((cpu) => measureLane(parts, cpu, labels));
  const room = width - GUTTER.length - SEPARATOR.length * (cpus.length - 1);
  const widths = share(wide.map(({ needs }) => needs), room);
  let start = GUTTER.length;
  return wide.map(({ lane }, index) => {
    const laneWidth = widths[index]!;
    const placed = fitPlaces({ ...lane, start, width: laneWidth }, parts, labels);
    start += laneWidth + SEPARATOR.length;
    return placed;
  });
}

/** The lane with all the room it can use, and how much that is. */
function measureLane(parts: readonly PicturePart[], cpu: number, labels: Labels): { lane: Lane; needs: number } {
  const rows = rowsOf(parts, cpu);
  const nameWidth = Math.max(0, ...rows.map((row) => lengthOf(row.context)));
  const placeWidth = Math.max(0, ...rows.map((row) => lengthOf(labels.place(row))));
  const lane: Lane = { cpu, start: 0, width: Infinity, nameWidth, placeWidth, callers: true };
  const cells = rows.flatMap((row) => [arrivalCell(row), ...rowCells(row, true, lane, { labels, below: false })]);
  const gaps = parts.flatMap((part) => ("gap" in part && part.gap[0]!.cpu === cpu ? [gapCell(part.gap, part.gap[0]!.depth)] : []));
  return { lane, needs: Math.max(lengthOf(`CPU ${cpu}`), ...[...cells, ...gaps].map(lengthOf)) };
}

/** Callers, then the alignment of what follows, are given up where they would take half of a lane. */
function fitPlaces(lane: Lane, parts: readonly PicturePart[], labels: Labels): Lane {
  if (lane.placeWidth <= lane.width / 2) return lane;
  const sites = rowsOf(parts, lane.cpu).map(({ site }) => (site ? lengthOf(labels.site(site)) : 0));
  const placeWidth = Math.max(0, ...sites);
  return { ...lane, callers: false, placeWidth: placeWidth <= lane.width / 2 ? placeWidth : 0 };
}

function rowsOf(parts: readonly PicturePart[], cpu: number): PictureRow[] {
  return parts.flatMap((part) => ("row" in part && part.row.cpu === cpu ? [part.row] : []));
}

/** Divides `room`: nobody gets more than it needs, and who needs more than its share gets what the others leave. */
function share(needs: readonly number[], room: number): number[] {
  const widths = needs.map(() => 0);
  const inOrder = needs.map((need, index) => ({ need, index })).sort((a, b) => a.need - b.need);
  let left = room;
  for (const [at, { need, index }] of inOrder.entries()) {
    widths[index] = Math.min(need, Math.floor(left / (inOrder.length - at)));
    left -= widths[index]!;
  }
  return widths;
}
