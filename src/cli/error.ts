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

/** An error that the API answered; its `code` and counts let a command say it in other words, or do something about it. */
export class RefusedError extends CliError {
  readonly code: string | null;
  readonly n_prompt_tokens: number | undefined;
  readonly n_ctx: number | undefined;

  constructor({ message, code, n_prompt_tokens, n_ctx }: ErrorBody["error"]) {
    super(message);
    this.code = code;
    this.n_prompt_tokens = n_prompt_tokens;
    this.n_ctx = n_ctx;
  }
}
