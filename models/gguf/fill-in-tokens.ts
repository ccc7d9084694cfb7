// Tokens around the gap that a model fills in: a key of the header names each, or llama.cpp knows it by its text.
// https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp (`special_fim_pre_id` and what follows).

/** What begins the text before the gap, what begins the one behind it, and behind what the model writes. */
const PLACES = [
  {
    keys: ["fim_pre_token_id", "prefix_token_id"],
    names: [
      ...["<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<\uff5cfim\u2581begin\uff5c>"],
      ...["<PRE>", "\u2581<PRE>", "<|code_prefix|>", "<|prefix|>"],
    ],
  },
  {
    keys: ["fim_suf_token_id", "suffix_token_id"],
    names: [
      ...["<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<\uff5cfim\u2581hole\uff5c>"],
      ...["<SUF>", "\u2581<SUF>", "<|code_suffix|>", "<|suffix|>"],
    ],
  },
  {
    keys: ["fim_mid_token_id", "middle_token_id"],
    names: [
      ...["<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<\uff5cfim\u2581end\uff5c>"],
      ...["<MID>", "\u2581<MID>", "<|code_middle|>", "<|middle|>"],
    ],
  },
];

export const FILL_IN_NAMES: ReadonlySet<string> = new Set(PLACES.flatMap(({ names }) => names));

/** Whether a file has all three. `found`: the names of `FILL_IN_NAMES` that are in its vocabulary. */
export function hasFillIn(hasKey: (key: string) => boolean, found: ReadonlySet<string>): boolean {
  return PLACES.every(
    ({ keys, names }) => keys.some((key) => hasKey(`tokenizer.ggml.${key}`)) || names.some((name) => found.has(name)),
  );
}
