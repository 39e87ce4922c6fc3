/** Driver modules of a kernel image, in an order in which they can be loaded. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { StpError } from "../spec/errors.ts";
import type { FetchedKernel } from "./fetch.ts";

export interface Driver {
  readonly name: string;
  readonly contents: Uint8Array;
}

/** The named drivers and what they depend on, each after its dependencies. Built-in ones are left out. */
export async function loadDrivers(kernel: FetchedKernel, names: readonly string[]): Promise<Driver[]> {
  const { modules } = kernel;
  if (modules === undefined) return [];
  const paths = indexByName(await readFile(join(modules, "modules.order"), "utf8"));
  const builtin = indexByName(await readFile(join(modules, "modules.builtin"), "utf8"));
  const contents = new Map<string, Uint8Array>();
  const load = async (name: string): Promise<readonly string[]> => {
    if (builtin.has(name)) return [];
    const path = paths.get(name);
    if (path === undefined) throw new StpError(`Cannot boot ${kernel.name}: it has no module ${name}`);
    const bytes = await readFile(join(modules, path)).catch((cause: unknown) => {
      throw new StpError(`Cannot boot ${kernel.name}: its module ${name} is not at ${join(modules, path)}; a compressed one must be unpacked`, { cause });
    });
    contents.set(name, bytes);
    return moduleDepends(bytes);
  };
  const order = await dependencyOrder(names, load);
  return order.flatMap((name) => {
    const bytes = contents.get(name);
    return bytes ? [{ name, contents: bytes }] : [];
  });
}

/** All of `roots` and what they depend on, dependencies first, each once. Throws on a cycle. */
export async function dependencyOrder(roots: readonly string[], dependsOn: (name: string) => Promise<readonly string[]>): Promise<string[]> {
  const order: string[] = [];
  const visit = async (name: string, path: readonly string[]): Promise<void> => {
    if (path.includes(name)) throw new Error(`modules depend on each other: ${[...path, name].join(" → ")}`);
    if (order.includes(name)) return;
    for (const dependency of await dependsOn(name)) await visit(dependency, [...path, name]);
    order.push(name);
  };
  for (const root of roots) await visit(root, []);
  return order;
}

/** The `depends=` entry of a module's .modinfo section. */
export function moduleDepends(module: Uint8Array): string[] {
  const depends = /\0depends=([^\0]*)\0/.exec(Buffer.from(module).toString("latin1"));
  if (!depends) throw new Error("not a kernel module: it has no depends entry");
  return (depends[1] ?? "").split(",").filter((name) => name !== "").map(canonicalName);
}

/** Module names and file names differ in dashes. */
function canonicalName(name: string): string {
  return name.replaceAll("-", "_");
}

/** Build trees list objects since 6.3. */
function indexByName(list: string): Map<string, string> {
  const paths = list.split("\n").filter((path) => path !== "");
  return new Map(paths.map((path) => [canonicalName(basename(path).replace(/\.k?o$/, "")), path.replace(/\.o$/, ".ko")]));
}
