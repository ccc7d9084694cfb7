// How the prompt process finds the syntax of calls, for a template of each family.
import { afterAll, describe, expect, test } from "bun:test";
import type { ChatMessage } from "../../adapters/adapter.ts";
import type { ModelPrompts } from "../../adapters/prompts.ts";
import { createCallReader } from "../../adapters/shared/tool-calls/call-reader.ts";
import { ask, PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { TOOL_TEMPLATES } from "../support/tool-templates.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());
const { signal } = new AbortController();
const open = async (template: string): Promise<ModelPrompts> => prompts.open(await tinyModel({ template }), signal);

const tool = (name: string) => ({
  type: "function" as const,
  function: { name, parameters: { type: "object", properties: { city: { type: "string" }, n: { type: "integer" } } } },
});
const tools = [tool("get_weather"), tool("clock-2")];
const call = (id: string, name: string, given: string) => ({
  id,
  type: "function" as const,
  function: { name, arguments: given },
});
const asked: ChatMessage = { role: "user", content: "Well?" };

/** The end of a prompt. */
async function promptOf(model: ModelPrompts, messages: ChatMessage[]): Promise<string> {
  const prompt = await model.render({ ...ask(messages), tools }, 131_072, signal);
  return "tail" in prompt ? prompt.tail : "";
}

describe("a template of the family", () => {
  for (const [name, template] of Object.entries(TOOL_TEMPLATES))
    test(name, async () => {
      const model = await open(template);
      const { calls, forms, bounded } = model.template;
      expect({ bounded, known: calls !== undefined, lists: calls?.lists_tools }).toEqual({
        bounded: true,
        known: true,
        lists: true,
      });
      const history: ChatMessage[] = [
        asked,
        { role: "assistant", content: "", tool_calls: [call("call_1", "get_weather", '{"n": 3}')] },
      ];
      const tail = await promptOf(model, [...history, { role: "tool", tool_call_id: "call_1", content: "ok" }]);
      const reader = createCallReader(calls!, tools);
      const pieces = reader.read(tail.slice(tail.indexOf(calls!.triggers[0]!.text)));
      expect(pieces[0]!.name).toBe("get_weather");
      expect(JSON.parse(pieces.map(({ arguments: given }) => given).join(""))).toEqual({ n: 3 });
      expect(forms.calls).toBe(true);
      // Conversations that a model or a client has spoilt are rendered all the same.
      const broken = { role: "assistant", content: "", tool_calls: [call("", "clock-2", "{half")] } as const;
      await promptOf(model, [asked, { ...broken, tool_calls: [...broken.tool_calls] }, { role: "tool", content: "late" }]);
      await promptOf(model, [{ role: "tool", tool_call_id: "gone", content: "late" }, asked]);
      model.close();
    });
});

test("a template that shows no calls has no syntax", async () => {
  const model = await open(PLAIN_TEMPLATE);
  expect(model.template.calls).toBeUndefined();
  model.close();
});

test("one that shows other arguments than it was given has none", async () => {
  const model = await open(TOOL_TEMPLATES.hermes.replace("{{ args | tojson }}", "{{ args | tojson | replace('3', '4') }}"));
  expect(model.template).toMatchObject({ bounded: true, forms: { calls: true } });
  expect(model.template.calls).toBeUndefined();
  model.close();
});

test("one that never ends for the samples of calls serves all other requests", async () => {
  const endless = "{% for i in range(1000000000) %}{{ i }}{% endfor %}";
  const model = await open(`{% if 'ingle_first_tool' in (messages | tojson) %}${endless}{% endif %}${TOOL_TEMPLATES.hermes}`);
  expect(model.template).toMatchObject({ bounded: false, forms: { calls: true } });
  expect(model.template.calls).toBeUndefined();
  expect(await promptOf(model, [asked])).toContain("Well?");
  model.close();
}, 30_000);
