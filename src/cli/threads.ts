// `ingle threads`: the conversations of the data folder, which clients of the API keep there too.
import { defineCommand } from "citty";
import { standardOutput } from "../server/standard-streams.ts";
import { withApi, type Api } from "./api.ts";
import { didYouMean } from "./arguments.ts";
import { CliError } from "./error.ts";
import { print, printNote, printResult } from "./print.ts";
import { forScreen } from "./screen-text.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { THREAD_ACTIONS } from "./threads/actions.ts";
import { formatJson, formatList, formatMarkdown } from "./threads/format.ts";
import { deleteThread, listThreads, readThread, type WholeThread } from "./threads/thread.ts";

type ThreadAction = (typeof THREAD_ACTIONS)[number];
const FORMATS = ["markdown", "json"];

export default defineCommand({
  args: {
    action: { type: "positional", default: "list", description: THREAD_ACTIONS.join(", ") },
    id: { type: "positional", required: false, description: "The thread, as the list names it" },
    model: { type: "string", description: "Model that continues the thread (the thread's own)" },
    format: { type: "string", default: "markdown", description: "What export writes", valueHint: FORMATS.join("|") },
    json: { type: "boolean", default: false, description: "JSON instead of text" },
    ...DATA_ARGS,
  },
  async run({ args: { action: typed, id, model, format, json, ...settings } }) {
    const action = actionOf(typed);
    if (action === "list" && id !== undefined)
      throw new CliError(`"ingle threads list" takes no thread. Write "ingle threads show ${id}".`, 2);
    if (action !== "list" && !id)
      throw new CliError(`"ingle threads ${action}" needs the id of a thread. "ingle threads" lists them.`, 2);
    if (!FORMATS.includes(format)) throw new CliError(`"--format" is "${format}". It must be ${FORMATS.join(" or ")}.`, 2);
    const reads = !["continue", "delete"].includes(action);
    await withApi(settings, { command: "threads", reads }, async (api, config) => {
      if (action === "list") return printList(api, json);
      if (action === "delete") return remove(api, id!, json);
      const whole = await readThread(api, id!);
      if (action === "continue") {
        const { continueThread } = await import("./threads/continue.ts");
        return continueThread(api, whole, { model, data: config.data });
      }
      if (json || (action === "export" && format === "json")) print(formatJson(whole));
      else await (action === "show" ? show(whole) : print(formatMarkdown(whole)));
    });
  },
});

function actionOf(word: string): ThreadAction {
  const action = THREAD_ACTIONS.find((each) => each === word);
  if (action !== undefined) return action;
  throw new CliError(
    `"${word}" is nothing to do with threads.${didYouMean(word, THREAD_ACTIONS)} Write one of ${THREAD_ACTIONS.join(", ")}.`,
    2,
  );
}

async function printList(api: Api, json: boolean): Promise<void> {
  const threads = await listThreads(api);
  if (json) print(JSON.stringify(threads, null, 2));
  else if (threads.length === 0) printNote("There is no thread. Clients of the API make them: POST /v1/threads.");
  else print(formatList(threads));
}

async function remove(api: Api, id: string, json: boolean): Promise<void> {
  await deleteThread(api, id);
  printResult(`${id} is deleted.`, { id, deleted: true }, json);
}

/** Rendered where colours are wanted. */
async function show(whole: WholeThread): Promise<void> {
  const text = forScreen(formatMarkdown(whole));
  if (!standardOutput.hasColors) return print(text);
  const { render } = await import("markdansi");
  return print(render(text, { width: standardOutput.columns ?? 80, color: true, hyperlinks: false, codeBox: false }).trim());
}
