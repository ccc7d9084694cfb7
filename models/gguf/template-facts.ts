// What the source of a chat template shows without being run.
import { promptForm } from "./prompt-form.ts";

export interface TemplateSourceFacts {
  /** Templates read tools from a variable of this name; a template without it drops the tools of a request. */
  template_tools: boolean;
  /** Variables that it reads before it sets them: what `chat_template_kwargs` of a request may give. */
  template_kwargs: string[];
  /** Whether answers may hold thoughts between markers that the template knows. */
  template_thinking: boolean;
  /** What it makes of a system message and a question, in the form of `settings.prompt_template`; absent where it is of no known family. */
  template_prompt?: string;
}

export function templateFacts(source: string): TemplateSourceFacts {
  const template_prompt = promptForm(source);
  return {
    template_tools: /\btools\b/.test(source),
    template_kwargs: freeVariables(source),
    template_thinking: THINKING.test(source),
    ...(template_prompt !== undefined && { template_prompt }),
  };
}

/** What templates of models that think write: markers, channels, fields of messages, switches. */
const THINKING = /think|reason|<\|channel\|>|<\|?thought|\bcot\b|<\|inner_/i;

// A template is a stranger's text: what is kept of it in a record is bounded.
const MOST_NAMES = 100;
const LONGEST_NAME = 64;

const CLOSERS = new Map([
  ["#", "#}"],
  ["%", "%}"],
  ["{", "}}"],
]);
/** A text without its end goes to the end of the tag, so that no search for an end is made twice. */
const TEXT = /"(?:[^"\\]|\\[^]?)*(?:"|$)|'(?:[^'\\]|\\[^]?)*(?:'|$)/g;
/** A name that is no attribute, no filter and no argument's, where a space stands for all white space: a look back has one length then. */
const NAME = /(?<![\w.|]|\| |\bis |\bis not )[A-Za-z_]\w*(?!\w| ?=(?!=))/g;
const SETS = /^ ?(?:set|for) /;
const VALUE = /=|\bin\b/;
const MACRO = /^ ?(?:macro|call)\b([^]*)/;

/** Names of the language, of its functions, and of what every render is given. */
const GIVEN = new Set(
  (
    "if elif else endif for endfor in set endset macro endmacro call endcall filter endfilter break continue generation endgeneration " +
    "is not and or true false none True False None loop namespace range dict raise_exception strftime_now cycler joiner " +
    "messages tools add_generation_prompt bos_token eos_token"
  ).split(" "),
);

function freeVariables(source: string): string[] {
  const free = new Set<string>();
  const set = new Set<string>(GIVEN);
  for (const code of codeOf(source)) {
    const tag = code.replace(TEXT, '""').replace(/\s+/g, " ");
    const [target_text, expression] = splitTag(tag);
    const targets = target_text.match(/[A-Za-z_]\w*/g) ?? [];
    // What a tag sets is read by its other part first: `set x = x if x is defined else 1`.
    for (const [name] of expression.matchAll(NAME)) if (!set.has(name) && name.length <= LONGEST_NAME) free.add(name);
    for (const target of targets) set.add(target);
    if (free.size >= MOST_NAMES) break;
  }
  return [...free].slice(0, MOST_NAMES).sort();
}

/** What a tag sets, and what it reads. A search for each part, not one expression: that would take the cube of the time of a row of spaces. */
function splitTag(tag: string): [targets: string, expression: string] {
  const macro = MACRO.exec(tag)?.[1];
  if (macro !== undefined) return [macro, ""];
  const begun = SETS.exec(tag)?.[0].length;
  const value = begun === undefined ? null : VALUE.exec(tag.slice(begun));
  if (begun === undefined || value === null) return ["", tag];
  const targets = tag.slice(begun, begun + value.index);
  return /[^\w\s,]/.test(targets) ? ["", tag] : [targets, tag.slice(begun + value.index + value[0].length)];
}

/** The code in the tags of a template. A search for each closer, not one expression: that would take the square of the time of open tags. */
function* codeOf(source: string): Generator<string> {
  for (let open = source.indexOf("{"); open >= 0;) {
    const opener = source[open + 1] ?? "";
    const closer = CLOSERS.get(opener);
    const end = closer === undefined ? open : source.indexOf(closer, open + 2);
    if (end < 0) return;
    if (closer !== undefined && opener !== "#") yield source.slice(open + 2, end).replace(/^-|-$/g, "");
    open = source.indexOf("{", closer === undefined ? open + 1 : end + 2);
  }
}
