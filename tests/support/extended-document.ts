// The published document with what ingle adds to it, for tools that compare a server with its document. Each addition has its reason.
import contract from "../fixtures/jan-contract.json" with { type: "json" };

type Json = Record<string, any>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json): Json => ({ content: { "application/json": { schema } } });
const idOf = (name: string): Json => ({ in: "path", name, required: true, schema: { type: "string" } });
const answers = (schema: Json): Json => ({ responses: { "200": { description: "", ...json(schema) } } });

/** Every refusal has this body; the document knows none. */
const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string", minLength: 1 },
        type: { type: "string", enum: ["invalid_request_error", "server_error"] },
        param: { type: "string", nullable: true },
        code: { type: "string", minLength: 1 },
      },
    },
  },
};

/** The document has schemas for these operations, and no paths. */
function addedPaths(): Record<string, Json> {
  const { id: _, object: _1, version: _2, created_at: _3, ...properties } = schemas().AssistantObject!.properties;
  const assistant = { requestBody: { required: true, ...json({ type: "object", properties }) } };
  const change = { requestBody: { required: true, ...json({ type: "object", properties: { metadata: { type: "object" } } }) } };
  const [assistant_id, thread_id, message_id, file_id, model_id] = ["assistant", "thread", "message", "file", "model"].map(
    (name) => idOf(`${name}_id`),
  ) as [Json, Json, Json, Json, Json];
  const modified = { parameters: [assistant_id], ...assistant, ...answers(ref("ModifyAssistantResponse")) };
  const message = { parameters: [thread_id, message_id] };
  const changed = { ...message, ...change, ...answers(ref("GetMessageResponse")) };
  const deleted = { type: "object", properties: { id: { type: "string" }, deleted: { type: "boolean" } } };
  const options = { type: "object", properties: { adapter_options: { type: "object" } } };
  const patch = { parameters: [model_id], requestBody: { required: true, ...json(options) }, ...answers(ref("Model")) };
  const acting = (response: string): Json => {
    const act = { parameters: [model_id], ...answers(ref(response)) };
    // What the others name is the model called `x/start`.
    return { ...contract.paths["/models/{model_id}"], patch, post: act, put: act };
  };
  return {
    "/assistants": { post: { ...assistant, ...answers(ref("CreateAssistantResponse")) } },
    "/assistants/{assistant_id}": {
      ...{ patch: modified, post: modified },
      delete: { parameters: [assistant_id], ...answers(ref("DeleteAssistantResponse")) },
    },
    "/threads/{thread_id}": { post: contract.paths["/threads/{thread_id}"].patch },
    "/threads/{thread_id}/messages/{message_id}": {
      ...{ patch: changed, post: changed },
      delete: { ...message, ...answers(deleted) },
    },
    "/threads/{thread_id}/messages/{message_id}/files": { get: { ...message, ...answers(ref("ListMessageFilesResponse")) } },
    "/threads/{thread_id}/messages/{message_id}/files/{file_id}": {
      get: { parameters: [thread_id, message_id, file_id], ...answers(ref("MessageFileObject")) },
    },
    "/models": { post: { requestBody: { required: true, ...json({ type: "object" }) }, ...answers(ref("Model")) } },
    "/models/{model_id}": { patch },
    "/models/{model_id}/start": acting("StartModelResponse"),
    "/models/{model_id}/stop": acting("StopModelResponse"),
    "/models/download/{model_id}": {
      post: { parameters: [model_id], ...answers(ref("DownloadModelResponse")) },
      delete: { parameters: [model_id], ...answers({ type: "object" }) },
    },
  };
}

const schemas = (): Record<string, Json> => contract.components.schemas as Record<string, Json>;

/** Without the identities that `structuredClone` keeps: two methods of a path do not share what is changed below. */
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** A copy, in which each operation has an id of its own. */
export function extendedDocument(): Json {
  const document = copy(contract) as Json;
  for (const [path, methods] of Object.entries(addedPaths())) Object.assign((document.paths[path] ??= {}), copy(methods));
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => [`${method} ${path}`, operation] as [string, Json]),
  );
  for (const [name, operation] of operations) {
    // Some operations of the document stand at two paths or methods here.
    operation.operationId = name;
    operation.responses["200"].description ??= "";
    operation.responses.default = { description: "", ...json(ERROR) };
    for (const { schema } of Object.values((operation.requestBody?.content ?? {}) as Json)) takeNulls(schema);
  }
  // What a new message is called, the operations of one message are asked by.
  document.paths["/threads/{thread_id}/messages"].post.responses["200"].links = Object.fromEntries(
    operations
      .filter(([name]) => name.includes("{message_id}") && !name.includes("{file_id}"))
      .map(([name]) => [
        name.replaceAll(/\W+/g, "_"),
        { operationId: name, parameters: { thread_id: "$request.path.thread_id", message_id: "$response.body#/id" } },
      ]),
  );
  const { ChatCompletionRequest, CreateThreadObject, ListMessagesResponse } = document.components.schemas;
  for (const schema of [ChatCompletionRequest, CreateThreadObject]) takeNulls(schema);
  // A conversation has a message, and a message a role: the document only describes them.
  const { messages, model } = ChatCompletionRequest.properties;
  Object.assign(ChatCompletionRequest, { required: ["messages"] });
  Object.assign(messages, { minItems: 1, nullable: false });
  messages.items.required = ["role"];
  messages.items.properties.role.enum = ["system", "user"];
  messages.items.properties.content.nullable = false;
  model.enum = ["echo"];
  // With `stream`, the answer is events.
  document.paths["/chat/completions"].post.responses["200"].content["text/event-stream"] = { schema: { type: "string" } };
  // An empty list has no first message.
  for (const name of ["first_id", "last_id"]) ListMessagesResponse.properties[name].nullable = true;
  return document;
}

/** Null stands for what is absent, in every field that need not be there. */
function takeNulls({ properties = {}, required = [] }: Json): void {
  for (const [name, field] of Object.entries(properties as Record<string, Json>)) {
    if (!required.includes(name)) field.nullable = true;
    takeNulls(field);
    if (field.items !== undefined) takeNulls(field.items);
  }
}
