import { defineConfig } from "vitest/config";

/** `STP_TESTS`: "ok" leaves out what boots a guest, "guest" runs only that. */
const which = process.env["STP_TESTS"] ?? "ok";
const GUEST = "**/*.guest.test.ts";
/** Guest tests that ask when something comes, or how much of it: nothing else runs meanwhile. */
const ALONE = ["delivery", "stress", "providers", "suite"].map((room) => `kernel-harness/${room}/*.guest.test.ts`);
const NEVER = "**/node_modules/**";

const common = { maxWorkers: 2, testTimeout: 120_000, hookTimeout: 300_000 } as const;

const GUESTS = [
  { test: { ...common, name: "guests", include: [GUEST], exclude: [NEVER, ...ALONE], sequence: { groupOrder: 0 } } },
  { test: { ...common, name: "alone", include: ALONE, exclude: [NEVER], maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } } },
];

export default defineConfig({
  test: {
    allowOnly: false,
    ...(which === "guest" ? { projects: GUESTS } : { ...common, include: ["**/*.test.ts"], exclude: [NEVER, GUEST] }),
  },
});
