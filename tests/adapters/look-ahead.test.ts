// Patterns that look ahead, beside JavaScript's own engine: the same texts fit.
import { describe, expect, test } from "bun:test";
import { dfaOf } from "../../adapters/shared/json-schema-grammar/regex/dfa.ts";
import { parseRegex, searchRegex } from "../../adapters/shared/json-schema-grammar/regex/parse.ts";
import { UnsupportedRegex } from "../../adapters/shared/json-schema-grammar/regex/regex.ts";
import { takes } from "../../adapters/shared/json-schema-grammar/regex/takes.ts";
import { createWork } from "../../adapters/shared/json-schema-grammar/regex/work.ts";

const PATTERNS = [
  ...[
    "^(?!a)b",
    "^(?=.*1)[ab1]{2,3}$",
    "^(?!.*aa)[ab]+$",
    "(?=ab)a",
    "a(?!b)",
    "a(?=b|$)",
    "a(?!$)",
    "^(?!)$",
    "(?=)a",
    "^(?!^a$)[ab]*$",
  ],
  ...[
    "^(?=a)(?!ab)[ab1]*$",
    "^(?:a(?=1)1|b(?!1).)?$",
    "^a(?:(?=b)b1?)?$",
    "^(?:(?!b).){2}$",
    "^(?=(?!a)..)[ab1]*$",
    "b(?=(?=1)1a)",
    "^(?!a|b$)",
  ],
  ...[
    "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$",
    "^(?!\\.)(?!.*\\.\\.)[a.]+@(?:a\\.)+[a]{2,}$",
    "(?!a)",
    "^(?!.)",
    "(?=a)$",
    "^(?=.{1,2}$)a",
  ],
  "^P(?:(\\d+W)|(?!.*W)(?=\\d|T\\d)(\\d+Y)?(T(?=\\d)(\\d+H)?)?)$",
];
const ALPHABETS = ["ab1", "+.0", "a.@", "1PTW"];

function* texts(alphabet: string, longest: number): Generator<string> {
  yield "";
  if (longest > 0) for (const text of texts(alphabet, longest - 1)) for (const character of alphabet) yield character + text;
}

const TEXTS = [
  ...new Set(ALPHABETS.flatMap((alphabet) => [...texts(alphabet, 4)])),
  "P1YT1H",
  "PT1H",
  "P1YT",
  "aa.a@a.aa",
  "a..a@a.aa",
];

test.each(PATTERNS)("%s", (pattern) => {
  const anywhere = dfaOf({ matches: [searchRegex(pattern, createWork())] }, createWork());
  const whole = dfaOf({ matches: [parseRegex(pattern, createWork())] }, createWork());
  expect(TEXTS.filter((text) => takes(anywhere, text))).toEqual(TEXTS.filter((text) => new RegExp(pattern).test(text)));
  expect(TEXTS.filter((text) => takes(whole, text))).toEqual(TEXTS.filter((text) => new RegExp(`^(?:${pattern})$`).test(text)));
});

describe("what cannot be held is refused", () => {
  test.each(["^(?:(?!b).)*$", "a(?=^)", "(?!^a)b", "(?<=a)b", "(?<!a)b", "\\bfoo"])("%s", (pattern) => {
    expect(() => searchRegex(pattern, createWork())).toThrow(UnsupportedRegex);
  });
});
