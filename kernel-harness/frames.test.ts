import { expect, test } from "vitest";
import { FRAMES, FRAME_MAGIC, type FrameName } from "../spec/protocol.ts";
import { FrameDecoder, type Frame } from "./frames.ts";
import { Transcript } from "./transcript.ts";

function frame(type: FrameName, payload: string): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(FRAME_MAGIC, 0);
  header.writeUInt32LE(FRAMES[type].type, 4);
  header.writeUInt32LE(Buffer.byteLength(payload), 8);
  return Buffer.concat([header, Buffer.from(payload)]);
}

const stream = Buffer.concat([
  frame("hello", "6.1.0"), frame("step", "run p 1 /p"), frame("output", "p\0\x01out"), frame("output", "p\0\x02err"), frame("beat", ""),
  frame("exit", "p\0" + "3"), frame("file", "/empty"), frame("file", "/f"), frame("data", "ab"), frame("data", "cd"), frame("done", "1"),
]);

test("FrameDecoder gives the same frames however the stream is cut", () => {
  const whole = new FrameDecoder().push(stream);
  expect(whole).toHaveLength(11);
  for (const size of [1, 3, 16, 17, 50]) {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    for (let at = 0; at < stream.length; at += size) frames.push(...decoder.push(stream.subarray(at, at + size)));
    expect(frames).toEqual(whole);
    expect(decoder.damage).toBeUndefined();
  }
});

test("FrameDecoder on damaged bytes says where, and keeps what was before", () => {
  const decoder = new FrameDecoder();
  expect(decoder.push(Buffer.concat([frame("hello", "6.1.0"), Buffer.from("sixteen bytes of nothing")]))).toHaveLength(1);
  expect(decoder.damage).toContain("byte 21 ");
  expect(decoder.push(frame("done", "0"))).toEqual([]);
});

test.each([["magic", 0, 1], ["type", 4, 99]])("FrameDecoder refuses a header whose %s alone is wrong", (_, offset, value) => {
  const header = frame("beat", "");
  header.writeUInt32LE(value, offset);
  const decoder = new FrameDecoder();
  expect(decoder.push(header)).toEqual([]);
  expect(decoder.damage).toContain("byte 0 ");
});

test("FrameDecoder refuses a payload beyond the limit", () => {
  const header = frame("data", "");
  header.writeUInt32LE(65537, 8);
  const decoder = new FrameDecoder();
  decoder.push(header);
  expect(decoder.damage).toBeDefined();
});

test("Transcript gathers outputs, statuses and files", () => {
  const transcript = new Transcript();
  for (const each of new FrameDecoder().push(stream)) transcript.accept(each);
  expect(transcript.release).toBe("6.1.0");
  expect(transcript.parts()[0].outputs).toEqual({ p: { stdout: "out", stderr: "err", status: 3, dropped_bytes: 0 } });
  expect([...transcript.parts()[0].files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])).toEqual([["/empty", ""], ["/f", "abcd"]]);
  expect(transcript.done).toBe(1);
});

test("Transcript names the step that the guest says failed", () => {
  const transcript = new Transcript();
  for (const each of new FrameDecoder().push(Buffer.concat([frame("step", "send /x"), frame("output", "init\0\x02cannot send /x\n")]))) transcript.accept(each);
  expect(transcript.parts()[0].failures).toEqual(["step `send /x` failed: cannot send /x"]);
});

test("Transcript keeps what tests gave apart, with the time that each took", () => {
  const transcript = new Transcript();
  const frames = [frame("step", "test a"), frame("output", "p\0\x01one"), frame("step", "test b"), frame("output", "p\0\x01two"), frame("file", "/f"), frame("data", "x"), frame("done", "0")];
  new FrameDecoder().push(Buffer.concat(frames)).forEach((each, i) => transcript.accept(each, 100 * i));
  const [apart, ...tests] = transcript.parts();
  expect(apart).toMatchObject({ test: undefined, outputs: {} });
  expect(tests.map(({ test, ms, outputs, files }) => ({ test, ms, said: outputs["p"]?.stdout, files: [...files.keys()] }))).toEqual([
    { test: "a", ms: 200, said: "one", files: [] },
    { test: "b", ms: 400, said: "two", files: ["/f"] },
  ]);
  expect(transcript.test).toBe("b");
});
