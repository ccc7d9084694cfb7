// Answers that `max_tokens` or the end of the context cuts: each says so, gives the beginning of the whole one, and is not judged by its schema.
import type { AnswerServer } from "./answer-server.ts";
import { answersOf, type Answer } from "./answers.ts";
import { schemaFormat, tool, type AnswerKind } from "./kinds.ts";

const PARAMETERS = {
  type: "object",
  properties: { city: { enum: ["Köln", "Rome"] }, unit: { enum: ["C", "F"] }, days: { type: "integer", minimum: 0, maximum: 9 } },
  required: ["city", "unit", "days"],
  additionalProperties: false,
};
const CALL = { tools: [tool("get_weather", PARAMETERS), tool("get_time", PARAMETERS)], tool_choice: "required" };

/** Each is short: it is cut at every token that it has. */
const WHOLE: readonly Pick<AnswerKind, "name" | "model" | "fields">[] = [
  { name: "a call of ours", model: "plain", fields: { ...CALL, parallel_tool_calls: false } },
  {
    name: "a call of the template behind thoughts",
    model: "thinking",
    fields: { ...CALL, parallel_tool_calls: false, thinking_budget_tokens: 3 },
  },
  { name: "a text of a schema", model: "plain", fields: { response_format: schemaFormat(PARAMETERS) } },
  {
    name: "a text of a schema behind thoughts",
    model: "thinking",
    fields: { response_format: schemaFormat(PARAMETERS), thinking_budget_tokens: 3 },
  },
];

/** `every`: of so many tokens one. Answers with how many cuts there were, and what is not as it has to be. */
export async function cutEverywhere(server: AnswerServer, every = 1): Promise<{ runs: number; violations: string[] }> {
  const violations: string[] = [];
  let runs = 0;
  for (const { name, model, fields } of WHOLE) {
    const [whole] = await answersOf(await server.ask({ model, fields }));
    for (let max_tokens = 1; max_tokens < whole!.tokens; max_tokens += every) {
      for (const stream of [false, true]) {
        const cut = server.ask({ model, fields }, { max_tokens, stream }).then(answersOf);
        const wrong = await cut.then(([answer]) => wrongOfCut(answer!, whole!)).catch((error: Error) => [error.message]);
        runs++;
        const where = `${name}, cut at ${max_tokens} of ${whole!.tokens}${stream ? ", streamed" : ""}`;
        violations.push(...wrong.map((words) => `${where}: ${words}`));
      }
    }
  }
  return { runs, violations };
}

/** Of an answer that ends before it is whole. */
function wrongOfCut(cut: Answer, whole: Answer): string[] {
  const wrong: string[] = [];
  // Its last token may be one without a text.
  const is_whole = JSON.stringify([cut.content, cut.calls]) === JSON.stringify([whole.content, whole.calls]);
  if (cut.finish_reason !== "length" && !(is_whole && cut.finish_reason === whole.finish_reason))
    wrong.push(`It ends with "${cut.finish_reason}".`);
  if (!whole.content.startsWith(cut.content)) wrong.push(`It says ${JSON.stringify(cut.content)}.`);
  if (!whole.reasoning.startsWith(cut.reasoning)) wrong.push(`It thinks ${JSON.stringify(cut.reasoning)}.`);
  for (const [at, call] of cut.calls.entries()) {
    const { name, arguments: all = "" } = whole.calls[at] ?? {};
    if (call.name !== name || !all.startsWith(call.arguments)) wrong.push(`It calls ${JSON.stringify(call)}.`);
  }
  if (cut.broken !== undefined) wrong.push(`It is judged: ${JSON.stringify(cut.broken)}.`);
  return wrong;
}
