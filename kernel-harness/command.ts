/** How the commands beside `./stp` end: `npm run stress`, `npm run object`. Sibling: cli/main.ts, for the verbs. */
import { messageOf, StpError } from "../spec/errors.ts";

/** Makes what `main` gives the exit status; 2, and one sentence, if it could not be tried: usage or environment. Anything else it throws is a bug. */
export async function exitAs(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof StpError) && !(error instanceof TypeError && "code" in error)) throw error; // parseArgs() throws TypeErrors with a code
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}
