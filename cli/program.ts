/** A probe's source and the trace it runs over, as several verbs need them. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { messageOf, StpError } from "../spec/errors.ts";
import { SESSION_PROVIDERS } from "../spec/protocol.ts";
import { nearest } from "../spec/nearest.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import type { ProbeInfo } from "../sim/sandbox.ts";
import type { ProbeSource, ProviderSource } from "../sim/probe.ts";
import { readTrace, type Trace } from "../stpd/post/trace.ts";

/** Without a trace, its symbols say what a kernel has. */
const REFERENCE_TRACE = join(PROJECT_ROOT, "examples/001-opens/trace");
/** Names that an error lists at most. */
const NAMES_MAX = 3;
/** Those whose targets are functions of the kernel; what others attach to only a kernel knows. */
const FUNCTION_PROVIDERS: readonly string[] = ["kprobe", "kretprobe"];

/** Reads the source of a probe. Throws StpError if it cannot. */
export function readProbe(path: string): ProbeSource {
  if (!path.endsWith(".c")) throw new StpError(`Cannot read the probe ${path}: it is no C file; its name must end in .c`);
  try {
    return { path, text: readFileSync(path, "utf8"), providers: readProviders(dirname(path)) };
  } catch (error) {
    throw new StpError(`Cannot read the probe ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Providers beside a probe: `NAME.provider.c`, NAME as in STP_PROBE(NAME, …). */
function readProviders(directory: string): ProviderSource[] {
  const files = readdirSync(directory).filter((file) => /^[a-z][a-z0-9_]*\.provider\.c$/.test(file)).sort();
  return files.map((file) => ({ name: file.split(".")[0]!, path: join(directory, file), text: readFileSync(join(directory, file), "utf8") }));
}

/** A directory that is to be made, without a final slash. Throws StpError if it cannot be: before the work whose result it is to hold. */
export function newDirectory(path: string): string {
  if (path === "") throw new StpError("Cannot write into a directory without a name; name a new directory");
  if (existsSync(path)) throw new StpError(`Cannot write into ${path}: it exists already; name a new directory`);
  const parent = dirname(path);
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory()) throw new StpError(`Cannot write into ${path}: there is no directory ${parent}; make it first`);
  return join(parent, basename(path));
}

/** The trace that was asked for, or the one beside the probe; undefined if there is neither. */
export async function findTrace(probe: string, asked: string | undefined): Promise<{ readonly directory: string; readonly trace: Trace } | undefined> {
  const beside = join(dirname(probe), "trace");
  const directory = asked ?? (existsSync(beside) ? beside : undefined);
  return directory === undefined ? undefined : { directory, trace: await readTrace(directory) };
}

export type FoundTrace = Awaited<ReturnType<typeof findTrace>>;

/** Throws StpError if the program attaches to a function that is not there; names the nearest that are. */
export function requireKnownPoints(path: string, probes: readonly ProbeInfo[], found: FoundTrace): void {
  const recorded = found?.trace.manifest.probes.map((probe) => probe.target) ?? [];
  for (const { provider, target, line } of attached(probes)) {
    if (!FUNCTION_PROVIDERS.includes(provider) || recorded.includes(target)) continue;
    const known = knownFunctions(found?.directory ?? REFERENCE_TRACE);
    if (known.length === 0 || known.includes(target)) continue;
    throw new StpError(`${path}:${line}: ${provider} ${target} does not exist in ${found?.directory ?? "Debian's 6.1 kernel"}; nearest: ${nearest(target, known, NAMES_MAX).join(", ")}`);
  }
}

/** Throws StpError if the program attaches to what the trace has not recorded. */
export function requireRecordedPoints(path: string, probes: readonly ProbeInfo[], found: FoundTrace): void {
  requireKnownPoints(path, probes, found);
  for (const { provider, target, line } of attached(probes)) {
    const at = `${path}:${line}: ${provider} ${target}`;
    if (!found) throw new StpError(`${at} needs a trace: give one by --trace, or record one by "./stp kernel record ${path}"`);
    const recorded = found.trace.manifest.probes.filter((probe) => probe.provider === provider).map((probe) => probe.target);
    if (recorded.includes(target)) continue;
    throw new StpError(`${at} was not recorded in ${found.directory}, which has ${recorded.join(", ")}; record it by "./stp kernel record ${path}"`);
  }
}

function attached(probes: readonly ProbeInfo[]): readonly ProbeInfo[] {
  return probes.filter(({ provider, optional }) => !SESSION_PROVIDERS.includes(provider) && !optional);
}

/** Functions of the kernel that a trace was recorded on, as far as the trace tells. */
function knownFunctions(directory: string): string[] {
  const path = join(directory, "symbols", "kallsyms.gz");
  if (!existsSync(path)) return [];
  try {
    return [...gunzipSync(readFileSync(path)).toString().matchAll(/^[0-9a-f]+ \w (\S+)$/gm)].map((match) => match[1]!);
  } catch (error) {
    throw new StpError(`Cannot read ${path}: ${messageOf(error)}; record the trace again with "./stp kernel record"`, { cause: error });
  }
}
