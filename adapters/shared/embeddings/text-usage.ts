import type { TextUsage } from "../../embedding.ts";

export const textUsage = (prompt_tokens: number): TextUsage => ({ prompt_tokens, completion_tokens: 0, cached_tokens: 0 });

export function usageOfAll(inputs: readonly (readonly number[])[]): TextUsage {
  return textUsage(inputs.reduce((sum, { length }) => sum + length, 0));
}
