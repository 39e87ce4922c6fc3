import { expect, test } from "vitest";
import { formatSteps, step } from "./steps.ts";

test("step quotes only the words that need it", () => {
  expect(step("await", "stpd", "it is ready", 5)).toBe('await stpd "it is ready" 5');
  expect(step("write", "/p", 'a"b\\c\n', "")).toBe('write /p "a\\"b\\\\c\\n" ""');
});

test("formatSteps refuses a step of two lines or one that is too long", () => {
  expect(formatSteps(["send /a", "send /b"])).toBe("send /a\nsend /b\n");
  expect(() => formatSteps(["send /a\nsend /b"])).toThrow("more than one line");
  expect(() => formatSteps([`send /${"a".repeat(5000)}`])).toThrow("longer than");
});
