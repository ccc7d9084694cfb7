// Prompts and templates that are traps: each is refused, and the answers of others go on meanwhile.
import { afterAll, describe, expect, test } from "bun:test";
import type { AdapterError, Engine } from "../../adapters/adapter.ts";
import { createLog } from "../../src/support/log/log.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import { collect } from "../support/collect.ts";
import { makeModel } from "../support/app.ts";
import { ask, PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";

const adapters = createAdapters(
  { adapter: "node-llama-cpp", llama_server: undefined },
  createLog(() => {}),
);
const { signal } = new AbortController();
afterAll(() => adapters.close());

const load = async (template: string): Promise<Engine> => {
  const installed = await tinyModel({ template, context_length: 8_192 });
  return adapters.adapterOf(makeModel("tiny")).load(installed, { slots: 4, context: 8_192 }, signal);
};
const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => "answered",
    ({ code, message }: AdapterError) => code ?? message,
  );

/** Only a message that says "bomb" sets them off. */
const BOMBS = {
  "24 doublings":
    "{% set ns = namespace(text='0123456789abcdef') %}{% for i in range(24) %}{% set ns.text = ns.text + ns.text %}{% endfor %}{{ ns.text }}",
  "a count to a billion": "{% for i in range(1000000000) %}{{ i }}{% endfor %}",
  "a macro that calls itself": "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}",
  "a text times a billion": "{{ 'a' * 1000000000 }}",
  "lists in lists as JSON":
    "{% set ns = namespace(list=[1]) %}{% for i in range(40) %}{% set ns.list = [ns.list, ns.list] %}{% endfor %}{{ ns.list | tojson }}",
};

describe("a chat template that is a trap for some messages", () => {
  for (const [name, bomb] of Object.entries(BOMBS))
    test(`${name}: the request is refused, the others are answered meanwhile`, async () => {
      const engine = await load(`{% if messages[0].content == "bomb" %}${bomb}{% endif %}${PLAIN_TEMPLATE}`);
      try {
        const others = engine.chat(ask("hello", { max_tokens: 50 }), signal)[Symbol.asyncIterator]();
        const first = await others.next();
        expect(first.done).toBe(false);
        const ends: string[] = [];
        const refused = codeOf(collect(engine.chat(ask("bomb"), signal))).finally(() => ends.push("the trap"));
        let last: unknown;
        for (let next = await others.next(); !next.done; next = await others.next()) last = next.value;
        ends.push("the other");
        expect(last).toMatchObject({ type: "finish", usage: { completion_tokens: 50 } });
        expect(await refused).toBe("template_failed");
        // A trap in the engine's own process holds the other answer until it is sprung.
        expect(ends).toEqual(["the other", "the trap"]);
        expect(await codeOf(collect(engine.chat(ask("hello", { max_tokens: 2 }), signal)))).toBe("answered");
      } finally {
        await engine.close();
      }
    });
});
