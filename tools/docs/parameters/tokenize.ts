// The tables of the parameters of tokenize and detokenize.
import type { Engine } from "../../../adapters/adapter.ts";
import { droppedParameters } from "../../../src/api/generation/parameters/sort.ts";
import { DETOKENIZE_PARAMETERS, TOKENIZE_PARAMETERS } from "../../../src/api/tokenize/parameters.ts";
import { DetokenizeBody, readSource, TokenizeBody } from "../../../src/api/tokenize/schema.ts";
import { prepareTokenize } from "../../../src/api/tokenize/tokenize.ts";
import { validateWith } from "../../../src/http/validate.ts";
import type { ParameterTable } from "./table.ts";

const SHARED = { model: { model: "tiny" }, keep_alive: { keep_alive: 60 } };
const MESSAGES = [{ role: "user", content: "hello" }];

export const TOKENIZE_TABLE: ParameterTable = {
  heading: "Parameters of tokenize",
  source: "src/api/tokenize/parameters.ts (tokenize)",
  list: TOKENIZE_PARAMETERS,
  examples: {
    ...SHARED,
    content: { content: "hello world" },
    prompt: { content: null, prompt: "hello" },
    messages: { content: null, messages: MESSAGES },
    add_special: { add_special: true },
    add_special_tokens: { add_special_tokens: true },
    parse_special: { parse_special: false },
    with_pieces: { with_pieces: true },
    return_token_strs: { return_token_strs: true },
  },
  needed: { content: "hello" },
  async try(fields, model, adapter) {
    const body = validateWith(TokenizeBody, fields);
    const prepared = await prepareTokenize(readSource(body), body, model, { adapterOf: () => adapter, newSeed: () => 0 });
    const engine: Partial<Engine> = {
      ...{ tokenize: async () => [1], tokenizeChat: async () => [1] },
      // No API of other servers tells the bytes of tokens.
      ...(model.upstream === undefined && { tokenBytes: async () => [[97]] }),
    };
    await prepared.answer(engine as Engine, new AbortController().signal);
    return { ignored: prepared.ignored, handed_on: [] };
  },
};

export const DETOKENIZE_TABLE: ParameterTable = {
  heading: "Parameters of detokenize",
  source: "src/api/tokenize/parameters.ts (detokenize)",
  list: DETOKENIZE_PARAMETERS,
  examples: { ...SHARED, tokens: { tokens: [5, 6] } },
  needed: { tokens: [5] },
  async try(fields, model, adapter) {
    const body = validateWith(DetokenizeBody, fields);
    return { ignored: droppedParameters(DETOKENIZE_PARAMETERS, body, model, adapter.capabilities(model)), handed_on: [] };
  },
};
