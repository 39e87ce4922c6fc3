/** How a failure of the machine is told: the rule, the places, the schedule as a picture, and the command that replays it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, StpError } from "../spec/errors.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import type { Course } from "../sim/run.ts";
import { pictureText, type Picture, type SourceText } from "../sim/picture.ts";
import { pictureHtml } from "../sim/picture-html.ts";
import { pathInTree } from "../sim/probe.ts";
import { record } from "../sim/recorder.ts";

/** Columns of a picture if nobody says how wide the terminal is. */
const COLUMNS_DEFAULT = 100;

export interface Told {
  /** "race", "P3": what was broken. */
  readonly title: string;
  readonly detail: string;
  readonly schedule: string;
  readonly command: string;
}

/** The picture of a failure: its schedule is run once more. */
export function pictureOf(course: Course, told: Told, author: { readonly path: string; readonly text: string }): Picture {
  const { events, contexts } = record(course, told.schedule);
  const shown = events.map((event) => ({ ...event, ...(event.site ? { site: { ...event.site, path: asGiven(event.site.path, author.path) } } : {}), ...(event.caller ? { caller: { ...event.caller, path: asGiven(event.caller.path, author.path) } } : {}) }));
  return { ...told, events: shown, contexts };
}

/** Source lines: the author's file, and the project's own. */
export function sourcesWith(author: { readonly path: string; readonly text: string }): SourceText {
  return (path) => {
    if (path === author.path) return author.text;
    try {
      return readFileSync(join(PROJECT_ROOT, path), "utf8");
    } catch {
      return undefined;
    }
  };
}

export function pictureLines(picture: Picture, source: SourceText): string {
  return pictureText(picture, source, process.stdout.isTTY ? process.stdout.columns : COLUMNS_DEFAULT);
}

/** Throws StpError if the file cannot be written. */
export function writeHtml(path: string, picture: Picture, source: SourceText): void {
  try {
    writeFileSync(path, pictureHtml(picture, source));
  } catch (error) {
    throw new StpError(`Cannot write the picture ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** An argument as a shell takes it. */
export function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A path of the compiled tree as its author gave it. */
export function asGiven(path: string, author: string): string {
  return path === pathInTree(author) ? author : path;
}
