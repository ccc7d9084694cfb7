/** A setting that cannot be used: the sentence names it, its value and where it came from. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
