/** The stp command: one file a verb. Exit 0 fine, 1 found something wrong, 2 usage or environment. */
import { Command, CommanderError } from "commander";
import { StpError } from "../spec/errors.ts";
import { checkCommand } from "./check.ts";
import { exploreCommand } from "./explore.ts";
import { fuzzCommand } from "./fuzz.ts";
import { kernelCommand } from "./kernel.ts";
import { postCommand } from "./post.ts";
import { replayCommand } from "./replay.ts";
import { runCommand } from "./run.ts";
import { verifyCommand } from "./verify.ts";

const EXIT_USAGE = 2;

function program(): Command {
  const stp = new Command("stp").description("A SystemTap runtime that can be trusted: run a probe, check it, verify the runtime.");
  for (const command of [runCommand(), checkCommand(), exploreCommand(), fuzzCommand(), verifyCommand(), replayCommand(), kernelCommand(), postCommand()]) stp.addCommand(command);
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
  await throwing(program()).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  else if (error instanceof StpError) {
    console.error(`stp: ${error.message}`);
    process.exitCode = EXIT_USAGE;
  } else throw error;
}
