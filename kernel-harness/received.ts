/** Files that a guest sends while they grow, written where a reader can follow them. Siblings: guest/follow.c, transcript.ts */
import { closeSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { StpError } from "../spec/errors.ts";

export class ReceivedDirectory {
  readonly #open = new Map<string, number>();
  /** The file that came last and is not yet in its place: it may be half of one that replaces another. */
  #fresh: { readonly path: string } | undefined;

  /** Of the guest's directory `from` all goes into `to`, other files nowhere. `onFirst` is called when a file begins. */
  constructor(
    private readonly from: string,
    private readonly to: string,
    private readonly onFirst: () => void = () => {},
  ) {}

  /** Takes bytes of a file, as Job.onFile. */
  readonly take = (path: string, bytes: Uint8Array, fresh: boolean): void => {
    const relative = posix.relative(this.from, path);
    if (relative.startsWith("..")) return;
    if (this.#open.size === 0) this.onFirst();
    if (bytes.length === 0 || this.#fresh?.path !== relative) this.settle();
    for (let at = 0, fd = fresh ? this.#begin(relative) : this.#known(relative); at < bytes.length; ) at += writeSync(fd, bytes, at);
  };

  /** Puts what came last into its place. */
  settle(): void {
    if (this.#fresh) renameSync(this.#new(this.#fresh.path), join(this.to, this.#fresh.path));
    this.#fresh = undefined;
  }

  close(): void {
    this.settle();
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #new(path: string): string {
    return join(this.to, `${path}.new`);
  }

  #known(path: string): number {
    const fd = this.#open.get(path);
    if (fd === undefined) throw new StpError(`The guest goes on with ${path}, which it never began`);
    return fd;
  }

  #begin(path: string): number {
    mkdirSync(dirname(join(this.to, path)), { recursive: true });
    const fd = openSync(this.#new(path), "w");
    const old = this.#open.get(path);
    if (old !== undefined) closeSync(old);
    this.#open.set(path, fd);
    this.#fresh = { path };
    return fd;
  }
}
