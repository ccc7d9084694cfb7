// How much a model is to think: every API has its own name for that, and every chat template its own switch.
import * as v from "valibot";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import type { JsonObject } from "../../support/json.ts";
import { agreedBudget, Budget, budgetOf, BUDGETS, budgetsOf, Effort } from "./reasoning-budget.ts";
import { looseObject, object, record } from "../objects.ts";

/** The template gets these from the request's own fields. */
const OWN = new Set(["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"]);

const Kwargs = v.pipe(
  record(
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

const Thinking = looseObject({
  type: v.picklist(["enabled", "disabled", "adaptive", "auto"]),
  budget_tokens: v.nullish(Budget),
});
const Reasoning = looseObject({
  effort: v.nullish(Effort),
  enabled: v.nullish(v.boolean()),
  max_tokens: v.nullish(Budget),
  exclude: v.nullish(v.boolean()),
});

export const Switches = object({
  ...v.entriesFromList(BUDGETS, v.nullish(Budget)),
  // llama-server takes no other type of this one.
  chat_template_kwargs: v.nullish(v.intersect([looseObject({ enable_thinking: v.nullish(v.boolean()) }), Kwargs])),
  enable_thinking: v.nullish(v.boolean()),
  thinking: v.nullish(Thinking),
  think: v.nullish(v.union([v.boolean(), Effort])),
  reasoning: v.nullish(Reasoning),
  reasoning_effort: v.nullish(Effort),
  include_reasoning: v.nullish(v.boolean()),
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
  /** Tokens of thoughts at most; absent: no bound but the answer's. */
  reasoning_budget?: number;
  /** Fields that the model's thoughts cannot follow. */
  ignored: string[];
}

/** What the template gets, and how long the model may think. `max_tokens`: of the answer. Throws 400 for budgets that differ. */
export function readSwitches(switches: Switches, template: Template, max_tokens: number): ReadSwitches {
  const budgets = budgetsOf(switches);
  const budget = agreedBudget(budgets);
  const demands = demandsOf(switches, budgets);
  const given = Object.fromEntries(Object.entries(switches.chat_template_kwargs ?? {}).filter(([, value]) => value !== null));
  const think = turnedBy(given, template) ?? demands.find((demand) => demand.think !== undefined)?.think;
  const first = demands.find((demand) => demand.effort !== undefined)?.effort;
  const effort = think === false || "reasoning_effort" in given ? undefined : first;
  const kwargs = { ...thinkingValues(think, template), ...effortValues(effort, template), ...given };
  const bound = think === false ? 0 : (budget ?? (effort && budgetOf(effort, max_tokens)));
  const unread = Object.keys(given).filter((name) => !template.reads(name) && !(isOff(name, given[name]) && !template.thinks));
  const strays = [
    ...unknownFields("thinking", switches.thinking, Thinking),
    ...unknownFields("reasoning", switches.reasoning, Reasoning),
  ];
  const counted = { think, effort: effort ?? given.reasoning_effort };
  const unmet = demands.filter((demand) => !isMet(demand, counted, template));
  return {
    kwargs,
    ...(bound !== undefined && template.thinks && { reasoning_budget: bound }),
    ignored: [...unmet.map(({ field }) => field), ...strays, ...unread.map((name) => `chat_template_kwargs.${name}`)],
  };
}

/** Whether the thoughts of an answer stay with the server. Throws 400 where two fields differ. */
export function hidesThoughts({ reasoning, include_reasoning }: Switches): boolean {
  const [hidden, shown] = [reasoning?.exclude, include_reasoning];
  if (hidden != null && hidden === shown) {
    const message = `"include_reasoning" and "reasoning.exclude" say different things. Send one of them.`;
    throw invalidValue(message, "include_reasoning");
  }
  return hidden === true || shown === false;
}

/**
 * What is known of a model's template. Where its header was not read yet, it may have any switch; Jan's plain templates have none, and an
 * adapter that brings its own model has no template.
 */
export function templateOf({ template_kwargs, template_abilities, template_thinking = true, settings, files }: Model) {
  const plain = settings.prompt_template !== undefined || files.length === 0;
  const names = plain ? [] : template_kwargs;
  const thinks = template_abilities?.reasoning ?? template_thinking;
  return { thinks: thinks && !plain, reads: (name: string): boolean => names?.includes(name) ?? true };
}
type Template = ReturnType<typeof templateOf>;

/** In the order in which they count. */
function demandsOf(switches: Switches, budgets: [field: string, budget: number][]): Demand[] {
  const { enable_thinking, thinking, think, reasoning, reasoning_effort } = switches;
  const effortDemand = (field: string, effort: Effort | null | undefined): Demand[] => {
    if (effort == null || effort === "default" || effort === "auto") return [];
    return [effort === "none" ? { field, think: false } : { field, think: true, effort }];
  };
  const thinkDemand = (field: string, think: boolean | null | undefined): Demand[] => (think == null ? [] : [{ field, think }]);
  const type = thinking?.budget_tokens === 0 ? "disabled" : thinking?.type;
  return [
    ...budgets.flatMap(([field, budget]) => (budget === 0 ? [{ field, think: false }] : [])),
    ...thinkDemand("enable_thinking", enable_thinking),
    ...thinkDemand("thinking", type === "disabled" ? false : type === "enabled" ? true : undefined),
    ...(typeof think === "string" ? effortDemand("think", think) : thinkDemand("think", think)),
    ...thinkDemand("reasoning.enabled", reasoning?.enabled),
    ...effortDemand("reasoning.effort", reasoning?.effort),
    ...effortDemand("reasoning_effort", reasoning_effort),
  ];
}

/** Whether a value for the template's own switch turns thinking on or off. */
function turnedBy(given: JsonObject, { reads }: Template): boolean | undefined {
  const [name, off, on] = TEMPLATE_SWITCHES.find(([name]) => name in given && reads(name)) ?? [];
  if (name === undefined) return undefined;
  return given[name] === on ? true : given[name] === off ? false : undefined;
}

function thinkingValues(think: boolean | undefined, { reads }: Template): JsonObject {
  const found = think === undefined ? undefined : TEMPLATE_SWITCHES.find(([name]) => reads(name));
  return found === undefined ? {} : { [found[0]]: think ? found[2] : found[1] };
}

function effortValues(effort: Effort | undefined, { reads }: Template): JsonObject {
  return effort !== undefined && reads("reasoning_effort") ? { reasoning_effort: effort } : {};
}

/** Thoughts that a template cannot turn off are ended at once, and those that it cannot bound end later: each demand that counts is met. */
function isMet(
  { think, effort }: Demand,
  counted: { think: boolean | undefined; effort: unknown },
  { thinks }: Template,
): boolean {
  if (!thinks) return think === false;
  return think === counted.think && (effort === undefined || effort === counted.effort);
}

function unknownFields(name: string, value: object | null | undefined, { entries }: { entries: object }): string[] {
  const given = Object.entries(value ?? {}).filter(([key, field]) => field !== null && !(key in entries));
  return given.map(([key]) => `${name}.${key}`);
}

function isOff(name: string, value: unknown): boolean {
  return TEMPLATE_SWITCHES.some(([known, off]) => known === name && off === value);
}
