// The tools of a chat request, and which of them the answer may or must call.
import * as v from "valibot";
import type { ChatRequest, Tool } from "../../../adapters/adapter.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { withoutNulls } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { JsonSchema } from "../generation/answer-format.ts";
import { object, variant, withExample } from "../objects.ts";

const MOST_TOOLS = 1024;
const NAME = /^[A-Za-z0-9_-]{1,128}$/;

const Function = object({
  name: v.pipe(
    v.string(),
    v.regex(NAME, ({ input }) =>
      codedMessage("invalid_value", `A function is called ${quote(input)}. Its name may have 1 to 128 letters, digits, _ and -.`),
    ),
  ),
  description: v.nullish(v.string()),
  parameters: v.nullish(JsonSchema),
  strict: v.nullish(v.boolean()),
});

const Named = object({ type: v.literal("function"), function: object({ name: v.string() }) });

const Mode = v.picklist(["none", "auto", "required", "any"]);

/** Anthropic has the word within an object. */
const WrappedMode = object({ type: Mode });

const NAMED = { type: "function", function: { name: "get_weather" } } as const;

const Allowed = object({
  type: v.literal("allowed_tools"),
  allowed_tools: object({ mode: v.picklist(["auto", "required"]), tools: v.array(Named) }),
});

export const ToolParameters = {
  tools: v.nullish(
    v.pipe(
      v.array(object({ type: v.literal("function"), function: v.pipe(Function, v.transform(withoutNulls)) })),
      v.maxLength(MOST_TOOLS),
    ),
  ),
  /** "any" is Mistral's word. */
  tool_choice: v.nullish(v.union([Mode, withExample(variant("type", [Named, Allowed, WrappedMode]), NAMED)])),
  parallel_tool_calls: v.nullish(v.boolean()),
};
type ToolParameters = v.InferOutput<v.ObjectSchema<typeof ToolParameters, undefined>>;

/** Throws 400 for tools of one name, and for a choice that none of them meets. */
export function readTools({
  tools,
  tool_choice,
  parallel_tool_calls,
}: ToolParameters): Pick<ChatRequest, "tools" | "tool_choice" | "parallel_tool_calls"> {
  if (!tools?.length) {
    const word = typeof tool_choice === "string" ? tool_choice : tool_choice?.type;
    if (word === undefined || word === "none" || word === "auto") return {};
    throw invalidValue('"tool_choice" needs "tools", and there are none. Send some, or leave it out.', "tool_choice");
  }
  refuseNamesakes(tools as Tool[]);
  return {
    ...readChoice(tools as Tool[], tool_choice),
    ...(parallel_tool_calls != null && { parallel_tool_calls }),
  };
}

function refuseNamesakes(tools: Tool[]): void {
  const seen = new Map<string, number>();
  for (const [index, { function: called }] of tools.entries()) {
    const first = seen.get(called.name);
    seen.set(called.name, index);
    if (first === undefined) continue;
    const message = `tools[${first}] and tools[${index}] are both called ${quote(called.name)}. Give each a name of its own.`;
    throw invalidValue(message, `tools[${index}].function.name`);
  }
}

/** What cannot be called is not shown either: the answer is the same as if it could not be called alone. */
function readChoice(
  tools: Tool[],
  choice: ToolParameters["tool_choice"],
): Pick<ChatRequest, "tools" | "tool_choice"> & { tools: Tool[] } {
  const known = new Set(tools.map(({ function: { name } }) => name));
  const refuseUnknown = (name: string, param: string): void => {
    if (known.has(name)) return;
    throw invalidValue(`"${param}" is ${quote(name)}, which none of "tools" is called. Name one of them.`, param);
  };
  if (choice == null) return { tools };
  if (typeof choice === "string") return { tools, tool_choice: choice === "any" ? "required" : choice };
  if (choice.type !== "function" && choice.type !== "allowed_tools") return readChoice(tools, choice.type);
  if (choice.type === "function") {
    refuseUnknown(choice.function.name, "tool_choice.function.name");
    return { tools, tool_choice: { name: choice.function.name } };
  }
  const { mode, tools: allowed } = choice.allowed_tools;
  for (const [index, { function: called }] of allowed.entries())
    refuseUnknown(called.name, `tool_choice.allowed_tools.tools[${index}].function.name`);
  const names = new Set(allowed.map(({ function: { name } }) => name));
  if (names.size > 0) return { tools: tools.filter(({ function: { name } }) => names.has(name)), tool_choice: mode };
  if (mode === "auto") return { tools, tool_choice: "none" };
  throw invalidValue("An answer cannot call one of no tools. Allow one, or say auto.", "tool_choice.allowed_tools.tools");
}
