/**
 * The corpus: a directory of small text files, one an input, each there for something that no other reaches.
 *
 * A file is written beside its place and renamed into it. What is no input of ours is left alone.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contentHash } from "../../spec/cache.ts";
import { messageOf, StpError } from "../../spec/errors.ts";

const SUFFIX = ".run";
const NAME = /^[0-9a-f]{16}\.run$/;

export class Corpus {
  readonly directory: string;

  /** Makes the directory. Throws StpError if it cannot. */
  constructor(directory: string) {
    this.directory = directory;
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw new StpError(`Cannot keep a corpus in ${directory}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Paths of the inputs, smallest first: of two that reach the same, the smaller one stays. */
  paths(): string[] {
    const files = readdirSync(this.directory).filter((name) => NAME.test(name)).map((name) => join(this.directory, name));
    const sizes = new Map(files.map((path) => [path, readFileSync(path).length]));
    return files.sort((a, b) => sizes.get(a)! - sizes.get(b)! || (a < b ? -1 : 1));
  }

  read(path: string): string {
    return readFileSync(path, "utf8");
  }

  /** Where an input is kept. */
  pathOf(text: string): string {
    return join(this.directory, contentHash([text]).slice(0, 16) + SUFFIX);
  }

  add(text: string): void {
    writeAtomically(this.pathOf(text), text);
  }

  remove(path: string): void {
    rmSync(path, { force: true });
  }

  /** Where a failure is kept. */
  addFailure(rule: string, text: string): string {
    const directory = join(this.directory, "failures");
    mkdirSync(directory, { recursive: true });
    const path = join(directory, `${rule}-${contentHash([text]).slice(0, 8)}${SUFFIX}`);
    writeAtomically(path, text);
    return path;
  }
}

function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.tmp-${randomBytes(6).toString("hex")}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}
