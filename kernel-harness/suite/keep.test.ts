import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inTemporaryDirectory } from "../temporary.ts";
import { claimResults, keepResults } from "./keep.ts";
import { resultOf } from "./test.ts";

const failed = (kernel: string, test: string, contents: string): ReturnType<typeof resultOf> => resultOf(kernel, test, { outcome: "failed", problems: ["it broke"], artefacts: [{ name: "console.log", contents }] });

test("all that is kept is below the directory, each failure in a folder of its own, whatever kernels and tests are called", async () => {
  await inTemporaryDirectory("test-of-keep-", async (parent) => {
    const directory = await claimResults(join(parent, "results"));
    await keepResults(directory, [failed("..", "boot", "1"), failed("/a/b", "x", "2"), failed("/a_b", "x", "3"), failed("k", "../../x y: #1", "4"), resultOf("k", "fine", { outcome: "ok" })]);
    expect(await readdir(parent)).toEqual(["results"]);
    const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && entry.name === "console.log");
    const contents = await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), "utf8")));
    expect(contents.sort()).toEqual(["1", "2", "3", "4"]);
    expect((await readdir(directory)).filter((name) => name.startsWith("results."))).toHaveLength(4);
    await expect(claimResults(directory)).rejects.toThrow(/^Cannot write into .*: EEXIST/);
  });
});
