// Parameters of any generated text that only some engines honour.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import { SAMPLERS } from "../../../adapters/samplers.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isFilled } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { FormatParameters, readFormat } from "./answer-format.ts";
import { object, record, withExample } from "../objects.ts";

/** One prompt is read for all of them. */
const MOST_CHOICES = 8;

const TokenId = v.pipe(
  v.string(),
  v.regex(/^\d{1,10}$/, ({ input }) =>
    codedMessage("invalid_value", `"logit_bias" has the key ${quote(input)}. Its keys are ids of tokens, such as "42".`),
  ),
);
const Bias = v.pipe(v.number(), v.minValue(-100), v.maxValue(100));

/** llama.cpp's form of a bias: false is never, as -100 is. */
const BiasPairs = v.pipe(
  withExample(v.array(v.tuple([v.pipe(v.number(), v.safeInteger(), v.minValue(0)), v.union([Bias, v.literal(false)])])), [
    [42, -100],
  ]),
  v.transform((pairs) => Object.fromEntries(pairs.map(([id, bias]) => [String(id), bias === false ? -100 : bias]))),
);

export const OPTIONAL_FIELDS = {
  ...FormatParameters,
  n: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(MOST_CHOICES))),
  logit_bias: v.nullish(v.union([BiasPairs, withExample(record(TokenId, Bias), { 42: -100 })])),
  ...v.partial(object(SAMPLERS)).entries,
};

const Fields = object(OPTIONAL_FIELDS);
type OptionalFields = v.InferOutput<typeof Fields>;

/** Throws as `readFormat`. */
export function readOptional(
  fields: OptionalFields,
  tools: Pick<ChatRequest, "tools" | "tool_choice">,
  capabilities: readonly Capability[],
): Pick<ChatRequest, "response_format" | "grammar" | "logit_bias" | "samplers" | "choices"> {
  const { logit_bias, n } = fields;
  const samplers = Object.fromEntries(Object.entries(fields).filter(([name]) => name in SAMPLERS));
  return {
    ...readFormat(fields, tools, capabilities),
    ...(logit_bias && { logit_bias }),
    ...(isFilled(samplers) && { samplers }),
    ...(n != null && n > 1 && { choices: { count: n, at_once: 1 } }),
  };
}
