/**
 * The runtime's C sources, as every world that compiles them sees them: one list of files, read once.
 *
 * Paths are from the project's root, so that compilers' messages can be followed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contentHash } from "./cache.ts";

/** The project's root, with a final slash. */
export const PROJECT_ROOT = fileURLToPath(new URL("../", import.meta.url));

export type World = "kernel" | "wasm32" | "native" | "watched";

export interface RuntimeSources {
  /** Contents by path: everything below runtime-c that a world may include or compile. */
  readonly files: Readonly<Record<string, string>>;
  /** Units of the portable core. */
  readonly core: readonly string[];
  /** Units of the replay interpreter. */
  readonly replay: readonly string[];
  /** Include directories, in order. */
  readonly includes: readonly string[];
  /** Of all files: the provenance that a manifest carries. */
  readonly hash: string;
}

/** What the worlds with a C library share. */
const HOSTED = "runtime-c/port/hosted.h";

function filesBelow(directory: string): string[] {
  return readdirSync(join(PROJECT_ROOT, directory), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(`${directory}/${entry.name}`) : /\.[ch]$/.test(entry.name) ? [`${directory}/${entry.name}`] : []))
    .sort();
}

/** Reads the sources for one world. */
export function runtimeSources(world: World): RuntimeSources {
  const paths = [...["include", "src", "replay", `port/${world}`].flatMap((part) => filesBelow(`runtime-c/${part}`)), ...(world === "kernel" ? [] : [HOSTED])];
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(PROJECT_ROOT + path, "utf8")]));
  const unitsIn = (part: string): string[] => paths.filter((path) => path.startsWith(`runtime-c/${part}/`) && path.endsWith(".c"));
  return {
    files,
    core: unitsIn("src"),
    replay: unitsIn("replay"),
    includes: ["runtime-c/include", `runtime-c/port/${world}`, "runtime-c"],
    hash: contentHash(Object.entries(files).flat()),
  };
}
