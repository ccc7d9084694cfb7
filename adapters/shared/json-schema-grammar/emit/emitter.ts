// What all rules of values have in common.
import type { Rules } from "../rules/rules.ts";
import type { Goal } from "../schema/alternatives.ts";
import type { SchemaReader } from "../schema/alternatives-of.ts";
import type { CommonRules } from "./common-rules.ts";

export interface Emitter {
  rules: Rules;
  reader: SchemaReader;
  common: CommonRules;
  /** Where a schema names properties and says nothing of others, no other one is written: models invent them without an end. */
  named_only: boolean;
  /** The rule of a value that fits the goal; its alternatives are written later. */
  value(goal: Goal): number;
}
