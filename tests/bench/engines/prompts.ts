// What the engines are asked.

/** Every sampler said, as the engines' defaults differ. */
const SAMPLING = { temperature: 0.7, top_p: 0.95, top_k: 40, min_p: 0 };

export const streamed = (messages: object[], max_tokens: number, more: object = {}): object => {
  return { messages, max_tokens, ...SAMPLING, stream: true, stream_options: { include_usage: true }, ...more };
};

/** A story. `nonce` stands first, so that nothing read before helps; the seed asks for the same answer in each run. */
export function story(nonce: string, seed: number, max_tokens: number, more: object = {}): object {
  const system = { role: "system", content: `${nonce} You are a helpful AI assistant.` };
  const user = { role: "user", content: `Tell me a long story about a king, his castle and the number ${seed}.` };
  return streamed([system, user], max_tokens, { seed, ...more });
}

/** About `tokens` tokens of plain English. */
export function longText(nonce: string, tokens: number): string {
  const sentences = Array.from({ length: Math.round(tokens / 10) }, (_, i) => `King ${i} walked to the old castle alone.`);
  return `${nonce} ${sentences.join(" ")}`;
}
