/**
 * The picture of one failing run as one HTML page: the rows of picture.ts, all of them, without script or other files.
 *
 * Everything that comes from a run, a program or a caller is escaped; nothing of it becomes markup, style or a link.
 * Siblings: picture.ts finds the rows, and what is long and undisturbed; here that is folded up rather than left out.
 */
import { CONTEXTS } from "../spec/protocol.ts";
import { elide, gapText, Labels, pictureRows, placeOfContext, printable, type Picture, type PicturePart, type PictureRow, type SourceText } from "./picture.ts";
import type { Site } from "./sites.ts";

/** Rows of one folded stretch; of a longer one, its two ends are there. Keeps the page of a hang below some 20 MB. */
export const STRETCH_ROWS_MAX = 1000;
/** Source lines above and below that of a marked row. */
const SOURCE_LINES_AROUND = 3;

/** A whole page, ended by a newline. */
export function pictureHtml(picture: Picture, source: SourceText): string {
  const rows = pictureRows(picture);
  const page: Page = { cpus: [...new Set(rows.map((row) => row.cpu))].sort((a, b) => a - b), labels: new Labels(rows, source) };
  const title = escape(picture.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p>${escape(picture.detail)}</p>
${contextsHtml(picture)}
<p>Schedule: <code class="copy">${escape(picture.schedule)}</code></p>
<p>Again: <code class="copy">${escape(picture.command)}</code></p>
<main style="--cpus:${Math.max(1, page.cpus.length)}">
<div class="row head">${page.cpus.map((cpu, index) => `<b style="grid-column:${index + 2}">CPU ${cpu}</b>`).join("")}</div>
${partsHtml(elide(rows), page)}
</main>
</body>
</html>
`;
}

interface Page {
  readonly cpus: readonly number[];
  readonly labels: Labels;
}

function contextsHtml({ contexts }: Picture): string {
  const rows = contexts.map((context) => `<tr class="${context.level}"><th>${escape(context.name)}</th><td>${placeOfContext(context)}</td><td>${escape(context.what)}</td></tr>`);
  return `<table>${rows.join("")}</table>`;
}

function partsHtml(parts: readonly PicturePart[], page: Page): string {
  let last = "";
  const html = parts.map((part) => {
    if ("gap" in part) {
      last = ""; // folded up, it does not say who runs
      return gapHtml(part.gap, page);
    }
    const named = part.row.context !== last;
    last = part.row.context;
    return rowHtml(part.row, named, page);
  });
  return html.join("\n");
}

function gapHtml(gap: readonly PictureRow[], page: Page): string {
  const summary = `<summary class="row">${cellHtml(gap[0]!, page, "gap", escape(gapText(gap)))}</summary>`;
  return `<details>${summary}\n${stretchHtml(gap, page)}\n</details>`;
}

function stretchHtml(gap: readonly PictureRow[], page: Page): string {
  const left = gap.length - STRETCH_ROWS_MAX;
  const html = (rows: readonly PictureRow[]): string => rows.map((row, index) => rowHtml(row, row.context !== rows[index - 1]?.context, page)).join("\n");
  if (left <= 0) return html(gap);
  const half = STRETCH_ROWS_MAX / 2;
  const note = `<div class="row">${cellHtml(gap[half]!, page, "gap", `… ${left} more lines, left out of this page …`)}</div>`;
  return `${html(gap.slice(0, half))}\n${note}\n${html(gap.slice(-half))}`;
}

function rowHtml(row: PictureRow, named: boolean, page: Page): string {
  const marked = row.mark !== "";
  const lines = row.arrival === "" ? [] : [`<div class="row">${cellHtml(row, page, "arrival", escape(row.arrival))}</div>`];
  const sign = marked ? "<b>&gt;&gt;</b>" : "";
  lines.push(`<div class="row${marked ? " marked" : ""}">${sign}${cellHtml(row, page, row.closes ? "closes" : "", eventHtml(row, named && row.arrival === "", page))}</div>`);
  if (marked) lines.push(`<div class="row">${cellHtml(row, page, "mark", `${escape(row.mark)}${aroundHtml(row, page)}`)}</div>`);
  return lines.join("\n");
}

/** `html` is markup already. */
function cellHtml({ cpu, level, depth }: PictureRow, { cpus }: Page, kind: string, html: string): string {
  const style = `grid-column:${cpus.indexOf(cpu) + 2}${depth === 0 ? "" : `;--depth:${depth}`}`;
  return `<div class="${kind === "" ? level : `${level} ${kind}`}" style="${style}">${html}</div>`;
}

function eventHtml(row: PictureRow, named: boolean, { labels }: Page): string {
  const text = labels.text(row);
  return [
    `<b class="name">${named ? escape(row.context) : ""}</b>`,
    sitesOf(row).map((site) => siteHtml(site, labels)).join(" &gt; "),
    text === "" ? "" : `<code>${escape(text)}</code>`,
    row.what === "" ? "" : `<span>· ${escape(row.what)}</span>`,
  ].filter((piece) => piece !== "").join(" ");
}

/** The author's line first; once if it is the same. */
function sitesOf({ caller, site }: PictureRow): Site[] {
  const same = caller && site && caller.path === site.path && caller.line === site.line;
  return [...(caller && !same ? [caller] : []), ...(site ? [site] : [])];
}

function siteHtml(site: Site, labels: Labels): string {
  return `<span class="site" title="${escape(`${site.path}:${site.line} in ${site.function}()`)}">${escape(labels.site(site))}</span>`;
}

/** The source around a marked row, and around the line that called into it. */
function aroundHtml(row: PictureRow, { labels }: Page): string {
  return sitesOf(row).map((site) => sourceHtml(site, labels.lines(site.path))).join("");
}

function sourceHtml({ path, line }: Site, lines: readonly string[]): string {
  const first = Math.max(1, line - SOURCE_LINES_AROUND);
  const shown = lines.slice(first - 1, line + SOURCE_LINES_AROUND);
  if (shown.length === 0) return "";
  const digits = String(first + shown.length - 1).length;
  const html = shown.map((text, index) => {
    const numbered = escapeLine(`${String(first + index).padStart(digits)}  ${text}`);
    return first + index === line ? `<mark>${numbered}</mark>` : numbered;
  });
  return `<pre title="${escape(path)}">${html.join("\n")}</pre>`;
}

function escape(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Keeps tabs, which indent. */
function escapeLine(text: string): string {
  return text.split("\t").map(escape).join("\t");
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1f2328;--paper:#fff;--dim:#656d76;--line:#d0d7de;--mark:#cf222e;--marked:#ffebe9;--task:#0969da;--softirq:#1a7f37;--irq:#9a6700;--nmi:#8250df}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--dim:#8d96a0;--line:#30363d;--mark:#ff7b72;--marked:#3c1618;--task:#58a6ff;--softirq:#3fb950;--irq:#d29922;--nmi:#bc8cff}}
body{margin:1.5rem;background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem}
code,pre,main{font:13px/1.5 ui-monospace,monospace}
.copy{padding:.2rem .4rem;border:1px solid var(--line);border-radius:4px;user-select:all;overflow-wrap:anywhere}
table{border-spacing:0}
th,td{padding:0 1rem 0 0;text-align:left}
main{margin-top:1.5rem;min-width:calc(2.5rem + 22rem*var(--cpus));background:linear-gradient(to right,var(--line) 1px,transparent 1px) 2.5rem 0/calc((100% - 2.5rem)/var(--cpus)) 100%}
.row{display:grid;grid-template-columns:2.5rem repeat(var(--cpus),minmax(0,1fr))}
.row>*{grid-row:1}
.row>b:first-child{padding-left:.5rem}
.row>div{margin-left:calc(.5rem + 1.25rem*var(--depth,0));padding-left:.5rem;border-left:3px solid;overflow-wrap:anywhere}
${CONTEXTS.map((level) => `.row>.${level}{border-left-color:var(--${level})}.${level}>.name,.arrival.${level},.${level}>th{color:var(--${level})}`).join("\n")}
.head{position:sticky;top:0;background:var(--paper);border-bottom:1px solid var(--line)}
.row.head>b{padding-left:.5rem}
.marked{background:var(--marked)}
.marked>b:first-child,.row>.mark{color:var(--mark)}
.row>.mark{border-left-color:transparent}
.row>.arrival{margin-top:.25rem;font-weight:bold}
.row>.closes{margin-bottom:.25rem}
.name{display:inline-block;min-width:2.5rem}
.site,.gap{color:var(--dim)}
summary{cursor:pointer}
summary::before{content:"▸";grid-row:1;padding-left:.5rem;color:var(--dim)}
details[open]>summary::before{content:"▾"}
pre{margin:.25rem 0 .5rem;padding:.5rem;border:1px solid var(--line);color:var(--ink);overflow-x:auto;tab-size:8}
pre mark{background:var(--marked);color:inherit}
`;
