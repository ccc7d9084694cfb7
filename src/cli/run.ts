// `ingle run`: a conversation in the terminal, over the API.
import { createInterface } from "node:readline/promises";
import { text as readAll } from "node:stream/consumers";
import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import { connect, readEvents, connectInProcess, type Api } from "./api.ts";
import { DATA_ARGS, settingArgs, settingsOf } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { printNote, unwritable } from "./print.ts";
import { standardOutput } from "../server/standard-streams.ts";

type TypedMessage = { role: "system" | "user" | "assistant"; content: string };
type AnswerMessages = (messages: TypedMessage[], signal: AbortSignal) => Promise<string>;

export default defineCommand({
  meta: { name: "run", description: "Talk to a model in the terminal." },
  args: {
    model: { type: "positional", description: "An installed model", required: true },
    prompt: { type: "positional", description: "Answer this and exit; without it, start a conversation", required: false },
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
    const prompt = args.prompt ?? (process.stdin.isTTY ? undefined : (await readAll(process.stdin)).replace(/\r?\n$/, ""));
    try {
      await (prompt === undefined ? converse(ask, messages) : answerOnce(ask, [...messages, { role: "user", content: prompt }]));
    } finally {
      await api.close();
    }
  },
});

/** A text that is not a number is sent as it is: the API says what is wrong with it. */
const numberOrText = (text: string | undefined): unknown =>
  text === undefined || Number.isNaN(Number(text)) ? text : Number(text);

async function answerOnce(ask: AnswerMessages, messages: TypedMessage[]): Promise<void> {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  await ask(messages, stop.signal);
  if (stop.signal.aborted) throw new CliError("Stopped.", 130);
}

/** Ctrl-C stops an answer; between two answers it leaves, as Ctrl-D and /bye do. */
async function converse(ask: AnswerMessages, messages: TypedMessage[]): Promise<void> {
  printNote("Ctrl-C stops an answer, a second one leaves.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const leave = new AbortController();
  let answering: AbortController | undefined;
  terminal.on("SIGINT", () => (answering ?? leave).abort());
  terminal.on("close", () => leave.abort());
  // What is typed is shown on standard output too.
  process.stdout.on("error", (cause) => leave.abort(unwritable(cause)));
  try {
    while (!leave.signal.aborted) {
      const content = await terminal.question("> ", { signal: leave.signal });
      if (content.trim() === "/bye") return;
      if (content.trim() === "") continue;
      answering = new AbortController();
      messages.push({ role: "user", content });
      messages.push({ role: "assistant", content: await ask(messages, answering.signal) });
      answering = undefined;
    }
  } catch (error) {
    if (!leave.signal.aborted) throw error;
    standardOutput.write("\n");
  } finally {
    terminal.close();
  }
  if (leave.signal.reason instanceof CliError) throw leave.signal.reason;
}

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

/**
 * Writes the answer piece by piece. Resolves with its text, up to where it ended or `signal` stopped it. Throws `CliError`, also where
 * standard output is lost: the rest of the answer would be generated for nothing.
 */
async function streamAnswer(api: Api, request: object, signal: AbortSignal): Promise<string> {
  let text = "";
  const lost = new AbortController();
  const show = (piece: string): void => standardOutput.write(piece, (cause) => cause && lost.abort(unwritable(cause)));
  try {
    const body = { ...request, stream: true };
    const stop = AbortSignal.any([signal, lost.signal]);
    const response = await api.request("/v1/chat/completions", { method: "POST", body, signal: stop });
    for await (const chunk of readEvents<{ choices: { delta: { content?: string } }[] }>(response)) {
      const piece = chunk.choices[0]?.delta.content ?? "";
      show(piece);
      text += piece;
    }
  } catch (error) {
    if (!signal.aborted && !lost.signal.aborted) throw error;
  }
  show("\n");
  lost.signal.throwIfAborted();
  return text;
}
