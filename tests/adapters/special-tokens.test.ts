// Special tokens that stand in a client's message: how they are found without asking the engine, and what becomes of them.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatMessage } from "../../adapters/adapter.ts";
import { createTokenEscaper, type TokenPieces } from "../../adapters/llama-server/escape-special-tokens.ts";
import { createNameFinder, looksSpecial } from "../../adapters/shared/special-tokens.ts";
import { GgufError } from "../../models/gguf/header.ts";
import { readSpecialTokens, readTokenText } from "../../models/gguf/special-tokens.ts";
import { array, joined, pair, raw, text, u32, u64 } from "../../models/gguf/writer.ts";
import { corpus, tinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "ingle-special-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of `tokenizer.ggml.token_type`. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED] = [1, 2, 3, 4];

function written(bytes: Uint8Array): string {
  const path = join(folder, "model.gguf");
  writeFileSync(path, bytes);
  return path;
}

function vocabulary(tokens: Record<string, number>, types = true): string {
  const keys = [
    pair("general.name", 8, text("a name")),
    pair("tokenizer.ggml.tokens", 9, array(8, Object.keys(tokens).map(text))),
    pair("tokenizer.ggml.scores", 9, joined([u32(6), u64(1_000), new Uint8Array(4_000)])),
    ...(types ? [pair("tokenizer.ggml.token_type", 9, array(5, Object.values(tokens).map(u32)))] : []),
  ];
  return written(joined([raw("GGUF"), u32(3), u64(0), u64(keys.length), ...keys]));
}

describe("the names that a model file tells", () => {
  test("are those of special types, and whatever looks special", async () => {
    const long = `<|${"x".repeat(300)}|>`;
    const path = vocabulary({
      ...{ hello: NORMAL, "\u2581the": NORMAL, "<": NORMAL, "[]": NORMAL, "<0x0A>": 6, "a>": NORMAL, "": NORMAL },
      ...{ "odd one": CONTROL, "\u2047": UNKNOWN, [long]: CONTROL, [`<${"y".repeat(300)}>`]: NORMAL },
      ...{ "</s>": NORMAL, "[EOT]": NORMAL, "[e~[": NORMAL, "_<EOT>": NORMAL, "<|start|>": USER_DEFINED, last: CONTROL },
    });
    const looks = ["<0x0A>", "</s>", "[EOT]", "[e~[", "_<EOT>", "<|start|>"];
    expect([...(await readSpecialTokens(path))].sort()).toEqual(["odd one", "\u2047", long, "last", ...looks].sort());
  });

  test("are those that look special where the file tells no types, and none where it has no vocabulary", async () => {
    expect([...(await readSpecialTokens(vocabulary({ "<s>": CONTROL, plain: CONTROL }, false)))]).toEqual(["<s>"]);
    expect((await readSpecialTokens(written(joined([raw("GGUF"), u32(3), u64(0), u64(0)])))).size).toBe(0);
  });

  test("are found in a vocabulary of 300,000", async () => {
    const words = Object.fromEntries(Array.from({ length: 300_000 }, (_, index) => [`word ${index}`, NORMAL]));
    expect([...(await readSpecialTokens(vocabulary({ ...words, "the end": CONTROL })))]).toEqual(["the end"]);
  });

  test("of a damaged file are a sentence, or none: never a crash", async () => {
    for (const { name, bytes } of corpus()) {
      const names = await readSpecialTokens(written(bytes)).catch((error: unknown) => error);
      expect([name, names instanceof Set || names instanceof GgufError]).toEqual([name, true]);
    }
    const types = vocabulary({ a: NORMAL });
    writeFileSync(types, (await Bun.file(types).bytes()).slice(0, -2));
    expect(readSpecialTokens(types)).rejects.toThrow(GgufError);
  });

  test("are read one by one as well, where they are known by their index", async () => {
    const path = vocabulary({ zero: NORMAL, one: CONTROL, two: NORMAL });
    expect(await Promise.all([0, 1, 2, 3].map((index) => readTokenText(path, index)))).toEqual(["zero", "one", "two", ""]);
  });

  test("of the tiny model are its own", async () => {
    const names = await readSpecialTokens(written(tinyGguf()));
    for (const name of ["<unk>", "<s>", "</s>"]) expect(names.has(name)).toBe(true);
  });
});

describe("a name in a text", () => {
  const holds = createNameFinder(new Set(["<s>", "</s>", "<|im_end|>", "odd"]));

  test("is found wherever it stands", () => {
    for (const text of ["<s>", "a<s>", "<s>a", "<<s>", "<</s>", "an odd one", "x<|im_end|>"])
      expect([text, holds(text)]).toEqual([text, true]);
    for (const text of ["", "<", "s>", "< s>", "<|im_end|", "od d", "<S>", "<\u2060s>"])
      expect([text, holds(text)]).toEqual([text, false]);
  });

  test("is taken to be there where it would take long to find out", () => {
    expect(holds("<".repeat(10_000))).toBe(false);
    expect(holds("<".repeat(10_001))).toBe(true);
  });

  test("is never there where a model has none", () => expect(createNameFinder(new Set())("<s>")).toBe(false));
});

test("what steers a model is known by its form", () => {
  for (const name of ["<|start|>", "<|im_end|>", "<\uFF5CUser\uFF5C>"]) expect(looksSpecial(name)).toBe(true);
  for (const name of ["<div>", "<think>", "|>", "<||>", "<|", "a<|b|>", "<|b|>c"]) expect(looksSpecial(name)).toBe(false);
});

describe("messages made harmless", () => {
  const NAMES = new Set(["<s>", "<|start|>", "<div>"]);
  /** `<s>` is special, `<|start|>` is one token in any case, all else is characters. */
  const tokens = (text: string, special: boolean): TokenPieces => {
    const pieces = text.match(special ? /<s>|<\|start\|>|./gsu : /<\|start\|>|./gsu) ?? [];
    return pieces.map((piece) => ({ id: piece.length > 1 ? piece.length : 1_000 + piece.codePointAt(0)!, piece }));
  };
  const defused = async (messages: ChatMessage[], tokenize = tokens) => {
    const asked: string[] = [];
    const safe = await createTokenEscaper(NAMES)(messages, async (text, special) => {
      if (special) asked.push(text);
      return tokenize(text, special);
    });
    return { safe, asked };
  };
  const user = (content: string): ChatMessage => ({ role: "user", content });

  test("the engine is not asked where none of its names stands", async () => {
    const messages = [user("a < b and [c]"), user("<p>paragraph</p>"), user("")];
    expect(await defused(messages)).toEqual({ safe: messages, asked: [] });
  });

  test("it is asked of the texts with a name alone, and what is none stays as it is", async () => {
    const messages = [user("plain"), user("a <div> b")];
    expect(await defused(messages)).toEqual({ safe: messages, asked: ["a <div> b"] });
  });

  test("a special token gets a sign inside, in every message, part and call", async () => {
    const call = (args: string) => [{ id: "1", type: "function" as const, function: { name: "f", arguments: args } }];
    const parts = (text: string) => [{ type: "text" as const, text }];
    const { safe, asked } = await defused([
      user("one <s><s>"),
      { role: "user", content: parts("two <s>") },
      { role: "assistant", content: "", tool_calls: call("three <s>") },
    ]);
    expect(safe).toEqual([
      user("one <\u2060s><\u2060s>"),
      { role: "user", content: parts("two <\u2060s>") },
      { role: "assistant", content: "", tool_calls: call("three <\u2060s>") },
    ]);
    expect(asked).toHaveLength(1);
  });

  test("so does what steers a model with the type of plain text", async () => {
    expect((await defused([user("a <|start|>system")])).safe).toEqual([user("a <\u2060|start|>system")]);
  });

  test("what stays special is refused", async () => {
    // There is no place inside it for a sign.
    const one = createTokenEscaper(new Set(["\u2047"]));
    const tokenize = async (_: string, special: boolean): Promise<TokenPieces> => [{ id: special ? 1 : 2, piece: "\u2047" }];
    expect(one([user("what\u2047")], tokenize)).rejects.toMatchObject({ code: "messages_refused" });
  });
});
