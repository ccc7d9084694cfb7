// `ingle run`: a conversation in the terminal, over the API.
import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import type { Config } from "../server/settings.ts";
import { connect, connectInProcess, type Api } from "./api.ts";
import { noteTrial } from "./better-model.ts";
import { converse } from "./run/conversation.ts";
import { openHistory } from "./run/history.ts";
import { readImages } from "./run/images.ts";
import { offerPull } from "./run/offer-pull.ts";
import { readPipedInput } from "./run/piped-input.ts";
import { questionOf, withSystem } from "./run/session.ts";
import { rateOf, streamAnswer, type AnswerRequest } from "./run/stream-answer.ts";
import { DATA_ARGS, settingArgs, settingsOf } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { print } from "./print.ts";

export default defineCommand({
  args: {
    model: { type: "positional", description: "An installed model", required: true },
    prompt: {
      type: "positional",
      description: "Answer this, behind what is piped in, and exit; without either, start a conversation",
      required: false,
    },
    system: { type: "string", description: "System message" },
    temperature: { type: "string", description: "0 is deterministic, 2 is the most random (0.7)" },
    "max-tokens": { type: "string", description: "Most tokens of an answer (2048)" },
    ...DATA_ARGS,
    ...settingArgs("adapter", "threads", "context"),
    image: { type: "string", description: "Images that the question is about, with commas between them", valueHint: "path" },
    json: { type: "boolean", default: false, description: "The answer as one JSON object, with its tokens and times" },
    log: { type: "boolean", description: "Write the log to standard error" },
  },
  async run({ args: { model, prompt: typed, system, temperature, "max-tokens": max_tokens, image, json, ...settings } }) {
    const images = image === undefined ? [] : readImages(image);
    const config = { ...readConfig(settingsOf(settings)), slots: 1, key: [], model };
    const api = await connectForRun(config, settings);
    const request = { temperature: numberOrText(temperature), max_tokens: numberOrText(max_tokens) };
    try {
      await offerPull(api, model, dataFlags(settings));
      await noteTrial(api, model);
      const prompt = await promptOf(typed);
      if (prompt !== undefined)
        await answerOnce(api, { ...request, model, messages: withSystem(system, [questionOf(prompt, images)]) }, json);
      else if (json) throw new CliError('"--json" needs a question, typed or piped in.', 2);
      else await converse({ api, model, system, images, request, history: openHistory(config.data) });
    } finally {
      await api.close();
    }
  },
});

/** A text that is not a number is sent as it is: the API says what is wrong with it. */
const numberOrText = (text: string | undefined): unknown =>
  text === undefined || Number.isNaN(Number(text)) ? text : Number(text);

/** What is piped in comes first, as a file does before what is asked of it; undefined where there is neither. */
async function promptOf(typed: string | undefined): Promise<string | undefined> {
  const piped = await readPipedInput();
  if (typed === undefined) return piped;
  return piped ? `${piped}\n\n${typed}` : typed;
}

async function answerOnce(api: Api, request: AnswerRequest, json: boolean): Promise<void> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const answer = await streamAnswer(api, request, { signal: stop.signal, quiet: json });
  if (stop.signal.aborted) throw new CliError("Stopped.", 130);
  if (!json) return;
  const { text: content, reasoning, cut, usage, first_ms } = answer;
  const times = { first_token_ms: Math.round(first_ms), tokens_per_second: rateOf(answer) ?? null };
  print(
    JSON.stringify({ model: request.model, content, reasoning: reasoning || null, cut, usage: usage ?? null, ...times }, null, 2),
  );
}

const dataFlags = ({ data, store, config }: Record<string, unknown>) => ({ data, store, config });

/** The engine of a server has the server's settings and log: options for others take an engine in this process. */
async function connectForRun(
  config: Config,
  { log = false, ...settings }: { log?: boolean; [setting: string]: unknown },
): Promise<Api> {
  const own = log || [settings.adapter, settings.threads, settings.context].some((setting) => setting !== undefined);
  // The log would stand between the answers; errors come as one sentence all the same.
  const silent = log ? {} : { write: () => {} };
  return (own ? connectInProcess : connect)(config, { command: "run", reads: true, ...silent });
}
