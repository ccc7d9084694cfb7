import { standardError, standardOutput } from "../server/standard-streams.ts";
import { CliError } from "./error.ts";
import { asCalled } from "./invocation.ts";

/** Prints the result of a command, which has failed where standard output does not take it. Resolves when it is out, or lost. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    standardOutput.write(`${text}\n`, (cause) => {
      if (cause !== undefined) fail(unwritable(cause));
      resolve();
    });
  });
}

/** Prints the result of a command: a sentence, or what it is about. */
export function printResult(sentence: string, value: object, json: boolean): Promise<void> {
  return print(json ? JSON.stringify(value, null, 2) : sentence);
}

/** Prints on standard error what accompanies the result; the commands that it names, in the words with which ingle was called. */
export function printNote(text: string): void {
  standardError.write(`${asCalled(text)}\n`);
}

/** Ends the command with the error's exit code once its work is done. */
export function fail({ message, exit_code }: CliError): void {
  process.exitCode = exit_code;
  if (message !== "") printNote(message);
}

/** Has no message where the reader of a pipe has left, as `head` does: that is not a mistake. */
export function unwritable(cause: NodeJS.ErrnoException): CliError {
  const message = cause.code === "EPIPE" ? "" : `Standard output cannot be written to: ${cause.message}.`;
  return new CliError(message, 1, { cause });
}
