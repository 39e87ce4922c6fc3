/** A host process for guest.guest.test.ts to interrupt: prints a line once its guest is up. */
import { runGuest } from "./guest.ts";
import { testedKernel } from "./testing.ts";
import { buildProgram } from "./tools.ts";

const kernel = await testedKernel();
const sleeper = await buildProgram({ name: "sleeper", sources: { "sleeper.c": '#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("up"); fflush(stdout); pause(); return 0; }\n' } });
await runGuest(kernel, { files: { "/sleeper": sleeper }, steps: ["run sleeper 600 /sleeper"], onOutput: () => console.log("up") });
