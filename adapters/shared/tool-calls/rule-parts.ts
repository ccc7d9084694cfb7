// Parts of rules in GBNF.
import { literal } from "../json-schema-grammar/rules/rules.ts";

/** A text as a part of a rule; empty where it is. */
export const textPart = (text: string): string => (text === "" ? "" : literal(text));

/** Parts one after the other. */
export const sequence = (...parts: string[]): string => parts.filter((part) => part !== "").join(" ") || '""';

export const choice = (alternatives: readonly string[]): string => [...new Set(alternatives)].join(" | ");
