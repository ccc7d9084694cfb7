import type { ErrorBody } from "../http/errors.ts";

/** A failure that the person at the terminal can mend: `main.ts` prints its sentence, without a stack, and leaves with its code. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** 1: it did not work. 2: the command was written wrong. 130: Ctrl-C. */
  readonly exit_code: 1 | 2 | 130;

  constructor(message: string, exit_code: 1 | 2 | 130 = 1, options?: ErrorOptions) {
    super(message, options);
    this.exit_code = exit_code;
  }
}

/** What the API answered: an error of its own kind, so that a command can say it in its words. */
export class RefusedError extends CliError {
  readonly code: string | null;

  constructor({ message, code }: ErrorBody["error"]) {
    super(message);
    this.code = code;
  }
}
