// One model in the prompt process: its template and its vocabulary.
import { createHash } from "node:crypto";
import { readGgufFile } from "../../models/gguf/header.ts";
import { templateFacts } from "../../models/gguf/template-facts.ts";
import { AdapterError } from "../adapter.ts";
import type { Prompt, PromptRequest, SequenceEnds, TemplateForms } from "../prompts.ts";
import { continuedMessage } from "../shared/continued-message.ts";
import { readModelFile } from "../shared/read-model-file.ts";
import { renderContinuation } from "./continuation.ts";
import { messagesRefused, REMEDY, tooLong } from "./errors.ts";
import { createTextScan } from "./escape.ts";
import { templateValues } from "./messages.ts";
import type { NativeAddon } from "./native.ts";
import type { Answers, PromptQuestion } from "./protocol.ts";
import { rankInputs } from "./rank-inputs.ts";
import { sampleCalls } from "./sample-calls.ts";
import { SAMPLES } from "./sample-template.ts";
import { sampleThoughts } from "./sample-thoughts.ts";
import { compileTemplate, type TemplateSources } from "./template.ts";
import { tokenizeBehind } from "./tokenize-behind.ts";
import { tokenizePrompt } from "./tokenize-prompt.ts";
import { tokenizeSlice } from "./tokenize-slice.ts";
import { beginsGrammar, tryGrammar } from "./try-grammar.ts";
import { openVocabulary, type Tokenizer, type Vocabulary } from "./vocabulary.ts";

type QuestionOf<Type> = Extract<PromptQuestion, { type: Type }>;

export type OpenModel = Awaited<ReturnType<typeof openModel>>;

/** Throws `AdapterError` `model_load_failed`. */
export async function openModel({ id, path, prompt_template }: QuestionOf<"open">, addon: NativeAddon | undefined) {
  const header = await readModelFile({ id, path }, readGgufFile);
  const { chat_template, tool_template } = header;
  const sources = { prompt_template, chat_template, tool_template };
  const vocabulary = await openVocabulary(path, header, addon);
  const { names, tokenizer } = vocabulary;
  // Compiled at the first use, whose clock bounds that, too.
  let compiled: ReturnType<typeof compileTemplate> | undefined;
  const compile = () => (compiled ??= compileTemplate(sources, vocabulary, addon));

  return {
    longest_token: vocabulary.longest_token,
    vocab_size: header.vocab_size ?? 0,
    fill_in: tokenizer?.fill_in,
    template: digestOf(sources, vocabulary, addon),
    ends: endsOf(tokenizer),
    /** Throws `AdapterError` `model_load_failed` where the template cannot be parsed. */
    sample({ what, parts }: QuestionOf<"sample">): Answers["sample"] {
      const { source, render } = compile();
      const forms = SAMPLES[what](render, parts);
      return what === "user" ? { ...forms, thinking: templateFacts(source).template_thinking } : forms;
    },
    sampleThoughts: ({ parts }: QuestionOf<"sample_thoughts">): Answers["sample_thoughts"] => ({
      thoughts: sampleThoughts(compile().render, parts),
    }),
    sampleCalls: ({ forms, lists_tools }: QuestionOf<"sample_calls">): Answers["sample_calls"] =>
      sampleCalls(compile().render, forms, lists_tools, vocabulary),
    /** `rendered` is called between the two halves of the work. */
    async render({ request, forms, limits }: QuestionOf<"render">, rendered: () => void): Promise<Prompt> {
      const { text, pieces } = renderPieces(request, forms);
      rendered();
      refuseTooLong(text, request, limits);
      const tail = text.slice(-TAIL);
      if (tokenizer === undefined) return { pieces, tail };
      const tokens = await tokenizePrompt(pieces, tokenizer, names, limits);
      if (tokens.length === 0) throw messagesRefused("it makes no text of them");
      return { tokens, tail };
    },
    renderText({ request, forms }: QuestionOf<"render_text">): Answers["render_text"] {
      const { pieces } = renderPieces(request, forms);
      const text = pieces.join("");
      refuseTrap(text, request);
      return { text };
    },
    /** Names of special tokens become these. */
    tokenize: (text: string): Answers["tokenize"] => ({ tokens: tokenizer && [...tokenizer.tokenizeRest(text)] }),
    tokenizeSlice: (slice: QuestionOf<"tokenize_slice">): Answers["tokenize_slice"] =>
      tokenizer === undefined ? { tokens: undefined } : tokenizeSlice(slice, tokenizer, names),
    tokenizeTexts: ({ texts, ...options }: QuestionOf<"tokenize_texts">): Answers["tokenize_texts"] => ({
      inputs: tokenizer && texts.map((text) => tokenizeSlice({ text, ...WHOLE, ...options }, tokenizer, names).tokens),
    }),
    rankInputs: (question: QuestionOf<"rank_inputs">): Answers["rank_inputs"] => ({
      inputs: tokenizer && rankInputs(question, { tokenizer, names, header }),
    }),
    detokenize: (tokens: readonly number[]): Answers["detokenize"] => ({
      text: tokenizer?.native.detokenize(Uint32Array.from(tokens), true),
    }),
    tokenBytes: (tokens: readonly number[]): Answers["token_bytes"] => ({
      bytes: tokenizer && tokens.map((token) => [...tokenizer.bytesOf(token)]),
    }),
    tokenizeBehind: ({ end, texts }: QuestionOf<"tokenize_behind">): Answers["tokenize_behind"] => ({
      behind: tokenizer && tokenizeBehind(end, texts, tokenizer, names),
    }),
    tryGrammar: (grammar: string): void => tryGrammar(grammar, addon, tokenizer),
    beginsGrammar: (grammar: string, tokens: readonly number[]): boolean => beginsGrammar(grammar, tokens, addon, tokenizer),
    close: () => tokenizer?.native.dispose(),
  };

  /** `text`: with separators, of which `pieces` have none. */
  function renderPieces(request: PromptRequest, forms: TemplateForms): { text: string; pieces: string[] } {
    const scan = createTextScan(names);
    const values = templateValues(request, forms, scan.look);
    const separator = scan.separator();
    const escape = separator?.escape ?? ((text: string) => text);
    const { render } = compile();
    const last = continuedMessage(request);
    const text = withoutStart(
      last !== undefined
        ? renderContinuation(request, last, render, forms, escape)
        : render(separator === undefined ? values : templateValues(request, forms, escape)),
    );
    return { text, pieces: separator === undefined ? [text] : separator.split(text) };
  }

  /** The tokenizer begins the sequence. */
  function withoutStart(text: string): string {
    const begun = tokenizer?.start !== undefined && vocabulary.bos !== "" && text.startsWith(vocabulary.bos);
    return begun ? text.slice(vocabulary.bos.length) : text;
  }
}

function endsOf({ start, end }: Partial<Tokenizer> = {}): SequenceEnds {
  return { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
}

const WHOLE = { first: true, last: true, inside: false };

/** Stands for all that samples are rendered of. */
function digestOf(sources: TemplateSources, { names, ends, bos, eos }: Vocabulary, addon: NativeAddon | undefined): string {
  const { prompt_template, chat_template, tool_template } = sources;
  const parts = [prompt_template, chat_template, tool_template, names.all, ends, bos, eos, addon !== undefined];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Characters: a template opens an answer with fewer. */
const TAIL = 256;

/** A template that makes so much of so little is a trap; other texts are too long because their messages are. */
const MOST_GROWTH = 64;
const LARGE = 1024 * 1024;

function refuseTooLong(text: string, request: PromptRequest, limits: QuestionOf<"render">["limits"]): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.bytes) return;
  refuseTrap(text, request);
  throw tooLong(Math.floor((bytes / limits.bytes) * limits.tokens), limits, "some");
}

function refuseTrap(text: string, { messages, tools }: PromptRequest): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= LARGE || bytes <= MOST_GROWTH * JSON.stringify([messages, tools]).length) return;
  const made = `The model's chat template makes ${Math.round(bytes / 1e6)} MB of these messages. ${REMEDY}`;
  throw new AdapterError("template_failed", made);
}
