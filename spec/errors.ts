/** Failures that are the world's and not ours. */

/**
 * Usage or environment is at fault: a wrong name, a missing tool, a mirror that cannot be reached.
 *
 * `message` is one sentence that says what to do (after it, a compiler may have its say on further lines).
 * The command prints it without a stack trace and exits with status 2.
 */
export class StpError extends Error {
  override readonly name = "StpError";

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
