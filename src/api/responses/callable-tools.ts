// The tools of a response that its client runs, as functions that a model can call.
import * as v from "valibot";
import { codedMessage } from "../../support/coded-message.ts";
import { isObject, type JsonObject, withoutNulls } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { JsonSchema } from "../generation/answer-format.ts";
import { anyObject, looseObject, variant } from "../objects.ts";

/** A function that the model is told of, and the tool of the request that it stands for. */
export interface CallableTool {
  type: "function" | "custom" | "local_shell" | "shell" | "apply_patch" | "tool_search";
  /** As its client calls it. */
  name: string;
  /** The group that it is in. */
  namespace?: string;
  /** Where it stands in the request. */
  path: string;
  /** As the model has it. */
  function: { name: string; description?: string; parameters?: object; strict?: boolean };
}

export interface CallableTools {
  /** By their names in the prompt. */
  tools: CallableTool[];
  /** The paths of those that a server would have to run, and of what cannot be enforced. */
  ignored: string[];
}

/** Tools of OpenAI's that a server would have to run. */
const RUN_BY_SERVER = /^(web_search|file_search|code_interpreter|image_generation|computer|mcp$|programmatic_tool_calling$)/;

const Name = v.pipe(v.string(), v.minLength(1));
const Format = looseObject({
  type: v.picklist(["text", "grammar"]),
  syntax: v.nullish(v.picklist(["lark", "regex"])),
  definition: v.nullish(v.string()),
});
const NAMED = { name: Name, description: v.nullish(v.string()), defer_loading: v.nullish(v.boolean()) };
const Function = looseObject({
  type: v.literal("function"),
  ...NAMED,
  parameters: v.nullish(JsonSchema),
  strict: v.nullish(v.boolean()),
});
const Custom = looseObject({ type: v.literal("custom"), ...NAMED, format: v.nullish(Format) });

const ClientTool = variant(
  "type",
  [
    Function,
    Custom,
    looseObject({
      type: v.literal("namespace"),
      name: Name,
      description: v.nullish(v.string()),
      tools: v.array(variant("type", [Function, Custom])),
    }),
    looseObject({ type: v.literal("local_shell") }),
    looseObject({ type: v.literal("shell"), environment: v.nullish(looseObject({ type: v.string() })) }),
    looseObject({ type: v.literal("apply_patch") }),
    looseObject({
      type: v.literal("tool_search"),
      description: v.nullish(v.string()),
      execution: v.nullish(v.picklist(["server", "client"])),
      parameters: v.nullish(JsonSchema),
    }),
  ],
  ({ input, received }) =>
    typeof input === "string"
      ? codedMessage("invalid_value", `There is no type ${quote(input)} of tools. "function" is one.`)
      : received,
);
type ClientTool = v.InferOutput<typeof ClientTool>;
type NamedTool = Extract<ClientTool, { type: "function" | "custom" }>;

const TEXT = { type: "string" };
const object = (properties: JsonObject, required = Object.keys(properties)) => ({
  ...{ type: "object", properties, required },
  additionalProperties: false,
});

/** The parameters of tools that have none of their own, by what their calls look like. */
const PARAMETERS = {
  local_shell: object(
    {
      command: { type: "array", items: TEXT, minItems: 1 },
      working_directory: TEXT,
      timeout_ms: { type: "integer", minimum: 1 },
      env: { type: "object", additionalProperties: TEXT },
    },
    ["command"],
  ),
  shell: object(
    {
      commands: { type: "array", items: TEXT, minItems: 1 },
      timeout_ms: { type: "integer", minimum: 1 },
      max_output_length: { type: "integer", minimum: 1 },
    },
    ["commands"],
  ),
  apply_patch: object({
    operation: {
      anyOf: [
        object({ type: { const: "create_file" }, path: TEXT, diff: TEXT }),
        object({ type: { const: "update_file" }, path: TEXT, diff: TEXT }),
        object({ type: { const: "delete_file" }, path: TEXT }),
      ],
    },
  }),
  tool_search: object({ query: TEXT }),
};

const DESCRIPTIONS = {
  local_shell: "Runs a command on the user's machine, and answers with what it prints.",
  shell: "Runs commands in the user's shell, and answers with what they print and how they end.",
  apply_patch: "Creates, changes or deletes one file. A diff has the lines of a V4A patch: a space, + or - before each.",
  tool_search: "Finds further tools that can be called.",
};

type SentTool = ClientTool | JsonObject;

/** A tool as it is sent. One that a server would have to run may look as it likes. */
export const SentTool = v.lazy((sent) => (isRunByServer(sent) ? anyObject : ClientTool));

function isRunByServer(sent: unknown): boolean {
  if (!isObject(sent) || typeof sent.type !== "string") return false;
  if (sent.type === "shell") return isObject(sent.environment) && sent.environment.type !== "local";
  return RUN_BY_SERVER.test(sent.type) || (sent.type === "tool_search" && sent.execution !== "client");
}

/** `path`: where the list stands in the request. */
export function readTools(list: readonly SentTool[], path: string): CallableTools {
  const all: CallableTools = { tools: [], ignored: [] };
  for (const [at, tool] of list.entries()) {
    const where = `${path}[${at}]`;
    if (isRunByServer(tool)) all.ignored.push(where);
    else addTool(all, tool as ClientTool, where);
  }
  return all;
}

function addTool(all: CallableTools, tool: ClientTool, path: string): void {
  if (tool.type === "namespace") {
    for (const [at, inner] of tool.tools.entries()) addNamed(all, inner, `${path}.tools[${at}]`, tool.name);
  } else if (tool.type === "function" || tool.type === "custom") addNamed(all, tool, path);
  else {
    const { type } = tool;
    const own = tool.type === "tool_search" ? withoutNulls({ ...tool }) : {};
    const { description = DESCRIPTIONS[type], parameters = PARAMETERS[type] } = own as CallableTool["function"];
    all.tools.push({ type, name: type, path, function: { name: type, description, parameters } });
  }
}

function addNamed(all: CallableTools, tool: NamedTool, path: string, namespace?: string): void {
  const { type, name, description } = tool;
  const known = { type, name, path, ...(namespace !== undefined && { namespace }) };
  const told = { name: promptName(name, namespace), ...(description != null && { description }) };
  if (tool.type === "function") {
    const { parameters, strict } = tool;
    all.tools.push({
      ...known,
      function: { ...told, ...(parameters && { parameters }), ...(strict != null && { strict }) },
    });
    return;
  }
  const { syntax, definition } = tool.format ?? {};
  if (definition != null && syntax !== "regex") all.ignored.push(`${path}.format`);
  const pattern = definition != null && syntax === "regex" ? { pattern: `^(?:${definition})$` } : {};
  all.tools.push({ ...known, function: { ...told, parameters: object({ input: { ...TEXT, ...pattern } }), strict: true } });
}

/** The name that a model calls a tool by: groups are flattened. */
export function promptName(name: string, namespace: string | null | undefined): string {
  return namespace == null || namespace === "" ? name : `${namespace}__${name}`.replace(/[^A-Za-z0-9_-]/g, "_");
}
