/** The fuzzer: what it keeps reaches what it was kept for, a session goes on where the last one was, a broken copy is found. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cellsOf, LEGAL_CELLS } from "../concurrent/cells.ts";
import { replayConcurrentFile } from "../concurrent/replay.ts";
import { benchOf, broken } from "../concurrent/testing.ts";
import { loadModel } from "../model.ts";
import { Corpus } from "./corpus.ts";
import { Features } from "./features.ts";
import { fuzz } from "./fuzz.ts";
import { Fuzzer, type Input } from "./fuzzer.ts";

const EXECUTIONS = 1500;

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "stp-fuzz-test-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const filesIn = (path: string): string[] => readdirSync(path).sort();

describe("one thread", () => {
  test("inputs that are kept reach again all that was reached, and one more time they reach nothing new", async () => {
    const { bench } = await benchOf();
    const model = await loadModel();
    const features = new Features(bench.coverage.edges);
    const fuzzer = new Fuzzer(bench, model, features, 1);
    const kept: Input[] = [];
    for (let i = 0; i < EXECUTIONS; i++) {
      const { input, isNew, found } = fuzzer.next();
      expect(found).toBeUndefined();
      if (isNew) kept.push(input);
    }
    expect(kept.length).toBeGreaterThan(50);
    expect(kept.length).toBeLessThan(EXECUTIONS / 2);

    const again = new Features(bench.coverage.edges);
    const replayer = new Fuzzer(bench, model, again, 1);
    for (const input of kept) expect(replayer.replay(input).found).toBeUndefined();
    expect([again.edgesReached, again.cellsMissing]).toEqual([features.edgesReached, features.cellsMissing]);
    for (const input of kept) expect(replayer.replay(input).isNew).toBe(false);
  });

  test("the same seed makes the same inputs", async () => {
    const run = async (): Promise<Input[]> => {
      const { bench } = await benchOf();
      const fuzzer = new Fuzzer(bench, await loadModel(), new Features(bench.coverage.edges), 3);
      return Array.from({ length: 200 }, () => fuzzer.next().input);
    };
    expect(await run()).toEqual(await run());
  });

  test("cells are those of the spec, and a run is in those of its results", () => {
    expect(LEGAL_CELLS).toContain("map_add EFULL nmi");
    expect(LEGAL_CELLS).not.toContain("ring_read ok irq");
    const program = { setup: [], clock: [], contexts: [{ name: "N0", level: "nmi" as const, cpu: 0, operations: [] }] };
    const made = { op: { name: "map_add" as const, cpu: 0, context: 0, target: 0, value: 0n, text: "", args: [] }, context: 0, index: 0, begin: 1, end: 2, steps: [], result: -1n, outputs: new Uint8Array() };
    expect(cellsOf(program, { made: [[made]] }).map((index) => LEGAL_CELLS[index])).toEqual(["map_add EFULL nmi"]);
  });
});

describe("a session", () => {
  const session = { seconds: 6, seed: 1, jobs: 2 };

  test("keeps a corpus without litter, and the next one begins with it; what adds nothing is dropped, what is not ours stays", async () => {
    const first = await fuzz({ ...session, corpus: directory });
    expect(first.failure).toBeUndefined();
    expect(first.executions).toBeGreaterThan(100);
    expect(first.allocations).toBeGreaterThan(20);
    const kept = filesIn(directory);
    expect(kept.length).toBeGreaterThan(20);
    expect(kept.filter((name) => !/^[0-9a-f]{16}\.run$/.test(name))).toEqual([]);

    const corpus = new Corpus(directory);
    const largest = corpus.paths().at(-1)!;
    corpus.add(`# the same again\n${readFileSync(largest, "utf8")}`);
    writeFileSync(join(directory, "notes.txt"), "mine");
    const second = await fuzz({ ...session, seed: 2, corpus: directory });
    expect(second.failure).toBeUndefined();
    expect(second.edges).toBeGreaterThanOrEqual(first.edges);
    expect(second.cells).toBeGreaterThanOrEqual(first.cells);
    expect(filesIn(directory)).toContain("notes.txt");
    expect(corpus.paths().filter((path) => readFileSync(path, "utf8").startsWith("# the same again"))).toEqual([]);
  });

  test("ends at once when it is told to", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 500);
    const begun_ms = performance.now();
    await fuzz({ ...session, seconds: 600, corpus: directory, signal: abort.signal });
    expect(performance.now() - begun_ms).toBeLessThan(60_000);
  });

  test("finds what is broken, shrinks it, and leaves a file that fails only on the broken copy (X4)", async () => {
    const runtime = broken({ path: "runtime-c/include/stp/map_core.h", from: "		stp_ledger_lose(call->ctx->row, STP_LOSS_KIND_MAP, STP_LOSS_FULL);", to: "		;" });
    const { failure } = await fuzz({ ...session, seconds: 100, corpus: directory, runtime });
    const { rule } = failure!;
    expect(["X4", "M6", "M10", "M11", "P5"]).toContain(rule); // wherever the search for a serial order got furthest
    expect(existsSync(failure!.path)).toBe(true);
    expect(readFileSync(failure!.path, "utf8")).toBe(failure!.text);
    expect((await replayConcurrentFile(failure!.path, failure!.text, { runtime })).trouble?.rule).toBe(rule);
    expect((await replayConcurrentFile(failure!.path, failure!.text)).trouble).toBeUndefined();
  });

  test("finds memory that a failed init leaves, and says at which allocation", async () => {
    const runtime = broken({ path: "runtime-c/src/map_init.c", from: "	map->scheme->give(map, part->buckets);\n", to: "" });
    const { failure } = await fuzz({ ...session, corpus: directory, runtime });
    expect(failure).toMatchObject({ rule: "memory" });
    expect(failure!.text).toMatch(/^fault alloc \d+$/m);
    expect((await replayConcurrentFile("x", failure!.text, { runtime })).trouble?.rule).toBe("memory");
    expect((await replayConcurrentFile("x", failure!.text)).trouble).toBeUndefined();
  });
});
