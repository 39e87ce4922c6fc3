import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Parts } from "./parts.ts";
import { RecordReader } from "./reader.ts";
import { Search } from "./search.ts";
import { dataOf, recordsOf } from "./testing.ts";
import { StreamWindow } from "./window.ts";

let directory = "";
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "stp-search-"))));
afterAll(() => rmSync(directory, { recursive: true }));

describe("Search", () => {
  it("says of each record whether its own text has the bytes, whatever the window holds", () => {
    const text = fc.array(fc.constantFrom("a", "ab", "abc", "bc", "c", "xabc", "abcabc", "."), { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 40, size: "max" }), fc.constantFrom(64, 200, 1 << 17), fc.nat(3), (texts, window_size, every) => {
        writeFileSync(join(directory, "cpu0.data"), dataOf(recordsOf(0, texts.map((of) => ({ text: of })))));
        const parts = new Parts(0, directory, [{ cpu: 0, offset: 0, name: "cpu0.data" }]);
        const reader = new RecordReader(new StreamWindow(parts, window_size), (problem) => expect(problem).toBeUndefined());
        const search = new Search(Buffer.from("abc"));
        const found: boolean[] = [];
        // Not every record need be asked for.
        for (let i = 0; reader.next(); i++) found.push(i % (every + 1) === 0 ? search.isIn(reader) : texts[i]!.includes("abc"));
        parts.close();
        expect(found).toEqual(texts.map((of) => of.includes("abc")));
      }),
      { numRuns: 500 },
    );
  });
});
