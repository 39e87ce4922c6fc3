/**
 * Debian packages without root: apt works on state of its own inside a folder, packages are unpacked and never installed.
 *
 * Siblings: fetch.ts takes kernels from here, tree.ts programs.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StpError } from "../spec/errors.ts";
import { lastLine, needProgram, runProcess, type ProcessResult } from "./process.ts";

const UPDATE_MS_MAX = 180_000;
const DOWNLOAD_MS_MAX = 900_000;
const LOCAL_MS_MAX = 300_000;

/** Where Debian 12 is, for machines that are something else. */
const BOOKWORM = ["debian bookworm main", "debian bookworm-updates main", "debian-security bookworm-security main"];
/** What those are signed with: a file of Debian's and Ubuntu's package of the same name. */
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

export interface Dependency {
  readonly name: string;
  /** Set if the dependency is on exactly this version. */
  readonly version: string | undefined;
}

export interface Apt {
  /** Reads the package lists. Told through `report` if only some came: what is asked of the others is then not found, or older. */
  update(report?: (line: string) => void): Promise<void>;
  /** Dependencies of the candidate, or of `name=version`; none if there is no such package. */
  depends(name: string): Promise<Dependency[]>;
  /** Downloads packages, as `name` or `name=version`, and unpacks them below `into`; nothing is installed. */
  unpack(packages: readonly string[], into: string): Promise<void>;
}

/**
 * apt with lists, cache and downloads below `directory`, and the machine's own sources and keys if it is a Debian 12. `what` is for messages.
 * Packages of another architecture than amd64 are asked for as `name:arm64`, if it is among `foreign`.
 */
export async function openApt(what: string, directory: string, foreign: readonly string[] = []): Promise<Apt> {
  needProgram("apt-get", "apt");
  needProgram("dpkg", "dpkg");
  const archives = join(directory, "download");
  await Promise.all([archives, join(directory, "lists/partial"), join(directory, "cache/archives/partial")].map((path) => mkdir(path, { recursive: true })));
  await writeFile(join(directory, "status"), "");
  const options = [...stateOptions(directory), ...["amd64", ...foreign].map((name) => `APT::Architectures::=${name}`), ...(await sourceOptions(what, directory))].flatMap((option) => ["-o", option]);
  return {
    async update(report = () => {}) {
      const result = await runProcess("apt-get", [...options, "-q", "update"], { timeout_ms: UPDATE_MS_MAX });
      if (result.status === 0 && !result.timed_out) return;
      // A mirror that is just being changed gives some of its lists only.
      if (!(await readdir(join(directory, "lists"))).some((name) => /_Packages(\.\w+)?$/.test(name))) throw cannot(what, `apt-get update failed (${lastLine(result.stderr)}); is a mirror reachable?`);
      report(`${what}: some of Debian's package lists cannot be read (${/^E: (?:Failed to fetch )?(.*)$/m.exec(result.stderr)?.[1] ?? "no reason given"})`);
    },
    async depends(name) {
      const result = await runProcess("apt-cache", [...options, "show", "--no-all-versions", name], { timeout_ms: LOCAL_MS_MAX });
      return result.status === 0 ? parseDepends(result.stdout) : [];
    },
    async unpack(packages, into) {
      await succeed(what, "download it", runProcess("apt-get", [...options, "-q", "download", ...packages], { cwd: archives, timeout_ms: DOWNLOAD_MS_MAX }));
      for (const name of (await readdir(archives)).filter((entry) => entry.endsWith(".deb"))) {
        await succeed(what, "unpack a package", runProcess("dpkg", ["-x", join(archives, name), into], { timeout_ms: LOCAL_MS_MAX }));
      }
    },
  };
}

/** The empty status file: what this machine has installed must not matter. */
function stateOptions(directory: string): string[] {
  return [
    `Dir::State=${directory}`,
    `Dir::State::lists=${join(directory, "lists")}`,
    `Dir::State::status=${join(directory, "status")}`,
    `Dir::Cache=${join(directory, "cache")}`,
    "APT::Architecture=amd64",
    "APT::Sandbox::User=", // root may read no path of ours as user _apt
    "APT::Update::Post-Invoke-Success=",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
  ];
}

async function sourceOptions(what: string, directory: string): Promise<string[]> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (/^VERSION_CODENAME=bookworm$/m.test(release)) return [];
  const list = join(directory, "sources.list");
  await writeFile(list, bookwormSources(what));
  return [`Dir::Etc::sourcelist=${list}`, "Dir::Etc::sourceparts=/dev/null"];
}

/** sources.list of Debian 12. Throws StpError if this machine has not what it is signed with. */
export function bookwormSources(what: string, keyring = KEYRING): string {
  if (!existsSync(keyring)) throw cannot(what, `there is no ${keyring} to check Debian's packages with; run "sudo apt-get install debian-archive-keyring"`);
  return BOOKWORM.map((line) => `deb [signed-by=${keyring}] http://deb.debian.org/${line}\n`).join("");
}

/** The first `Depends:` of what `apt-cache show` prints. */
export function parseDepends(text: string): Dependency[] {
  const depends = /^Depends: (.*)$/m.exec(text)?.[1] ?? "";
  return depends.split(", ").flatMap((item) => {
    const match = /^(\S+)(?: \(= ([^)]+)\))?/.exec(item);
    return match?.[1] ? [{ name: match[1], version: match[2] }] : [];
  });
}

async function succeed(what: string, task: string, running: Promise<ProcessResult>): Promise<void> {
  const { status, stderr, timed_out } = await running;
  if (timed_out) throw cannot(what, `no time left to ${task}`);
  if (status !== 0) throw cannot(what, `cannot ${task} (${lastLine(stderr)})`);
}

function cannot(what: string, why: string): StpError {
  return new StpError(`Cannot fetch ${what}: ${why}`);
}
