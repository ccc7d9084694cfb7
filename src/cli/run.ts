// `ingle run`: a conversation in the terminal, over the API.
import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import { connect, connectInProcess, type Api } from "./api.ts";
import { noteTrial } from "./better-model.ts";
import { converse, type AnswerMessages, type TypedMessage } from "./run/conversation.ts";
import { offerPull } from "./run/offer-pull.ts";
import { readPipedInput } from "./run/piped-input.ts";
import { streamAnswer } from "./run/stream-answer.ts";
import { DATA_ARGS, settingArgs, settingsOf } from "./setting-args.ts";
import { CliError } from "./error.ts";

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
    log: { type: "boolean", description: "Write the log to standard error" },
  },
  async run({ args }) {
    const { model } = args;
    const api = await connectForRun(args);
    const settings = { model, temperature: numberOrText(args.temperature), max_tokens: numberOrText(args["max-tokens"]) };
    const ask: AnswerMessages = (messages, signal) => streamAnswer(api, { ...settings, messages }, signal);
    const messages: TypedMessage[] = args.system === undefined ? [] : [{ role: "system", content: args.system }];
    try {
      await offerPull(api, model, dataFlags(args));
      await noteTrial(api, model);
      const prompt = await promptOf(args.prompt);
      await (prompt === undefined ? converse(ask, messages) : answerOnce(ask, [...messages, { role: "user", content: prompt }]));
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

async function answerOnce(ask: AnswerMessages, messages: TypedMessage[]): Promise<void> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  await ask(messages, stop.signal);
  if (stop.signal.aborted) throw new CliError("Stopped.", 130);
}

const dataFlags = ({ data, store, config }: Record<string, unknown>) => ({ data, store, config });

/** The options of the command line; those beside the named ones are settings. */
type RunCommandOptions = { model: string; log?: boolean; [setting: string]: unknown };

/** The engine of a server has the server's settings and log: options for others take an engine in this process. */
async function connectForRun({ model, log = false, ...settings }: RunCommandOptions): Promise<Api> {
  const config = { ...readConfig(settingsOf(settings)), slots: 1, key: [], model };
  const own = log || [settings.adapter, settings.threads, settings.context].some((setting) => setting !== undefined);
  // The log would stand between the answers; errors come as one sentence all the same.
  const silent = log ? {} : { write: () => {} };
  return (own ? connectInProcess : connect)(config, { command: "run", reads: true, ...silent });
}
