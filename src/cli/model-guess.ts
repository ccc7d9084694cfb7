// What may have been meant by a model that is not here.
import { shellWords } from "../support/shell-words.ts";
import { didYouMean } from "./arguments.ts";

interface UnknownModel {
  code: string | null;
  message: string;
}

/**
 * ` Did you mean "qwen3-4b"?`, for an error of the API about a model, or how one that is known comes here; empty where no id is near. `readIds`
 * reads those that are known.
 */
export async function guessModel({ code, message }: UnknownModel, readIds: () => Promise<string[]>): Promise<string> {
  // The sentence begins with the id, as JSON.
  const [, quoted] = (code === "model_not_found" && /^Model ("(?:[^"\\]|\\.)*") is /.exec(message)) || [];
  if (quoted === undefined) return "";
  const id = JSON.parse(quoted) as string;
  const ids = await readIds().catch((): string[] => []);
  return ids.includes(id) ? ` "ingle ${shellWords(["pull", id])}" downloads it.` : didYouMean(id, ids);
}
