// Texts of each format, drawn from its automaton: what a grammar writes, the validators of clients take.
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, test } from "bun:test";
import { formatRegex } from "../../adapters/shared/json-schema-grammar/formats.ts";
import type { Dfa } from "../../adapters/shared/json-schema-grammar/regex/automaton.ts";
import { dfaOf } from "../../adapters/shared/json-schema-grammar/regex/dfa.ts";
import type { Regex } from "../../adapters/shared/json-schema-grammar/regex/regex.ts";
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

test.each(FORMATS)("%s", (format) => {
  const dfa = dfaOf({ matches: [formatRegex(format) as Regex] }, createWork());
  const validate = ajv.compile({ type: "string", format });
  const dice = createDice(1);
  const texts = Array.from({ length: TEXTS }, () => drawText(dfa, dice)).filter((text) => text !== undefined);
  expect(texts.length).toBeGreaterThan(TEXTS / 2);
  expect(texts.filter((text) => !validate(text))).toEqual([]);
});
