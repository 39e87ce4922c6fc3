/** What a guest boots into: its init, the drivers of the report port, the job. Siblings: guest/init.c */
import { readFile, stat } from "node:fs/promises";
import { posix } from "node:path";
import { StpError } from "../spec/errors.ts";
import { MODE_DIRECTORY, MODE_FILE, packCpio, type CpioEntry } from "./cpio.ts";
import { loadDrivers } from "./drivers.ts";
import type { FetchedKernel } from "./fetch.ts";
import { formatSteps } from "./steps.ts";
import { buildInit } from "./tools.ts";

/** A file of the guest: the path of a host file, or contents. */
export type GuestFile = string | { readonly contents: string | Uint8Array; readonly mode?: number };

/** Files by absolute path in the guest. */
export type GuestFiles = Readonly<Record<string, GuestFile>>;

/** For the host's files, and changes over them. */
const FILE_DRIVERS = ["9pnet_virtio", "9p", "overlay"] as const;
const DIRECTORIES = ["/dev", "/proc", "/sys", "/tmp"] as const;

/** The archive for `-initrd`. A file of the job may replace one of the harness. */
export async function packInitramfs(kernel: FetchedKernel, files: GuestFiles, steps: readonly string[], host_files = false): Promise<Uint8Array> {
  const drivers = await loadDrivers(kernel, [...kernel.architecture.qemu.drivers, ...(host_files ? FILE_DRIVERS : [])]);
  const all: GuestFiles = {
    "/init": await buildInit(kernel.architecture),
    "/job": { contents: formatSteps(steps) },
    "/drivers/list": { contents: drivers.map(({ name }) => `/drivers/${name}.ko\n`).join("") },
    ...Object.fromEntries(drivers.map(({ name, contents }) => [`/drivers/${name}.ko`, { contents }])),
    ...files,
  };
  const entries = await Promise.all(Object.entries(all).map(([path, file]) => fileEntry(path, file)));
  return packCpio([...directoryEntries(Object.keys(all)), ...entries]);
}

async function fileEntry(path: string, file: GuestFile): Promise<CpioEntry> {
  if (!path.startsWith("/") || posix.normalize(path) !== path) throw new StpError(`Cannot put "${path}" into a guest: it is not an absolute path`);
  const name = path.slice(1);
  if (typeof file !== "string") return { path: name, mode: MODE_FILE | (file.mode ?? 0o644), contents: Buffer.from(file.contents) };
  try {
    const isProgram = path === "/init" || ((await stat(file)).mode & 0o111) !== 0;
    return { path: name, mode: MODE_FILE | (isProgram ? 0o755 : 0o644), contents: await readFile(file) };
  } catch (cause) {
    throw new StpError(`Cannot put ${file} into a guest: it cannot be read`, { cause });
  }
}

/** The kernel makes no parents: each must come before what is in it. */
function directoryEntries(paths: readonly string[]): CpioEntry[] {
  const directories = new Set<string>(DIRECTORIES);
  for (const path of paths) for (let parent = posix.dirname(path); parent !== "/"; parent = posix.dirname(parent)) directories.add(parent);
  const empty = new Uint8Array();
  return [...directories].sort().map((path) => ({ path: path.slice(1), mode: MODE_DIRECTORY | 0o755, contents: empty }));
}
