// The reference: all operations as a document of OpenAPI 3.1. https://spec.openapis.org/oas/v3.1.2.html
import * as v from "valibot";
import { AssistantObject } from "../assistants/reference.ts";
import { ChatCompletionChunk, ChatCompletionObject, ChatRequestReference } from "../chat/reference.ts";
import { DownloadEventObject } from "../downloads/reference.ts";
import { MessageObject } from "../messages/reference.ts";
import { ModelObject } from "../models/reference.ts";
import { ThreadObject, ThreadWithMessages } from "../threads/reference.ts";
import { errorResponses } from "./error-responses.ts";
import { createConverter } from "./json-schema.ts";
import { described, type AnswerReference, type Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";

export const ErrorObject = v.object({
  error: v.looseObject({
    message: described(v.string(), "What is wrong, and what to do."),
    type: v.picklist(["invalid_request_error", "server_error"]),
    param: described(v.nullable(v.string()), "The path of the field at fault, such as `messages[0].role`."),
    code: v.nullable(v.string()),
  }),
});

const REQUESTS = { ChatCompletionRequest: ChatRequestReference };
const ANSWERS = {
  ...{ ChatCompletion: ChatCompletionObject, ChatCompletionChunk, Model: ModelObject, DownloadEvent: DownloadEventObject },
  ...{ Thread: ThreadObject, ThreadWithMessages, Message: MessageObject, Assistant: AssistantObject, Error: ErrorObject },
};

const PATH_PARAMETERS: Record<string, string> = {
  model_id: "The id of a model. It may hold slashes, as they are or as `%2F`.",
};

const DESCRIPTION = `A local AI server. Its API is OpenAI's, in the form that Jan documented for its version 0.1.8, with more beside it.

Each refusal has OpenAI's error body, whose message says what to do. Each answer has an \`x-request-id\`, which the log has too. Where waiting
mends nothing, an answer says \`x-should-retry: false\`. Where a request has fields that the answer does without, \`x-ingle-ignored\` names them.`;

let cached: { version: string; document: object } | undefined;

/** The document; made once, as it is the same for every request. */
export function referenceDocument(version: string): object {
  if (cached?.version !== version) cached = { version, document: createDocument(version) };
  return cached.document;
}

function createDocument(version: string): object {
  const tags = [...new Set(OPERATIONS.map(({ tag }) => tag))];
  const converters = { requests: createConverter(REQUESTS, "input"), answers: createConverter(ANSWERS, "output") };
  const paths = pathsOf(OPERATIONS, converters);
  return {
    openapi: "3.1.0",
    info: {
      ...{ title: "ingle", version, description: DESCRIPTION },
      license: { name: "Apache 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "This server" }],
    tags: tags.map((name) => ({ name })),
    security: [{}, { bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      schemas: { ...converters.requests.finish(), ...converters.answers.finish() },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "Where the server has keys." },
        apiKey: { type: "apiKey", in: "header", name: "X-Api-Key", description: "The same; `Api-Key` works too." },
      },
    },
  };
}

/** One for what is sent, one for what is answered. */
type Converters = Record<"requests" | "answers", ReturnType<typeof createConverter>>;

function pathsOf(operations: readonly Operation[], converters: Converters): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = toOpenApi(operation, converters);
  return paths;
}

function toOpenApi(operation: Operation, { requests, answers }: Converters): object {
  const { id, path, tag, summary, description, query, body, answer, is_open = false } = operation;
  const parameters = [...pathParameters(path), ...queryParameters(query, requests)];
  return {
    ...{ operationId: id, tags: [tag], summary },
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !body.optional,
        content: {
          "application/json": {
            schema: requests.convert(body.schema),
            examples: Object.fromEntries(Object.entries(body.examples).map(([name, value]) => [name, { value }])),
          },
        },
      },
    }),
    ...(is_open && { security: [] }),
    responses: { "200": { description: answer.description, content: contentOf(answer, answers) }, ...errorResponses(operation) },
  };
}

function contentOf({ schema, type, example, events }: AnswerReference, answers: Converters["answers"]): object {
  const shown = example === undefined ? {} : { example };
  return {
    ...(schema && { "application/json": { schema: answers.convert(schema), ...shown } }),
    ...(type !== undefined && { [type]: { schema: { type: "string" }, ...shown } }),
    ...(events && {
      "text/event-stream": {
        schema: eventSchema(answers.convert(events.schema)),
        example: events.example,
      },
    }),
  };
}

/** One event of a stream: OpenAPI 3.1 has no words for a stream as a whole, and tools read the schema of one so. */
function eventSchema(contentSchema: object): object {
  const json = (contentSchema: object) => ({ type: "string", contentMediaType: "application/json", contentSchema });
  const error = json({ $ref: "#/components/schemas/Error" });
  return {
    type: "object",
    properties: { data: { anyOf: [json(contentSchema), error, { const: "[DONE]" }] } },
    required: ["data"],
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    ...{ in: "path", name, required: true, schema: { type: "string" } },
    description: PATH_PARAMETERS[name] ?? `The id of a ${name.replace("_id", "")}.`,
  }));
}

const QUERY: Record<string, string> = {
  limit: "Records of a page.",
  order: "By the time of their creation.",
  after: "The page begins behind the record with this id.",
  before: "The page ends in front of the record with this id.",
  catalog: "With the models of the catalogue.",
  fit: "Read the header of a model that is not here at its source, to say whether it fits.",
};

function queryParameters(query: Operation["query"], requests: Converters["requests"]): object[] {
  return Object.entries(query?.entries ?? {}).map(([name, schema]) => ({
    ...{ in: "query", name, required: false, description: QUERY[name] },
    // A query is text; what it is read as says more.
    schema:
      name === "limit" ? { type: "integer", minimum: 1, maximum: 100, default: 20 } : requests.convert(schema as v.GenericSchema),
  }));
}
