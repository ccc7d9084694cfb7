/** Why there is no executable; the message is for whoever compiles. */
export class CompileError extends Error {
  override readonly name = "CompileError";
}
