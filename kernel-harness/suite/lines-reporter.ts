/** Reporter of vitest: a line of JSON for each test and each file, on stdout. Sibling: full.ts, which reads them. */
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";

export interface TestLine {
  /** Path of the test file in the project. */
  readonly file: string;
  /** Undefined: the file itself, which could not be run. */
  readonly test?: string;
  readonly state: string;
  readonly ms: number;
  readonly errors: readonly string[];
}

export default class LinesReporter implements Reporter {
  onTestModuleStart(module: TestModule): void {
    print({ file: pathOf(module), state: "begins", ms: 0, errors: [] });
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    print({ file: pathOf(test.module), test: test.fullName, state, ms: test.diagnostic()?.duration ?? 0, errors: errors.map(messageOf) });
  }

  onTestModuleEnd(module: TestModule): void {
    const errors = module.errors();
    const none = module.children.allTests().next().done === true;
    if (errors.length > 0 || none) print({ file: pathOf(module), state: "failed", ms: 0, errors: none && errors.length === 0 ? ["It has no test"] : errors.map(messageOf) });
  }
}

function pathOf(module: TestModule): string {
  return relative(process.cwd(), module.moduleId);
}

function messageOf(error: { readonly message: string; readonly stack?: string | undefined }): string {
  const at = /\(?(\/\S+:\d+:\d+)\)?/.exec(error.stack ?? "")?.[1];
  return at === undefined ? error.message : `${error.message} (${relative(process.cwd(), at)})`;
}

function print(line: TestLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
