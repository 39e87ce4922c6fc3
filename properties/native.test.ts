/** The runtime under ASan and UBSan: the operations of verify, and those that libFuzzer makes up. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadModel } from "./model.ts";
import { nativeFuzz } from "./native-fuzz.ts";
import { nativeTargets } from "./native.ts";
import { verify } from "./verify.ts";

/** Of each of the two. */
const SECONDS = 30;
/** Operations of one run between two looks at the clock. */
const OPERATIONS = 100_000;

const seed = Number(process.env["STP_SEED"] ?? 1);
const directory = mkdtempSync(join(tmpdir(), "stp-native-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test(`the operations of verify agree with the model, and no sanitizer reports, for ${SECONDS} s (STP_SEED=${seed})`, { timeout: 240_000 }, async () => {
  const model = await loadModel();
  const target = await nativeTargets();
  const end = performance.now() + SECONDS * 1000;
  for (let run = 0; performance.now() < end; run++) expect((await verify({ operations: OPERATIONS, seed: seed + run, model, target })).divergence).toBeUndefined();
});

test(`libFuzzer finds nothing wrong in ${SECONDS} s (STP_SEED=${seed})`, { timeout: 240_000 }, async () => {
  const { runs, added, failure } = await nativeFuzz({ seconds: SECONDS, seed, corpus: join(directory, "corpus") });
  expect(failure).toBeUndefined();
  expect(runs).toBeGreaterThan(1000);
  expect(added).toBeGreaterThan(100);
});
