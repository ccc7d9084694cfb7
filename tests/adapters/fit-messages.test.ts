// Conversations in the forms that templates insist on.
import { describe, expect, test } from "bun:test";
import type { ChatMessage, ToolCall } from "../../adapters/adapter.ts";
import type { TemplateForms } from "../../adapters/prompts.ts";
import { fitMessages } from "../../adapters/shared/fit-messages/fit-messages.ts";
import { FORMS } from "../support/rendered-prompts.ts";

const said =
  (role: ChatMessage["role"]) =>
  (content: string): ChatMessage => ({ role, content });
const [system, user, assistant] = [said("system"), said("user"), said("assistant")];
const call = (id: string): ToolCall => ({ id, type: "function", function: { name: "look", arguments: "{}" } });
const calling = (...ids: string[]): ChatMessage => ({ role: "assistant", content: "", tool_calls: ids.map(call) });
const answer = (id: string | undefined, content: string): ChatMessage => ({
  ...{ role: "tool", content },
  ...(id !== undefined && { tool_call_id: id }),
});

/** Each message in a few characters. */
function outline(messages: ChatMessage[]): string {
  const contents = messages.map(({ role, content, tool_calls = [], tool_call_id = "" }) =>
    [role[0]!, content, ...tool_calls.map(({ id }) => `(${id})`), tool_call_id && `[${tool_call_id}]`].join(""),
  );
  return contents.join(" ");
}

const fitted = (forms: Partial<TemplateForms>, ...messages: ChatMessage[]): string =>
  outline(fitMessages(messages, { ...FORMS, ...forms }));

test("what a template takes stays as it is", () => {
  const messages = [system("1"), system("2"), assistant("3"), user("4"), user("5"), calling("x", "y"), answer("x", "6")];
  expect(fitMessages(messages, FORMS)).toEqual(messages);
});

describe("a system message", () => {
  const [RULE, LATER] = [system("R"), system("L")];
  test("is in front of the user's text where there is no such role", () => {
    expect(fitted({ system: "none" }, RULE, user("1"), assistant("2"))).toBe("uR\n1 a2");
    expect(fitted({ system: "none" }, RULE, LATER, user("1"))).toBe("uR\nL\n1");
    expect(fitted({ system: "none" }, user("1"), assistant("2"), LATER, user("3"))).toBe("u1 a2 uL\n3");
  });
  test("is a user's where none follows", () => {
    expect(fitted({ system: "none" }, RULE)).toBe("uR");
    expect(fitted({ system: "none" }, RULE, assistant("1"), user("2"))).toBe("uR a1 u2");
    expect(fitted({ system: "first" }, user("1"), LATER)).toBe("u1 uL");
    expect(fitted({ system: "first", alternates: true }, user("1"), LATER)).toBe("u1\nL");
  });
  test("is one with those behind it where the first alone is shown", () => {
    expect(fitted({ system: "first" }, RULE, LATER, user("1"))).toBe("sR\nL u1");
    expect(fitted({ system: "first" }, RULE, user("1"), LATER, user("2"))).toBe("sR u1 uL\n2");
    expect(fitted({ system: "first" }, RULE, LATER)).toBe("sR\nL");
  });
  test("may be anywhere where one is shown", () => {
    expect(fitted({ system: "one" }, user("1"), LATER, user("2"))).toBe("u1 sL u2");
    expect(fitted({ system: "one" }, RULE, user("1"), LATER, user("2"))).toBe("sR u1 uL\n2");
  });
  test("has a silent user behind it where it must not be alone", () => {
    expect(fitted({ user_needed: true }, RULE)).toBe("sR u");
    expect(fitted({ user_needed: true }, RULE, assistant("1"))).toBe("sR u a1");
  });
});

describe("where a template insists on turns", () => {
  const STRICT = { alternates: true, user_first: true };
  test("messages of one role are one", () => {
    expect(fitted(STRICT, user("1"), user("2"), assistant("3"), assistant("4"), user("5"))).toBe("u1\n2 a3\n4 u5");
    expect(fitted(STRICT, user("1"), user(""), user("2"))).toBe("u1\n2");
  });
  test("a silent user opens", () => {
    expect(fitted(STRICT, assistant("1"), user("2"))).toBe("u a1 u2");
    expect(fitted(STRICT, system("R"), assistant("1"))).toBe("sR u a1");
    expect(fitted(STRICT, calling("x"), answer("x", "1"), user("2"))).toBe("a(x) t1[x] u2");
  });
  test("calls and answers of tools are no turns", () => {
    expect(fitted(STRICT, user("1"), calling("x"), answer("x", "2"), assistant("3"), user("4"))).toBe("u1 a(x) t2[x] a3 u4");
    expect(fitted(STRICT, user("1"), calling("x"), answer("x", "2"), user("3"))).toBe("u1 a(x) t2[x] a u3");
    expect(fitted(STRICT, user("1"), assistant("2"), calling("x"), answer("x", "3"), assistant("4"))).toBe(
      "u1 a2 a(x) t3[x] u a4",
    );
  });
  test("an image stays beside the texts", () => {
    const image = { type: "image_url" as const, image_url: { url: "data:image/png;base64,AA==" } };
    const [joined] = fitMessages([user("1"), { role: "user", content: [image] }, user("2")], { ...FORMS, ...STRICT });
    expect(joined!.content).toEqual([{ type: "text", text: "1" }, image, { type: "text", text: "2" }]);
  });
});

describe("a call", () => {
  test("has an id of nine characters, and its answer the same", () => {
    const nine = { nine_character_ids: true };
    const [called, first, second] = fitMessages(
      [calling("call_a", "abcDE1234"), answer("call_a", "1"), answer("abcDE1234", "2")],
      { ...FORMS, ...nine },
    ) as [ChatMessage, ChatMessage, ChatMessage];
    const [mapped, kept] = called.tool_calls!.map(({ id }) => id);
    expect(mapped).toMatch(/^[A-Za-z0-9]{9}$/);
    expect([kept, first.tool_call_id, second.tool_call_id]).toEqual(["abcDE1234", mapped, "abcDE1234"]);
    expect(fitted(nine, calling("call_a"), answer("call_a", "1"))).toBe(`a(${mapped}) t1[${mapped}]`);
    expect(fitted(nine, calling("abcdefghi", "jklmnopqr"), answer(undefined, "1"), answer(undefined, "2"))).toBe(
      "a(abcdefghi)(jklmnopqr) t1[abcdefghi] t2[jklmnopqr]",
    );
  });
  test("made beside another comes after that one's answer where a template shows one", () => {
    const one = { parallel_calls: false };
    expect(fitted(one, calling("x", "y"), answer("y", "2"), answer("x", "1"), user("3"))).toBe("a(x) t1[x] a(y) t2[y] u3");
    expect(fitted(one, calling("x", "y"), answer(undefined, "1"), answer(undefined, "2"))).toBe("a(x) t1 a(y) t2");
    expect(fitted(one, calling("x", "y"))).toBe("a(x) a(y)");
    expect(fitted(one, calling("x"), answer("x", "1"), answer("x", "2"))).toBe("a(x) t1[x] t2[x]");
  });
  test("is plain text in turns where a template shows none", () => {
    expect(fitted({ calls: false }, user("1"), calling("x"), answer("x", "2"), user("3"))).toBe("u1 alook({}) u2\n3");
  });
});
