/** Prints the figures and nothing else, but for what went wrong. */
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class FiguresReporter implements Reporter {
  onStdOut(chunk: string | Buffer): void {
    process.stdout.write(chunk);
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === "passed" || result.status === "skipped") return;
    for (const error of result.errors) {
      process.stdout.write(`${test.title}   not measured: ${error.message?.split("\n")[0]}\n`);
    }
  }

  printsToStdio(): boolean {
    return true;
  }
}
