// The process's side: answers the server's questions one after the other until the pipe is closed, which the server's death does too.
import { createMessageReader, encodeMessage } from "../shared/json-lines.ts";
import { toWireError } from "../shared/wire-error.ts";
import type { NativeAddon } from "./native.ts";
import { openModel, type OpenModel } from "./open-model.ts";
import type { Answer, FromPromptProcess, ToPromptProcess } from "./protocol.ts";

// Enough for the largest body of a chat that a server can be set to take, with what goes along.
const LONGEST_LINE = 128 * 1024 * 1024;

/** `loadAddon` answers undefined where the library is not here. */
export async function hostPrompts(
  loadAddon: () => Promise<NativeAddon | undefined>,
  input: NodeJS.ReadableStream,
  write: (line: string) => void,
): Promise<void> {
  const models = new Map<number, OpenModel>();
  const addon = loadAddon();
  const send = (message: FromPromptProcess): void => write(encodeMessage(message));

  const answer = async (question: Exclude<ToPromptProcess, { type: "close" }>): Promise<Answer> => {
    const native = await addon;
    if (question.type === "open") {
      const opened = await openModel(question, native);
      models.set(question.model, opened);
      const { longest_token, vocab_size, template, fill_in, ends } = opened;
      return { longest_token, vocab_size, template, fill_in, ends };
    }
    const model = models.get(question.model)!;
    if (question.type === "sample") return model.sample(question);
    if (question.type === "sample_thoughts") return model.sampleThoughts(question);
    if (question.type === "sample_calls") return model.sampleCalls(question);
    if (question.type === "render") {
      return model.render(question, () => send({ request_id: question.request_id, type: "rendered" }));
    }
    if (question.type === "render_text") return model.renderText(question);
    if (question.type === "tokenize") return model.tokenize(question.text);
    if (question.type === "tokenize_slice") return model.tokenizeSlice(question);
    if (question.type === "tokenize_texts") return model.tokenizeTexts(question);
    if (question.type === "rank_inputs") return model.rankInputs(question);
    if (question.type === "detokenize") return model.detokenize(question.tokens);
    if (question.type === "token_bytes") return model.tokenBytes(question.tokens);
    if (question.type === "tokenize_behind") return model.tokenizeBehind(question);
    if (question.type === "beginning") return { fits: model.beginsGrammar(question.grammar, question.tokens) };
    model.tryGrammar(question.grammar);
    return { type: "compiled" };
  };
  const receive = (message: ToPromptProcess): void => {
    if (message.type === "close") {
      void models.get(message.model)?.close();
      return void models.delete(message.model);
    }
    const { request_id } = message;
    answer(message).then(
      (answer) => send({ request_id, type: "answer", answer }),
      (error) => send({ request_id, type: "error", error: toWireError(error) }),
    );
  };

  const read = createMessageReader<ToPromptProcess>(receive, LONGEST_LINE);
  input.setEncoding("utf8");
  for await (const text of input) read(text as string);
}
