import { absolutePath, PathError } from "../../models/absolute-path.ts";
import { CliError } from "./error.ts";

/** A path among the words of a command, as an absolute one: the server that gets it may have another working folder and another home. */
export function pathArgument(text: string, name: string): string {
  try {
    return absolutePath(text, name);
  } catch (error) {
    throw error instanceof PathError ? new CliError(error.message, 2, { cause: error }) : error;
  }
}
