// Parameters that no engine here honours for a chat, each with its values that ask for nothing.
import type { Groups } from "../../generation/parameters/known.ts";
import { each, EMPTY, is } from "../../generation/parameters/nothing.ts";

export const CHAT_REFUSED: Groups = {
  OpenAI: { ...each(EMPTY, "prompt suffix"), best_of: is(1), echo: is(false) },
};
