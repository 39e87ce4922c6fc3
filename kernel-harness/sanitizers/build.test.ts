import { expect, test } from "vitest";
import { droppedFrom, sanitizerKey } from "./build.ts";

test("droppedFrom names lines that the configuration has not", () => {
  const fragment = '# a comment\nCONFIG_A=y\nCONFIG_B="x"\n# CONFIG_C is not set\n# CONFIG_D is not set\n# CONFIG_E is not set\n\nCONFIG_F=3\n';
  expect(droppedFrom(fragment, 'CONFIG_A=y\nCONFIG_B="x"\n# CONFIG_C is not set\nCONFIG_F=3\n')).toEqual([]); // D and E are not visible: off
  expect(droppedFrom(fragment, 'CONFIG_A=m\nCONFIG_B="x"\nCONFIG_C=y\nCONFIG_F=4\n')).toEqual(["CONFIG_A=y", "# CONFIG_C is not set", "CONFIG_F=3"]);
});

test("sanitizerKey is short, the same each time, and tells the kernels apart", () => {
  expect(sanitizerKey("memory")).toMatch(/^[0-9a-f]{12}$/);
  expect(sanitizerKey("memory")).toBe(sanitizerKey("memory"));
  expect(sanitizerKey("memory")).not.toBe(sanitizerKey("races"));
});
