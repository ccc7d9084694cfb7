// Whether an answer goes on with the last message of its conversation.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

const USER = { role: "user", content: "Count." };
const BEGUN = { role: "assistant", content: "One, " };
const call = { id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
const CALLING = { role: "assistant", content: null, tool_calls: [call] };

async function asked(messages: object[], fields: object) {
  const fake = fakeAdapter({ answer: ["two"] });
  const res = await makeApp({ adapter: fake.adapter }).chat({ messages, ...fields });
  const error = res.ok ? undefined : await errorOf(res);
  return { status: res.status, error, goes_on: fake.generations[0]?.request.continue_final_message };
}

describe("an answer", () => {
  const FIELDS: [fields: object, goes_on: boolean | undefined][] = [
    [{}, undefined],
    [{ continue_final_message: null, add_generation_prompt: null }, undefined],
    [{ continue_final_message: true }, true],
    [{ add_generation_prompt: false }, true],
    [{ continue_final_message: true, add_generation_prompt: false }, true],
    [{ continue_final_message: false }, false],
    [{ add_generation_prompt: true }, false],
    [{ continue_final_message: false, add_generation_prompt: true }, false],
  ];
  for (const [fields, goes_on] of FIELDS)
    test(`to an assistant's message with ${JSON.stringify(fields)}`, async () => {
      expect(await asked([USER, BEGUN], fields)).toEqual({ status: 200, error: undefined, goes_on });
    });

  for (const messages of [[USER], [BEGUN, USER], [USER, CALLING]])
    test(`to ${JSON.stringify(messages.at(-1))} goes on with nothing`, async () => {
      for (const fields of [{}, { continue_final_message: false }, { add_generation_prompt: true }])
        expect(await asked(messages, fields)).toEqual({ status: 200, error: undefined, goes_on: undefined });
      for (const [name, value] of [
        ["continue_final_message", true],
        ["add_generation_prompt", false],
      ] as const) {
        const { status, error } = await asked(messages, { [name]: value });
        expect([status, error?.param]).toEqual([400, name]);
        for (const said of [`"${name}": ${value}`, `messages[${messages.length - 1}]`]) expect(error?.message).toContain(said);
      }
    });

  test("begins at one place", async () => {
    for (const value of [true, false]) {
      const { status, error } = await asked([USER, BEGUN], { continue_final_message: value, add_generation_prompt: value });
      expect([status, error]).toMatchObject([400, { param: "continue_final_message" }]);
    }
    for (const value of ["content", 1, {}]) {
      const { status, error } = await asked([USER, BEGUN], { continue_final_message: value });
      expect([status, error]).toMatchObject([400, { param: "continue_final_message" }]);
    }
  });
});
