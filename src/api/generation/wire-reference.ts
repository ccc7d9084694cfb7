// What the reference says of every answer of a generation.
import * as v from "valibot";
import { Count, described } from "../reference/operation.ts";

export const UsageReference = v.object({
  ...{ prompt_tokens: Count, completion_tokens: Count, total_tokens: Count },
  prompt_tokens_details: v.object({ cached_tokens: described(Count, "Tokens of the prompt that were read before.") }),
  completion_tokens_details: v.optional(v.object({ reasoning_tokens: Count })),
});
