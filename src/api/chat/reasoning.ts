// How much a model is to think: every API has its own name for that, and every chat template its own switch.
import * as v from "valibot";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import type { JsonObject } from "../../support/json.ts";

/** How much a model is to think, in the words of all APIs. */
export const Effort = v.picklist(["none", "minimal", "low", "medium", "high", "xhigh", "max", "default", "auto"]);
type Effort = v.InferOutput<typeof Effort>;

/** The template gets these from the request's own fields. */
const OWN = new Set(["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"]);

const Kwargs = v.pipe(
  v.record(
    v.pipe(
      v.string(),
      v.regex(
        /^[A-Za-z_]\w{0,63}$/,
        codedMessage("invalid_value", `The names in "chat_template_kwargs" have 1 to 64 letters, digits and _.`),
      ),
      v.check(
        (name) => !OWN.has(name),
        codedMessage("invalid_value", `"chat_template_kwargs" cannot replace ${[...OWN].join(", ")}.`),
      ),
    ),
    v.unknown(),
  ),
  v.check(
    (kwargs) => Object.keys(kwargs).length <= 64,
    codedMessage("invalid_value", `"chat_template_kwargs" has more than 64 fields.`),
  ),
);

/** Tokens of thoughts at most: -1 for no limit, 0 for no thoughts. */
const Budget = v.pipe(v.number(), v.integer(), v.minValue(-1));

/** Names of a budget of thoughts. */
const BUDGETS = [
  "reasoning_budget",
  "reasoning_budget_tokens",
  "thinking_budget_tokens",
  "thinking_token_budget",
  "thinking_budget",
] as const;

const Thinking = v.looseObject({
  type: v.picklist(["enabled", "disabled", "adaptive", "auto"]),
  budget_tokens: v.nullish(Budget),
});
const Reasoning = v.looseObject({
  effort: v.nullish(Effort),
  enabled: v.nullish(v.boolean()),
  max_tokens: v.nullish(Budget),
  exclude: v.nullish(v.boolean()),
});

export const Switches = v.object({
  ...v.entriesFromList(BUDGETS, v.nullish(Budget)),
  // llama-server takes no other type of this one.
  chat_template_kwargs: v.nullish(v.intersect([v.looseObject({ enable_thinking: v.nullish(v.boolean()) }), Kwargs])),
  enable_thinking: v.nullish(v.boolean()),
  thinking: v.nullish(Thinking),
  think: v.nullish(v.union([v.boolean(), Effort])),
  reasoning: v.nullish(Reasoning),
  reasoning_effort: v.nullish(Effort),
});
export type Switches = v.InferOutput<typeof Switches>;

/** What one field of a request asks for. */
interface Demand {
  field: string;
  think?: boolean | undefined;
  effort?: Effort | undefined;
}

/** Switches of templates, with the values that turn thinking off and on. Of several the first is enough. */
const TEMPLATE_SWITCHES: [name: string, off: unknown, on: unknown][] = [
  ["enable_thinking", false, true],
  ["thinking", false, true],
  ["reasoning", false, true],
  ["thinking_mode", "disabled", "enabled"],
];

export interface ReadSwitches {
  kwargs: JsonObject;
  /** Fields that the template has no switch for. */
  ignored: string[];
}

/** The values that a template gets. Throws 400 for a limit of thoughts that no engine here can hold. */
export function templateValues(switches: Switches, template: Template): ReadSwitches {
  const demands = demandsOf(switches);
  const given = Object.fromEntries(Object.entries(switches.chat_template_kwargs ?? {}).filter(([, value]) => value !== null));
  const think = demands.find((demand) => demand.think !== undefined)?.think;
  if (think !== false) refuseBounds(switches);
  const effort = think === false ? undefined : demands.find((demand) => demand.effort !== undefined)?.effort;
  const kwargs = { ...thinkingValues(think, template), ...effortValues(effort, template), ...given };
  const unread = Object.keys(given).filter((name) => !template.reads(name) && !(isOff(name, given[name]) && !template.thinks));
  const strays = [
    ...unknownFields("thinking", switches.thinking, Thinking),
    ...unknownFields("reasoning", switches.reasoning, Reasoning),
  ];
  const unmet = demands.filter((demand) => !isMet(demand, kwargs, template));
  return {
    kwargs,
    ignored: [...unmet.map(({ field }) => field), ...strays, ...unread.map((name) => `chat_template_kwargs.${name}`)],
  };
}

/**
 * What is known of a model's template. Where its header was not read yet, it may have any switch; Jan's plain templates have none, and an
 * adapter that brings its own model has no template.
 */
export function templateOf({ template_kwargs, template_thinking = true, settings, files }: Model) {
  const plain = settings.prompt_template !== undefined || files.length === 0;
  const names = plain ? [] : template_kwargs;
  return { thinks: template_thinking && !plain, reads: (name: string): boolean => names?.includes(name) ?? true };
}
type Template = ReturnType<typeof templateOf>;

function demandsOf(switches: Switches): Demand[] {
  const { enable_thinking, thinking, think, reasoning, reasoning_effort } = switches;
  const effortDemand = (field: string, effort: Effort | null | undefined): Demand[] => {
    if (effort == null || effort === "default" || effort === "auto") return [];
    return [effort === "none" ? { field, think: false } : { field, think: true, effort }];
  };
  const thinkDemand = (field: string, think: boolean | null | undefined): Demand[] => (think == null ? [] : [{ field, think }]);
  const type = typeOf(thinking);
  return [
    ...thinkDemand("enable_thinking", enable_thinking),
    ...thinkDemand("thinking", type === "disabled" ? false : type === "enabled" ? true : undefined),
    ...(typeof think === "string" ? effortDemand("think", think) : thinkDemand("think", think)),
    ...thinkDemand("reasoning.enabled", reasoning?.enabled),
    ...effortDemand("reasoning.effort", reasoning?.effort),
    ...effortDemand("reasoning_effort", reasoning_effort),
    ...budgetsOf(switches).flatMap(([field, budget]) => (budget === 0 ? [{ field, think: false }] : [])),
  ];
}

function typeOf(thinking: Switches["thinking"]): string | undefined {
  return thinking?.budget_tokens === 0 ? "disabled" : thinking?.type;
}

/** Each budget that is set, by the path of its field. */
function budgetsOf({ thinking, reasoning, ...switches }: Switches): [field: string, budget: number][] {
  const budgets: [string, number | null | undefined][] = [
    ...BUDGETS.map((name): [string, number | null | undefined] => [name, switches[name]]),
    ["thinking.budget_tokens", typeOf(thinking) === "disabled" ? undefined : thinking?.budget_tokens],
    ["reasoning.max_tokens", reasoning?.max_tokens],
  ];
  return budgets.filter((named): named is [string, number] => named[1] != null && named[1] !== -1);
}

function thinkingValues(think: boolean | undefined, { reads }: Template): JsonObject {
  const found = think === undefined ? undefined : TEMPLATE_SWITCHES.find(([name]) => reads(name));
  return found === undefined ? {} : { [found[0]]: think ? found[2] : found[1] };
}

function effortValues(effort: Effort | undefined, { reads }: Template): JsonObject {
  return effort !== undefined && reads("reasoning_effort") ? { reasoning_effort: effort } : {};
}

/** A model without thoughts need not be told to have none; one that always has them need not be told to have some. */
function isMet({ think, effort }: Demand, kwargs: JsonObject, { thinks }: Template): boolean {
  if (effort !== undefined && kwargs.reasoning_effort !== effort) return false;
  if (think === undefined) return true;
  const found = TEMPLATE_SWITCHES.find(([name]) => name in kwargs);
  if (found === undefined) return effort !== undefined || think === thinks;
  return kwargs[found[0]] === (think ? found[2] : found[1]);
}

function unknownFields(name: string, value: object | null | undefined, { entries }: { entries: object }): string[] {
  const given = Object.entries(value ?? {}).filter(([key, field]) => field !== null && !(key in entries));
  return given.map(([key]) => `${name}.${key}`);
}

function isOff(name: string, value: unknown): boolean {
  return TEMPLATE_SWITCHES.some(([known, off]) => known === name && off === value);
}

function refuseBounds(switches: Switches): void {
  const hidden = switches.reasoning?.exclude === true ? ["reasoning.exclude"] : [];
  const [bound] = [...budgetsOf(switches).map(([field]) => field), ...hidden];
  if (bound !== undefined) throw invalidValue(`"${bound}" cannot be honoured. Leave it out.`, bound, "unsupported_parameter");
}
