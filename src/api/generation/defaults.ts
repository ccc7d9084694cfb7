/** What a request gets that says nothing, from a model that says nothing: the document's values. The context bounds `max_tokens`. */
export const CHAT_DEFAULTS = {
  temperature: 0.7,
  top_p: 0.95,
  max_tokens: 2048,
  stop: [] as string[],
  frequency_penalty: 0,
  presence_penalty: 0,
};
