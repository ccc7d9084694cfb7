// The grammar of the calls of an answer.
import { LRUCache } from "lru-cache";
import type { ChatRequest, Tool } from "../../adapter.ts";
import type { CallPart, CallSyntax } from "../../call-syntax.ts";
import { argumentGrammars, tooLong } from "./argument-grammars.ts";
import { endsOf, headsOf, isValue, textsOf } from "./call-parts.ts";
import { choice, sequence, textPart } from "./rule-parts.ts";
import { nameRules } from "./name-rules.ts";

export interface CallGrammarOptions extends Pick<ChatRequest, "tool_choice" | "parallel_tool_calls"> {
  /** The trigger behind which the calls go on; empty: their own beginning, and white space before it. */
  behind: string;
}

export interface CallGrammar {
  /** Lines of GBNF, whose names begin with `call-` and `v-`: short ones, as many tools have many rules. */
  rules: string;
  /** The name of the rule of all calls. */
  root: string;
  /** The paths of keywords that are not enforced. */
  passed_over: readonly string[];
}

const LONGEST = 1024 * 1024;

/** What the tools make of the grammar, which takes the time: what stands around them differs from phase to phase. */
interface ToolRules extends Pick<CallGrammar, "passed_over"> {
  /** By tool: what follows its name. */
  calls: { name: string; rest: string }[];
  rules: string;
}

/** Agents send the same tools with each request. In characters. */
const KNOWN = new LRUCache<string, ToolRules>({
  maxSize: 16 * LONGEST,
  sizeCalculation: ({ rules }, key) => rules.length + key.length,
});

/**
 * What may be generated behind the trigger, to the end of the answer. With a tool that is named, and without parallel calls, it is one call.
 * Throws `AdapterError` `unsupported_schema`, and `request_refused` where the grammar is too long.
 */
export function callGrammar(syntax: CallSyntax, tools: readonly Tool[], options: CallGrammarOptions): CallGrammar {
  const { tool_choice, parallel_tool_calls = true, behind } = options;
  const named = typeof tool_choice === "object" ? tool_choice.name : undefined;
  const { calls, rules: argument_rules, passed_over } = toolRules(syntax, tools, named);
  const [more, last] = endsOf(syntax);
  const single = named !== undefined || !parallel_tool_calls || more.length === 0;
  const [, ...parts] = syntax.call;
  const before = parts.slice(
    0,
    parts.findIndex((part) => isValue(part) && part.part === "name"),
  );
  const rules = [
    `call-all ::= ${sequence("call-begin", "call-one", ...(single ? [] : ["call-more*"]), textPart(last))}`,
    `call-begin ::= ${choice(beginnings(syntax, behind))}`,
    ...(single ? [] : [`call-more ::= ${sequence(`(${choice(more.map((text) => textPart(text) || '""'))})`, "call-one")}`]),
    `call-one ::= ${sequence(...before.map((part) => partOf(part)), "call-name")}`,
    ...nameRules("call-name", calls),
    `call-id ::= ${syntax.ids === "nine" ? `${ID}`.repeat(9).replaceAll("][", "] [") : `${ID}{1,40}`}`,
    "call-number ::= [0-9]{1,4}",
    argument_rules,
  ].join("\n");
  if (rules.length > LONGEST) throw tooLong();
  return { rules, root: "call-all", passed_over };
}

/** `named`: the one tool that may be called. */
function toolRules(syntax: CallSyntax, tools: readonly Tool[], named: string | undefined): ToolRules {
  const key = JSON.stringify([syntax, tools, named]);
  const made = KNOWN.get(key) ?? makeToolRules(syntax, tools, named);
  KNOWN.set(key, made);
  return made;
}

function makeToolRules(syntax: CallSyntax, tools: readonly Tool[], named: string | undefined): ToolRules {
  const callable = [...tools.entries()].filter(([, tool]) => named === undefined || tool.function.name === named);
  const { rules, roots, passed_over } = argumentGrammars(syntax, callable);
  const calls = callable.map(
    (
      [
        ,
        {
          function: { name },
        },
      ],
      at,
    ) => ({ name, rest: behindName(syntax, name, roots[at]!) }),
  );
  return { calls, rules, passed_over };
}

const ID = "[A-Za-z0-9]";

/** What may follow a trigger, up to the second part of a call. */
function beginnings(syntax: CallSyntax, behind: string): string[] {
  const heads = headsOf(syntax).map((head) => (syntax.open + head).trimStart());
  if (behind === "") return heads.map((head) => sequence("[ \\n]{0,2}", textPart(head)));
  const begun = heads.filter((head) => head.startsWith(behind.trimStart()));
  return begun.map((head) => textPart(head.slice(behind.trimStart().length)) || '""');
}

function behindName(syntax: CallSyntax, name: string, given: string): string {
  const at = syntax.call.findIndex((part) => isValue(part) && part.part === "name");
  return sequence(...syntax.call.slice(at + 1).map((part) => partOf(part, name, given)));
}

function partOf(part: CallPart, name = "", given = ""): string {
  if (!isValue(part)) {
    const texts = textsOf(part);
    return texts.length === 1 ? textPart(texts[0]!) : `(${choice(texts.map((text) => textPart(text) || '""'))})`;
  }
  if (part.part === "name") return textPart(name);
  return part.part === "arguments" ? given : `call-${part.part}`;
}
