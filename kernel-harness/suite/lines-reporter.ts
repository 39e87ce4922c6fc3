/** Reporter of vitest: a line of JSON for each test, and for what else goes wrong in a file, on stdout. Sibling: full.ts, which reads them. */
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

export interface TestLine {
  /** Path of the test file in the project. */
  readonly file: string;
  /** Undefined: what tests of the file have in common, which failed. */
  readonly test?: string;
  /** `begins` is of a file. */
  readonly state: string;
  readonly ms: number;
  readonly errors: readonly string[];
}

interface TestError {
  readonly message: string;
  readonly stack?: string | undefined;
}

export default class LinesReporter implements Reporter {
  onTestModuleStart(module: TestModule): void {
    print({ file: pathOf(module), state: "begins", ms: 0, errors: [] });
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    print({ file: pathOf(test.module), test: test.fullName, state, ms: test.diagnostic()?.duration ?? 0, errors: errors.map(tell) });
  }

  /** A hook that fails, for example: its tests are then skipped. */
  onTestSuiteResult(suite: TestSuite): void {
    if (suite.errors().length > 0) print({ file: pathOf(suite.module), test: suite.fullName, state: "failed", ms: 0, errors: suite.errors().map(tell) });
  }

  onTestModuleEnd(module: TestModule): void {
    const errors = module.errors().map(tell);
    const none = module.children.allTests().next().done === true;
    if (errors.length > 0 || none) print({ file: pathOf(module), state: "failed", ms: 0, errors: errors.length > 0 ? errors : ["It has no test"] });
  }
}

function pathOf(module: TestModule): string {
  return relative(process.cwd(), module.moduleId);
}

function tell({ message, stack = "" }: TestError): string {
  const at = /\(?(\/\S+:\d+:\d+)\)?/.exec(stack)?.[1];
  return at === undefined ? message : `${message} (${relative(process.cwd(), at)})`;
}

function print(line: TestLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
