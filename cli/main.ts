/** The stp command: one file a verb. Exit 0 fine, 1 found something wrong, 2 usage or environment. */
import { Command, CommanderError } from "commander";
import { StpError } from "../spec/errors.ts";

const EXIT_USAGE = 2;

/** The verbs, in the order of the help. Loaded when they are asked for: each needs much that the others do not. */
const VERBS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import("./run.ts")).runCommand(),
  check: async () => (await import("./check.ts")).checkCommand(),
  explore: async () => (await import("./explore.ts")).exploreCommand(),
  fuzz: async () => (await import("./fuzz.ts")).fuzzCommand(),
  verify: async () => (await import("./verify.ts")).verifyCommand(),
  replay: async () => (await import("./replay.ts")).replayCommand(),
  kernel: async () => (await import("./kernel.ts")).kernelCommand(),
  post: async () => (await import("./post.ts")).postCommand(),
};

/** With the verb that is given, or with all if it is none. */
async function program(verb: string): Promise<Command> {
  const stp = new Command("stp").description("A SystemTap runtime that can be trusted: run a probe, check it, verify the runtime.");
  for (const [name, load] of Object.entries(VERBS)) if (name === verb || !Object.hasOwn(VERBS, verb)) stp.addCommand(await load());
  return stp;
}

/** Has commander throw instead of exiting, and speak as we do, subcommands too: every failure ends below, as one sentence. */
function throwing(command: Command): Command {
  command.exitOverride();
  command.configureOutput({ outputError: (text, write) => write(oneSentence(text)) });
  command.commands.forEach(throwing);
  return command;
}

// Whoever reads our output may stop reading ("| head"): that ends us, and is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

/** Commander's words in our form. */
function oneSentence(text: string): string {
  return `${text.trimEnd().replace(/^error: /, "stp: ").replace(" is invalid. it must", " is invalid: it must").replaceAll("\n", " ")}\n`;
}

try {
  await throwing(await program(process.argv[2] ?? "")).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  else if (error instanceof StpError) {
    console.error(`stp: ${error.message}`);
    process.exitCode = EXIT_USAGE;
  } else throw error;
}
