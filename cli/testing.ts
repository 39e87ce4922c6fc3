/** The command as a user runs it, for tests: a child process with a time limit, a bounded log and a TMPDIR of its own. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { runProcess } from "../kernel-harness/process.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";

export interface Ran {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in its TMPDIR. */
  readonly left: readonly string[];
}

export interface RunOptions {
  /** Default: the project's root. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeout_ms?: number;
}

/** A test that starts the command a few times on a busy machine may take so long. */
export const TEST_MS_MAX = 180_000;
const COMMAND_MS_MAX = 120_000;

/** tsx keeps what it has translated in TMPDIR; without it every command would begin with seconds of that. */
const TSX_CACHE = join(tmpdir(), `tsx-${process.geteuid?.() ?? 0}`);

/** Runs `./stp ...args`. Throws if it takes longer than its time. */
export async function stp(args: readonly string[], { cwd = PROJECT_ROOT, env = process.env, timeout_ms = COMMAND_MS_MAX }: RunOptions = {}): Promise<Ran> {
  const temporary = await mkdtemp(join(tmpdir(), "test-of-stp-"));
  try {
    if (existsSync(TSX_CACHE)) await symlink(TSX_CACHE, join(temporary, basename(TSX_CACHE)));
    const result = await runProcess(process.execPath, [join(PROJECT_ROOT, "stp"), ...args], { cwd, env: { ...env, TMPDIR: temporary }, timeout_ms });
    if (result.timed_out) throw new Error(`./stp ${args.join(" ")} took more than ${timeout_ms / 1000} s:\n${result.stderr}`);
    const left = (await readdir(temporary)).filter((name) => name !== basename(TSX_CACHE));
    return { status: result.status, stdout: result.stdout, stderr: result.stderr, left };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The commands of a Markdown file's `sh` and `console` blocks, in order, without their prompt. */
export function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(?:sh|console)\n([^]*?)^```$/gm)].map((match) => match[1]!);
  return blocks.flatMap((block) => block.split("\n")).map((line) => line.replace(/^\$ /, "").trim()).filter((line) => /^(\.\/stp|npm) /.test(line));
}

/** Whether a command of the README boots a guest, or uses what one made. */
export function needsGuest(command: string): boolean {
  return /debian-|kernel (record|test|bisect|bench|fetch)|\/tmp\/trace/.test(command);
}

/** Runs a command of the README by the shell, in the project's root, with `/tmp` in it replaced. */
export async function runCommandLine(command: string, temporary: string, timeout_ms = COMMAND_MS_MAX): Promise<Pick<Ran, "status" | "stdout" | "stderr">> {
  const { status, stdout, stderr, timed_out } = await runProcess("sh", ["-c", command.replaceAll("/tmp/", `${temporary}/`)], { cwd: PROJECT_ROOT, timeout_ms });
  if (timed_out) throw new Error(`${command} took more than ${timeout_ms / 1000} s:\n${stderr}`);
  return { status, stdout, stderr };
}
