// What /v1/assistants answers. One assistant is built in.
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import { ApiError } from "../../http/errors.ts";
import { noAssistant } from "../../http/not-found.ts";
import { answerArray, answerList } from "../../http/list.ts";
import { PageQuery, pageRecords, WHOLE } from "../../http/paging.ts";
import { BUILT_IN, type Assistant } from "../../storage/entities.ts";
import { parseBody, parseQuery } from "../../http/validate.ts";
import { wantsPage } from "../dialect.ts";
import { mergeMetadata } from "../metadata.ts";
import { findAssistant, JAN } from "./built-in.ts";
import { AssistantChange, NewAssistant, toRecordFields } from "./schema.ts";
import { toWireAssistant } from "./wire-form.ts";

export const assistantHandlers = ({ store, now, onError }: Deps) =>
  ({
    async listAssistants(c) {
      const page = parseQuery(c, PageQuery);
      const stored = await store.assistants.ids();
      // The built-in one counts as the oldest.
      const ids = [BUILT_IN, ...stored.filter((id) => id !== BUILT_IN)];
      const read = async (ids: readonly string[]) => {
        const found = await store.assistants.getMany(ids);
        if (stored.includes(BUILT_IN) || !ids.includes(BUILT_IN)) return found;
        return ids[0] === BUILT_IN ? [JAN, ...found] : [...found, JAN];
      };
      const answer = { toWire: (assistant: Assistant) => toWireAssistant(c, assistant), onError };
      if (!wantsPage(c, page)) return answerArray(c, pageRecords(ids, WHOLE, read), answer);
      return answerList(c, pageRecords(ids, page, read), answer);
    },
    async createAssistant(c) {
      const { metadata, tool_resources: _, ...fields } = await parseBody(c, NewAssistant);
      const assistant: Assistant = {
        ...JAN,
        ...{ name: null, description: null, instructions: null },
        ...toRecordFields(fields),
        id: await store.newAssistantId(),
        created_at: now(),
        metadata,
      };
      await store.assistants.put(assistant);
      return json(c, toWireAssistant(c, assistant));
    },
    async getAssistant(c) {
      const id = assistantIdOf(c);
      const assistant = await findAssistant(store, id);
      if (assistant === undefined) throw noAssistant(id);
      return json(c, toWireAssistant(c, assistant));
    },
    async changeAssistant(c) {
      const { metadata, tool_resources: _, ...change } = await parseBody(c, AssistantChange);
      const id = assistantIdOf(c);
      const applyChange = (old: Assistant): Assistant => {
        const fields = { ...old, ...toRecordFields(change), metadata: mergeMetadata(old.metadata, metadata) };
        return JSON.stringify(fields) === JSON.stringify(old) ? old : { ...fields, version: old.version + 1 };
      };
      const changed = await store.assistants.patch(id, applyChange, id === BUILT_IN ? JAN : undefined);
      if (changed === undefined) throw noAssistant(id);
      return json(c, toWireAssistant(c, changed));
    },
    async deleteAssistant(c) {
      const id = assistantIdOf(c);
      if (id === BUILT_IN) {
        throw new ApiError(409, `The assistant "${BUILT_IN}" is built in and cannot be deleted. It can be changed.`, {
          param: "assistant_id",
          code: "assistant_built_in",
        });
      }
      if (!(await store.assistants.remove(id))) throw noAssistant(id);
      return json(c, { id, object: "assistant.deleted", deleted: true });
    },
  }) satisfies Handlers;

const assistantIdOf = (c: Context): string => c.req.param("assistant_id") ?? "";
