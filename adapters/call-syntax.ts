// How a model writes calls of tools into its answer, as data: found by rendering its template, or ours where the template knows no calls.

/**
 * The calls of an answer are `open`, then `call` once or, with `between` in between, several times, then `close`. All texts are as they are
 * generated, white space included.
 */
export interface CallSyntax {
  /** Begin the calls of an answer. Each is a beginning of `open` and the first part of `call`; never empty. */
  triggers: readonly CallTrigger[];
  open: string;
  call: readonly CallPart[];
  between: string;
  close: string;
  /** One answer may have several calls. */
  parallel: boolean;
  /**
   * What the template takes for an id: nine letters and digits (Mistral), the function's name and a number (Kimi K2), or anything, of which
   * OpenAI's are the best known.
   */
  ids: "call_" | "nine" | "functions";
  arguments: ArgumentSyntax;
  /** Names of special tokens within the texts above: what is read must have them. */
  special_tokens: readonly string[];
  /** The prompt has the definitions of the tools by the template; where not, they have to stand in a message. */
  lists_tools: boolean;
}

export interface CallTrigger {
  text: string;
  /** It begins calls at the beginning of an answer alone, white space aside: elsewhere it is no more than text. */
  at_start: boolean;
}

/** A text; one of several texts, of which the first is what the template writes; or a value. `number`: one that counts calls. */
export type CallPart = string | { one_of: readonly string[] } | { part: "name" | "id" | "number" | "arguments" };

export type ArgumentSyntax =
  /** One JSON object. */
  | { style: "json" }
  | EntrySyntax
  /** Gemma 4's objects: keys without quotes, and around texts a token that quotes them. */
  | { style: "bare"; quote: string }
  /** MiniMax M3's elements: each value between tags of its key, those of lists between tags `item`; `mark` stands before each tag. */
  | { style: "elements"; mark: string };

/** An entry for each argument: `key_begin`, the key, `value_begin`, the value, `value_end`. */
export interface EntrySyntax {
  style: "entries";
  /** In front of the first entry. */
  begin: string;
  between: string;
  /** Behind the last entry. */
  end: string;
  /** What stands for arguments without an entry. */
  none: string;
  key_begin: string;
  /** By the kind of the value, which some write into the entry. */
  value_begin: Readonly<Record<ValueKind, string>>;
  value_end: string;
  /**
   * Texts as they are; as they are but for those with `<`, `&` or a new line, which are CDATA; or in quotes, as Python has them. Values of
   * other kinds are JSON, or as Python writes them.
   */
  strings: "raw" | "cdata" | "python";
  others: "json" | "python";
}

export type ValueKind = "string" | "number" | "boolean" | "null" | "array" | "object";
