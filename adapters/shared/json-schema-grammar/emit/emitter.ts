// What all rules of values have in common.
import type { Rules } from "../rules/rules.ts";
import type { Goal } from "../schema/alternatives.ts";
import type { SchemaReader } from "../schema/alternatives-of.ts";
import type { CommonRules } from "./common-rules.ts";

export interface Emitter {
  rules: Rules;
  reader: SchemaReader;
  common: CommonRules;
  /** The rule of a value that fits the goal; its alternatives are written later. */
  value(goal: Goal): number;
}
