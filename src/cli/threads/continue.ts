// A thread is gone on with in the terminal: each question and its answer become messages of it.
import type { Api } from "../api.ts";
import { CliError, RefusedError } from "../error.ts";
import { converse } from "../run/conversation.ts";
import { openHistory } from "../run/history.ts";
import { forScreen } from "../screen-text.ts";
import { addMessage, textOfMessage, type WholeThread } from "./thread.ts";

/** `model` is the one of the thread where none is given. `data`: the data folder. Throws `CliError`. */
export async function continueThread(
  api: Api,
  { thread, messages }: WholeThread,
  { model, data }: { model: string | undefined; data: string },
): Promise<void> {
  const [assistant] = thread.assistant_configs;
  const chosen = model ?? assistant?.model?.id;
  if (chosen === undefined) throw new CliError("The thread names no model. Name one with --model.", 2);
  const last = messages.at(-1);
  await converse({
    ...{ api, model: chosen, system: assistant?.instructions || undefined, request: {}, history: openHistory(data) },
    ...(last && { intro: forScreen(`${last.role === "user" ? "You" : "Assistant"}: ${textOfMessage(last)}\n`) }),
    messages: messages.map((message) => ({ role: message.role, content: textOfMessage(message) })),
    async onExchange(question, answer) {
      await addMessage(api, thread.id, { role: "user", content: question });
      if (answer.text !== "") await addMessage(api, thread.id, { role: "assistant", content: answer.text });
    },
  }).catch((error) => {
    if (model !== undefined || !(error instanceof RefusedError) || error.code !== "model_not_found") throw error;
    throw new CliError(`${error.message} Another model continues the thread with --model.`, 1, { cause: error });
  });
}
