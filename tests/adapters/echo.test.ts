import { expect, test } from "bun:test";
import { echo } from "../../adapters/echo.ts";
import { adapterSuite } from "../adapter-suite.ts";
import { makeModel } from "../support/app.ts";
import { collect } from "../support/collect.ts";
import { rerankSuite } from "../embedding-suite.ts";
import { ask } from "../support/models.ts";

adapterSuite("echo", {
  adapter: echo(),
  model: async () => ({ id: "echo", path: "", settings: {} }),
  prompt: "one two three, four five six: seven eight nine ten; eleven twelve thirteen fourteen fifteen sixteen seventeen",
  prompt_tokens: 17,
  context: 512,
  samples: false,
  capabilities: echo().capabilities(makeModel("echo")),
});

rerankSuite("echo", { adapter: echo(), model: async () => ({ id: "echo", path: "", settings: {} }) });

test("an answer that was begun does not say its beginning again", async () => {
  const { signal } = new AbortController();
  const engine = await echo().load({ id: "echo", path: "", settings: {} }, { slots: 1, context: 512 }, signal);
  const textOf = async (continue_final_message?: boolean): Promise<string> => {
    const messages = [
      { role: "user" as const, content: "one two" },
      { role: "assistant" as const, content: "so far" },
    ];
    const asked = ask(messages, continue_final_message === undefined ? {} : { continue_final_message });
    return (await collect(engine.chat(asked, signal))).text;
  };
  expect([await textOf(), await textOf(true), await textOf(false)]).toEqual(["one two", "one two", "so far"]);
  await engine.close();
});
