// How values are written in notations that are not JSON.
import type { ArgumentSyntax } from "../../call-syntax.ts";
import { textPart } from "./rule-parts.ts";
import type { Members } from "./member-rules.ts";
import { ITEM } from "./read-elements.ts";
import { isObject } from "./schema-kinds.ts";

export interface LooseNotation {
  /** Around a text; empty where it is as it stands. */
  text_begin: string;
  /** What no text may hold. */
  text_end: string;
  /** Members come in the order of their names. */
  sorted: boolean;
  /** A member may have a name that the schema does not have. */
  further: boolean;
  object: Omit<Members, "members" | "further">;
  /** Parts of a rule around the value of a member. */
  member(key: string): { before: string[]; behind: string[] };
  list: { begin: string; between: string; end: string; before: string[]; behind: string[] };
  write(value: unknown): string;
}

export function notationOf(form: Extract<ArgumentSyntax, { style: "bare" | "elements" }>): LooseNotation {
  return form.style === "bare" ? bareNotation(form.quote) : elementNotation(form.mark);
}

function bareNotation(quote: string): LooseNotation {
  const write = (value: unknown): string => {
    if (typeof value === "string") return `${quote}${value}${quote}`;
    if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
    if (!isObject(value)) return String(value);
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}:${write(item)}`)
      .join(",")}}`;
  };
  return {
    ...{ text_begin: quote, text_end: quote, sorted: true, further: true, write },
    object: { begin: "{", between: ",", end: "}", none: "{}" },
    member: (key) => ({ before: [textPart(`${key}:`)], behind: [] }),
    list: { begin: "[", between: ",", end: "]", before: [], behind: [] },
  };
}

function elementNotation(mark: string): LooseNotation {
  const element = (tag: string, content: string): string => `${mark}<${tag}>${content}${mark}</${tag}>`;
  const write = (value: unknown): string => {
    if (Array.isArray(value)) return value.map((item) => element(ITEM, write(item))).join("");
    if (!isObject(value)) return String(value);
    return Object.entries(value)
      .map(([key, item]) => element(key, write(item)))
      .join("");
  };
  const around = (tag: string) => ({ before: [textPart(`${mark}<${tag}>`)], behind: [textPart(`${mark}</${tag}>`)] });
  return {
    // A name stands at both ends of an element, which no rule can compare.
    ...{ text_begin: "", text_end: mark, sorted: false, further: false, write },
    object: { begin: "", between: "", end: "", none: "" },
    member: around,
    list: { begin: "", between: "", end: "", ...around(ITEM) },
  };
}
