// Conversations are compared without their tokens.
import { describe, expect, test } from "bun:test";
import type { ChatMessage, Tool } from "../../adapters/adapter.ts";
import {
  sharedPrefixLength,
  conversationLength,
  fingerprintOf,
  type ConversationFingerprint as Fingerprint,
} from "../../adapters/shared/conversation-fingerprint.ts";
import { hasImages } from "../../adapters/shared/message-text.ts";
import { ask } from "../support/models.ts";

/** Whether `later` begins with all of `earlier`. */
const goesOn = (later: Fingerprint, earlier: Fingerprint): boolean =>
  sharedPrefixLength(later, earlier) === conversationLength(earlier);
const user = (content: ChatMessage["content"]): ChatMessage => ({ role: "user", content });
const of = (...messages: ChatMessage[]) => fingerprintOf(ask(messages));
const long = "All is well on the river. ".repeat(100);

describe("two conversations", () => {
  test("are alike up to where they go apart, but for a block", () => {
    const [one, other] = [of(user(`${long}And then?`)), of(user(`${long}But why?`))];
    expect(sharedPrefixLength(one, other)).toBeGreaterThan(long.length - 256);
    expect(sharedPrefixLength(one, other)).toBeLessThan(conversationLength(one));
    expect(sharedPrefixLength(one, of(user(`No. ${long}`)))).toBe(0);
  });

  test("are one where the second goes on from the first, however short its messages are", () => {
    const first = of(user("Hi."));
    const next = of(user("Hi."), { role: "assistant", content: "Hello." }, user("How are you?"));
    expect([goesOn(next, first), goesOn(first, next), goesOn(first, first)]).toEqual([true, false, true]);
    expect(goesOn(of(user("Hi. ")), first)).toBe(false);
  });

  test("are two with the same long system prompt, once they say something else", () => {
    const system: ChatMessage = { role: "system", content: long };
    const [one, other] = [of(system, user("Hi.")), of(system, user("Hello."))];
    expect([goesOn(one, other), sharedPrefixLength(one, other) >= long.length]).toEqual([false, true]);
  });

  test("are two with other tools from the start on, unless none is shown", () => {
    const tool: Tool = { type: "function", function: { name: "weather" } };
    const plain = fingerprintOf(ask("Hi."));
    expect(sharedPrefixLength(plain, fingerprintOf(ask("Hi.", { tools: [tool] })))).toBe(0);
    expect(goesOn(plain, fingerprintOf(ask("Hi.", { tools: [tool], tool_choice: "none" })))).toBe(true);
  });

  test("have nothing in common where their API keys differ", () => {
    const [one, other] = ["one", "two"].map((cache_scope) => fingerprintOf(ask(long, { cache_scope }))) as [
      Fingerprint,
      Fingerprint,
    ];
    expect([sharedPrefixLength(one, other), goesOn(one, other)]).toEqual([0, false]);
    expect(one.prefixes.filter((prefix) => other.prefixes.includes(prefix))).toEqual([]);
  });

  test("differ by their images, whose bytes do not lengthen the fingerprint", () => {
    const image = (bytes: string) => user([{ type: "image_url", image_url: { url: `data:image/png;base64,${bytes}` } }]);
    const [one, other] = [of(image("A".repeat(1e6))), of(image("B".repeat(1e6)))];
    expect([sharedPrefixLength(one, other), one.prefixes.length]).toEqual([0, 2]);
    expect([hasImages(ask([image("A")])), hasImages(ask([user([{ type: "text", text: "A" }])]))]).toEqual([true, false]);
  });
});
