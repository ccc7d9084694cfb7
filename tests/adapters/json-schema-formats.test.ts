// Texts of each format, drawn from its automaton: what a grammar writes, the validators of clients take.
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, test } from "bun:test";
import { boundedRegex, formatRegex } from "../../adapters/shared/json-schema-grammar/formats.ts";
import type { Dfa } from "../../adapters/shared/json-schema-grammar/regex/automaton.ts";
import { dfaOf } from "../../adapters/shared/json-schema-grammar/regex/dfa.ts";
import { all, ANY_TEXT, type Regex, textRegex } from "../../adapters/shared/json-schema-grammar/regex/regex.ts";
import { takes } from "../../adapters/shared/json-schema-grammar/regex/takes.ts";
import { createWork } from "../../adapters/shared/json-schema-grammar/regex/work.ts";
import { createDice, type Dice } from "../support/random-schemas.ts";

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);

/** Without the formats of internationalized addresses, which ajv does not know. */
const FORMATS = [
  ...["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"],
  ...["uri", "uri-reference", "uri-template", "json-pointer", "relative-json-pointer"],
];
const TEXTS = 2_000;
const LONGEST = 80;

/** Undefined where the walk does not come to an end. */
function drawText({ edges, ends }: Dfa, dice: Dice): string | undefined {
  let [state, text] = [0, ""];
  for (let length = 0; length < LONGEST; length++) {
    if (ends[state] && (edges[state]!.length === 0 || dice.below(7) === 0)) return text;
    const { set, to } = dice.oneOf(edges[state]!);
    const [first, last] = dice.oneOf(set);
    text += String.fromCodePoint(first + dice.below(last - first + 1));
    state = to;
  }
  return ends[state] ? text : undefined;
}

function drawTexts(regex: Regex): string[] {
  const dfa = dfaOf({ matches: [regex] }, createWork());
  const dice = createDice(1);
  const texts = Array.from({ length: TEXTS }, () => drawText(dfa, dice)).filter((text) => text !== undefined);
  expect(texts.length).toBeGreaterThan(TEXTS / 4);
  return texts;
}

test.each(FORMATS)("%s", (format) => {
  const validate = ajv.compile({ type: "string", format });
  expect(drawTexts(formatRegex(format) as Regex).filter((text) => !validate(text))).toEqual([]);
});

test.each(["email", "hostname", "uri", "uri-reference"])("%s where the length is bounded", (format) => {
  const validate = ajv.compile({ type: "string", format });
  expect(drawTexts(boundedRegex(format)!.regex).filter((text) => !validate(text))).toEqual([]);
});

test.each(["uri", "iri", "url"])("%s is what JavaScript takes for a URL, too", (format) => {
  const hosted = ["http", "wss", "ftp", "file", "ldap"].map((scheme) => all(textRegex(`${scheme}://`), ANY_TEXT));
  for (const regex of [ANY_TEXT, ...hosted]) {
    const dfa = dfaOf({ matches: [formatRegex(format) as Regex, regex] }, createWork());
    const texts = drawTexts({ dfa });
    expect(texts.filter((text) => !URL.canParse(text))).toEqual([]);
  }
  expect(drawTexts(boundedRegex(format)!.regex).filter((text) => !URL.canParse(text))).toEqual([]);
});

test("times are what JavaScript and Python take", () => {
  const texts = [...drawTexts(formatRegex("date-time") as Regex), ...drawTexts(formatRegex("date") as Regex)];
  expect(texts.filter((text) => Number.isNaN(Date.parse(text)) || text.startsWith("0000"))).toEqual([]);
  const times = drawTexts(formatRegex("time") as Regex);
  expect(times.filter((text) => Number.isNaN(Date.parse(`2024-02-29T${text}`)))).toEqual([]);
});

const KNOWN_TEXTS: Record<string, { right: string[]; wrong: string[] }> = {
  uuid4: { right: ["123e4567-e89b-42d3-a456-426614174000"], wrong: ["123e4567-e89b-12d3-a456-426614174000"] },
  base64: { right: ["", "YQ==", "YWJj"], wrong: ["YQ", "YQ=", "Y-Q="] },
  base64url: { right: ["", "_-Jj"], wrong: ["YQ", "YQ=="] },
  cidrv4: { right: ["10.0.0.0/8"], wrong: ["10.0.0.0", "10.0.0.0/33"] },
  cidrv6: { right: ["::/0", "fe80::1/128"], wrong: ["::", "::/129"] },
  ipvanyaddress: { right: ["127.0.0.1", "::1"], wrong: ["127.0.0"] },
  mac: { right: ["00:1A:2b:00:00:00".toLowerCase()], wrong: ["00:1A:2b:00:00:00", "00-1A-2B-00-00-00"] },
  ulid: { right: ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], wrong: ["81ARZ3NDEKTSV4RRFFQ69G5FAV"] },
  e164: { right: ["+14155552671"], wrong: ["14155552671", "+0155552671"] },
  url: {
    right: ["https://user:pw@example.com:8080/a?b#c", "postgres://localhost/db", "mailto:a@b.c"],
    wrong: ["https://", "http:a", "http://:80", "http://a.1"],
  },
};

test.each(Object.entries(KNOWN_TEXTS))("%s, as zod and pydantic know it", (format, { right, wrong }) => {
  const dfa = dfaOf({ matches: [formatRegex(format) as Regex] }, createWork());
  expect([...right, ...wrong].filter((text) => takes(dfa, text))).toEqual(right);
});
