// The parameters of a chat request that OpenAI, llama.cpp, vLLM and others know, and what becomes of each.
import {
  entries,
  mappedEntries,
  optionalEntries,
  type ParameterList,
  respelledEntries,
} from "../../generation/parameters/known.ts";
import { HONOURED, MAPPED, OPTIONAL, RESPELLED } from "../../generation/parameters/honoured.ts";
import { PASSED_OVER } from "../../generation/parameters/passed-over.ts";
import { REFUSED } from "../../generation/parameters/refused.ts";
import { CHAT_HONOURED, CHAT_OPTIONAL, CHAT_RESPELLED, SWITCHES, THOUGHTS } from "./honoured.ts";
import { CHAT_REFUSED } from "./refused.ts";

export const PARAMETERS: ParameterList = new Map([
  ...entries(CHAT_HONOURED, { type: "honoured" }),
  ...entries(HONOURED, { type: "honoured" }),
  ...optionalEntries(CHAT_OPTIONAL),
  ...optionalEntries(OPTIONAL),
  ...mappedEntries(MAPPED),
  ...respelledEntries(CHAT_RESPELLED),
  ...respelledEntries(RESPELLED),
  ...entries(SWITCHES, { type: "switch" }),
  ...entries(THOUGHTS, { type: "thoughts" }),
  ...entries(PASSED_OVER, { type: "passed over" }),
  ...entries(CHAT_REFUSED, { type: "refused" }),
  ...entries(REFUSED, { type: "refused" }),
]);
