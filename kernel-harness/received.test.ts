/** Files that a guest sends while they grow: from frames to the directory that a reader follows. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FrameName } from "../spec/protocol.ts";
import { ReceivedDirectory } from "./received.ts";
import { Transcript } from "./transcript.ts";

let directory = "";
let firsts = 0;
let received: ReceivedDirectory;
let transcript: Transcript;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stp-received-"));
  firsts = 0;
  received = new ReceivedDirectory("/recording", directory, () => firsts++);
  transcript = new Transcript(received.take);
});
afterEach(() => rmSync(directory, { recursive: true }));

function send(...frames: readonly (readonly [FrameName, string])[]): void {
  for (const [type, payload] of frames) transcript.accept({ type, payload: Buffer.from(payload) });
}

const at = (path: string): string | undefined => (existsSync(join(directory, path)) ? readFileSync(join(directory, path), "utf8") : undefined);

test("a file is there when something else has come, or more of it, and never half of what replaces another", () => {
  send(["file", "/recording/manifest.json"], ["data", "run"], ["data", "ning"]);
  expect(at("manifest.json")).toBeUndefined();
  send(["file", "/recording/cpu0.data"], ["data", "abc"]);
  expect(at("manifest.json")).toBe("running");
  expect(at("cpu0.data")).toBeUndefined();
  send(["more", "/recording/cpu0.data"], ["data", "def"]);
  expect(at("cpu0.data")).toBe("abcdef");
  send(["file", "/recording/manifest.json"], ["data", "en"]);
  expect(at("manifest.json")).toBe("running");
  send(["data", "ded"]);
  received.close();
  expect(at("manifest.json")).toBe("ended");
  expect(at("cpu0.data")).toBe("abcdef");
  expect(firsts).toBe(1);
});

test("files go into folders, and nothing goes anywhere else", () => {
  send(["file", "/recording/symbols/maps"], ["data", "x"], ["file", "/etc/passwd"], ["data", "y"], ["file", "/recording/../up"], ["data", "z"]);
  received.close();
  expect(at("symbols/maps")).toBe("x");
  expect(at("../up")).toBeUndefined();
  expect(at("passwd")).toBeUndefined();
});

test("an empty file is a file, and data of one that never began is refused", () => {
  send(["file", "/recording/cpu1.data"]);
  received.close();
  expect(at("cpu1.data")).toBe("");
  expect(() => send(["more", "/recording/cpu2.data"], ["data", "x"])).toThrow("goes on with cpu2.data, which it never began");
});
