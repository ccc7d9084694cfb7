import { describe, expect, test } from "bun:test";
import { createTokenDecoder } from "../../adapters/node-llama-cpp/token-decoder.ts";

describe("the text of tokens", () => {
  /** One token a byte. */
  const bytes = (tokens: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(tokens));

  test("comes in whole characters, however they are spread over tokens", () => {
    const whole = "aü漢😀 👩‍👩‍👧 z".repeat(9);
    const decoder = createTokenDecoder(bytes, [104, 105]);
    const pieces = [...new TextEncoder().encode(whole)].map((byte) => decoder.push(byte));
    expect(pieces.join("")).toBe(whole);
    for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
    expect(pieces.join("")).not.toContain("\uFFFD");
  });

  test("shows bytes that are no UTF-8 as such, and goes on", () => {
    const decoder = createTokenDecoder(bytes, []);
    const pieces = [65, 0x80, 0xff, 66, 0xe2, 0x82, 67].map((byte) => decoder.push(byte));
    expect(pieces.join("")).toBe("A\uFFFD\uFFFDB\uFFFDC");
  });

  test("a character that is never completed stays back", () => {
    const decoder = createTokenDecoder(bytes, []);
    expect([65, 0xe2, 0x82].map((byte) => decoder.push(byte)).join("")).toBe("A");
    expect(decoder.flush()).toBe("\uFFFD");
  });
});
