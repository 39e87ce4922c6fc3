/** stp post: a recording as the script's output. */
import { once } from "node:events";
import { Command } from "commander";
import { postprocess } from "../stpd/post/post.ts";

interface PostOptions {
  readonly json?: boolean;
  readonly folded?: boolean;
}

export function postCommand(): Command {
  return new Command("post")
    .description("Print a recording: the script's output on stdout, what was lost or damaged on stderr.")
    .argument("<directory>", "the recording")
    .option("--json", "print JSON lines, events included")
    .option("--folded", "print the backtraces that the script counted as folded lines, for flame graphs")
    .action(async (directory: string, options: PostOptions) => {
      await printRecording(directory, options);
    });
}

/** Prints; exit status 1 if the recording is damaged, its ledger does not balance, or a probe ended with an error. */
export async function printRecording(directory: string, options: PostOptions): Promise<void> {
  const { ok, errors } = await postprocess(directory, {
    json: options.json ?? false,
    folded: options.folded ?? false,
    write: async (bytes) => {
      if (!process.stdout.write(bytes)) await once(process.stdout, "drain");
    },
    report: (line) => process.stderr.write(`stp: ${line}\n`),
  });
  if (!ok || errors > 0) process.exitCode = 1;
}
