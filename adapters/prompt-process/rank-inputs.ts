// A query and a document as one sequence of tokens, as a reranker was trained to read them, and as llama-server makes it
// (`format_prompt_rerank` of https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-common.cpp).
import type { GgufHeader } from "../../models/gguf/header.ts";
import type { RerankRequest } from "../embedding.ts";
import { createTextScan } from "./escape.ts";
import { tokenizeSlice } from "./tokenize-slice.ts";
import type { Tokenizer, Vocabulary } from "./vocabulary.ts";

interface RankOptions extends Pick<Vocabulary, "names"> {
  tokenizer: Tokenizer;
  header: Pick<GgufHeader, "rerank_template" | "adds_separator">;
}

const [QUERY, DOCUMENT] = ["{query}", "{document}"];

/** One sequence for each document. Special tokens that stand in the texts stay text. Throws `AdapterError` as `TextScan.separator`. */
export function rankInputs({ query, documents }: RerankRequest, options: RankOptions): number[][] {
  const { rerank_template } = options.header;
  return rerank_template === undefined
    ? withSeparators({ query, documents }, options)
    : documents.map((document) => inTemplate(rerank_template, { query, document }, options));
}

function withSeparators({ query, documents }: RerankRequest, { tokenizer, names, header }: RankOptions): number[][] {
  const { start, separator, eos, native } = tokenizer;
  const tokensOf = (text: string): number[] => {
    const whole = { first: true, last: true, inside: false };
    return tokenizeSlice({ text, ...whole, add_special: false, parse_special: false }, tokenizer, names).tokens;
  };
  const some = (token: number | undefined, wanted: boolean): number[] => (wanted && token !== undefined ? [token] : []);
  const end = some(eos ?? separator, native.shouldAppendEosToken());
  const adds_separator = header.adds_separator ?? tokenizer.splits_words;
  const beginning = [...some(start, true), ...tokensOf(query), ...end, ...some(separator, adds_separator)];
  return documents.map((document) => [...beginning, ...tokensOf(document), ...end]);
}

/** The text is cut nowhere but in names of special tokens that a client has sent: a token may span the border of a text. */
function inTemplate(
  template: string,
  { query, document }: { query: string; document: string },
  { tokenizer, names }: RankOptions,
): number[] {
  const scan = createTextScan(names);
  scan.look(query);
  scan.look(document);
  const separator = scan.separator();
  const escape = separator?.escape ?? ((text: string) => text);
  const text = template
    .split(QUERY)
    .map((part) => part.replaceAll(DOCUMENT, () => escape(document)))
    .join(escape(query));
  const pieces = separator === undefined ? [text] : separator.split(text);
  return pieces.flatMap((text, index) => {
    const slice = { text, first: index === 0, last: true, inside: index > 0, add_special: false, parse_special: true };
    return tokenizeSlice(slice, tokenizer, names).tokens;
  });
}
