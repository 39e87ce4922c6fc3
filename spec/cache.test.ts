import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheRoot, cachedDirectory, cachedFile, contentHash } from "./cache.ts";

let root = "";
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), "stp-cache-test-"))));
afterEach(() => rm(root, { recursive: true }));

test("cacheRoot prefers STP_CACHE_DIR, then XDG_CACHE_HOME, then the home directory", () => {
  expect(cacheRoot({ STP_CACHE_DIR: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
  expect(cacheRoot({ XDG_CACHE_HOME: "/b" })).toBe("/b/stp");
  expect(cacheRoot({ STP_CACHE_DIR: "" })).toMatch(/\/\.cache\/stp$/);
});

test("contentHash tells apart parts that join to the same text", () => {
  expect(contentHash(["ab", "c"])).not.toBe(contentHash(["a", "bc"]));
  expect(contentHash(["ab"])).toBe(contentHash([Buffer.from("ab")]));
});

test("cachedFile builds once", async () => {
  let builds = 0;
  const build = (path: string): Promise<void> => writeFile(path, `build ${++builds}`);
  const first = await cachedFile("kind", "key", build, root);
  expect(await cachedFile("kind", "key", build, root)).toBe(first);
  expect(await readFile(first, "utf8")).toBe("build 1");
});

test("cachedDirectory whose build throws leaves nothing", async () => {
  const build = async (directory: string): Promise<void> => {
    await writeFile(join(directory, "half"), "");
    throw new Error("interrupted");
  };
  await expect(cachedDirectory("kind", "key", build, root)).rejects.toThrow("interrupted");
  expect(await readdir(join(root, "kind"))).toEqual([]);
});

test("cachedDirectory is invisible until it is complete", async () => {
  const place = await cachedDirectory("kind", "key", async (directory) => {
    await writeFile(join(directory, "a"), "");
    expect(existsSync(join(root, "kind", "key"))).toBe(false);
  }, root);
  expect(await readdir(place)).toEqual(["a"]);
});

test("cachedDirectory built twice at once gives both callers one complete directory", async () => {
  const build = async (directory: string): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await writeFile(join(directory, "a"), "complete");
  };
  const places = await Promise.all([1, 2, 3].map(() => cachedDirectory("kind", "key", build, root)));
  expect(new Set(places).size).toBe(1);
  expect(await readFile(join(places[0] ?? "", "a"), "utf8")).toBe("complete");
  expect(await readdir(join(root, "kind"))).toEqual(["key"]);
});
