/** The runtime's real module, compiled: needs a compiler and a kernel's headers. Selected alone by `npx vitest run` with STP_TESTS=guest. */
import { expect, test } from "vitest";
import { analyseRuntime } from "./build.ts";

test("the runtime takes no more stack than it may, and reaches no function of the kernel that is not allowed", async () => {
  const report = await analyseRuntime();
  expect(report.problems).toEqual([]);
  expect(report.calls.length).toBeGreaterThan(100);
  expect(report.calls.map((call) => call.name)).toEqual(expect.arrayContaining(["on_hit", "stp_probe_hit", "stp_map_add (pair)", "stp_printf"]));
});

test("a sleep, a deep frame, a variable frame, recursion and a call through a pointer are found in it", async () => {
  const more = `
#include <linux/delay.h>
MEASURED void measured_stp_step__sleeps(void) { msleep(1); }
MEASURED u64 measured_stp_step__deep(void) { volatile u64 room[70]; room[0] = 1; return room[0]; }
MEASURED int measured_stp_step__variable(u32 n) { volatile char room[n]; room[0] = 1; return room[0]; }
MEASURED void measured_stp_step__pointer(void (*call)(int), int n) { call(n); call(n + 1); }
MEASURED void measured_stp_step__recursive(int n) { if (n) measured_stp_step__recursive(n - 1); asm volatile(""); }
`;
  const { problems } = await analyseRuntime({ more });
  const found = problems.filter((problem) => /measured_stp_step__|stp_step \(/.test(problem));
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^msleep: .* measured_stp_step__sleeps > msleep$/),
      expect.stringMatching(/^stp_step \(deep\): it takes 5\d\d bytes of stack, more than 512/),
      expect.stringMatching(/^measured_stp_step__variable: .* changes the stack pointer by what is not known$/),
      expect.stringMatching(/^measured_stp_step__pointer: it calls through a pointer/),
      expect.stringMatching(/^recursion: measured_stp_step__recursive calls measured_stp_step__recursive$/),
    ]),
  );
});
