/**
 * A child process that runs clang, one run after the other.
 *
 * It has no environment, file or network of its own: what it compiles goes in and comes out by message.
 * Siblings: clang-process.mjs is what runs in it; clang.ts has several.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Tree } from "@yowasp/clang";
import { atEnd } from "../spec/at-end.ts";

export interface ClangJob {
  readonly args: readonly string[];
  readonly tree: Tree;
}

/** `output` is absent if the tool failed; `messages` is what it said, unchanged. */
export interface ClangResult {
  readonly output?: Uint8Array;
  readonly messages: string;
}

type Answer = ClangResult | { readonly broken: string };

const PROCESS = fileURLToPath(new URL("clang-process.mjs", import.meta.url));
/** V8's optimising compiler takes several times as long for clang as it saves in one session. */
const V8_FLAGS = ["--liftoff-only", "--wasm-lazy-validation"];
const RUN_MS_MAX = 300_000;
/** What node says of a crash; the rest is dropped. */
const LOG_CHARACTERS_MAX = 4_000;

export class ClangChild {
  readonly #child: ChildProcess;
  readonly #undo: () => void;
  #log = "";
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    this.#child = fork(PROCESS, [], { execArgv: V8_FLAGS, env: {}, serialization: "advanced", stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#undo = atEnd(() => this.#child.kill("SIGKILL"));
    this.#child.on("exit", this.#undo);
    this.#child.on("error", () => {}); // run() hears of it, too; without a run nobody minds
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#log = (this.#log + text).slice(0, LOG_CHARACTERS_MAX)));
  }

  get alive(): boolean {
    return this.#child.connected && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Throws if the process or the package in it breaks, and not if clang says that the sources are at fault. */
  async run(job: ClangJob): Promise<ClangResult> {
    clearTimeout(this.#idle);
    this.#keepUsAlive(true);
    const answer = await this.#answerTo(job);
    if ("broken" in answer) throw new Error(`Cannot run @yowasp/clang: ${answer.broken}`);
    return answer;
  }

  /** Lets this process end though the child is there, and ends the child itself after a while. */
  rest(idle_ms_max: number, onEnd: () => void): void {
    this.#keepUsAlive(false);
    this.#idle = setTimeout(() => {
      this.end();
      onEnd();
    }, idle_ms_max).unref();
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }

  async #answerTo(job: ClangJob): Promise<Answer> {
    const heard = new AbortController();
    const late = setTimeout(() => this.end(), RUN_MS_MAX);
    try {
      this.#child.send(job);
      return await Promise.race([
        once(this.#child, "message", heard).then(([answer]) => answer as Answer),
        once(this.#child, "close", heard).then(([code, signal]) => ({ broken: `its process ended (${String(signal ?? code)}) ${this.#log}` })),
      ]);
    } finally {
      clearTimeout(late);
      heard.abort();
    }
  }

  #keepUsAlive(yes: boolean): void {
    const { channel, stderr } = this.#child;
    const handles = [this.#child, ...(channel ? [channel] : []), ...(stderr instanceof Socket ? [stderr] : [])];
    for (const handle of handles) {
      if (yes) handle.ref();
      else handle.unref();
    }
  }
}
