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

/** An error that the API answered; its `code` lets a command say it in other words. */
export class RefusedError extends CliError {
  readonly code: string | null;

  constructor({ message, code }: ErrorBody["error"]) {
    super(message);
    this.code = code;
  }
}
