import { defineConfig } from "vitest/config";

/** `STP_TESTS`: "ok" leaves out what boots a guest, "guest" runs only that, one file after the other. */
const which = process.env["STP_TESTS"] ?? "ok";
const GUEST = "**/*.guest.test.ts";

export default defineConfig({
  test: {
    include: which === "guest" ? [GUEST] : ["**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(which === "guest" ? [] : [GUEST])],
    fileParallelism: which !== "guest",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    allowOnly: false,
  },
});
