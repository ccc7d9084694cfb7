// Questions to the person at the terminal.
import { createInterface } from "node:readline/promises";
import { CliError } from "./error.ts";
import { asCalled } from "./invocation.ts";

/** Whether somebody is there to answer. */
export const isAttended = (): boolean => Boolean(process.stdin.isTTY && process.stderr.isTTY);

/** What is typed, without the spaces around it. Throws `CliError` where Ctrl-C or Ctrl-D is. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const left = Promise.withResolvers<never>();
  terminal.on("SIGINT", () => left.reject(new CliError("Stopped.", 130)));
  terminal.on("close", () => left.reject(new CliError("Stopped.", 130)));
  try {
    return (await Promise.race([terminal.question(asCalled(question)), left.promise])).trim();
  } finally {
    left.promise.catch(() => {});
    terminal.close();
  }
}

/** Enter means yes. */
export async function isAgreed(question: string): Promise<boolean> {
  return /^(y|yes|)$/i.test(await ask(`${question} [Y/n] `));
}
