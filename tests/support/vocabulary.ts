// The rules about names and comments, as pure functions over the sources: see the glossary in docs/architecture.md.
import { parse } from "node:path";
import type { Sources } from "./import-rules.ts";

export interface Declaration {
  kind: "type" | "function" | "value" | "file";
  name: string;
  path: string;
  line: number;
}

/** Comments that open so have no subject: a reader has to guess what is spoken of. */
const PRONOUN =
  /^(It|Its|Of|They|Their|Those|These|That|This|Who|Whoever|Whatever|Whichever|Somebody|Nobody|Everybody|Some|None|Neither|Either|Old|He|She|Him|Them)\b/;

const TYPE = /^(?:export )?(?:interface|type|class) ([A-Z]\w*)/gm;
const FUNCTION = /^(?:export )?(?:default )?(?:async )?function\*? (\w+)/gm;
const VALUE = /^export const (\w+)/gm;
const COMMENT = /^([ \t]*)\/\*\*(.*?)\*\/|((?:^[ \t]*\/\/[^\n]*\n)+)/gms;

export function declarationsOf(sources: Sources): Declaration[] {
  return Object.entries(sources).flatMap(([path, text]) => [
    { kind: "file" as const, name: parse(path).name, path, line: 1 },
    ...found("type", TYPE, path, text),
    ...found("function", FUNCTION, path, text),
    ...found("value", VALUE, path, text),
  ]);
}

/** One sentence for each type name that is declared in more than one place. A schema and the type of it are one. */
export function doubledTypes(sources: Sources): string[] {
  const types = declarationsOf(sources).filter(({ kind }) => kind === "type");
  return Object.entries(Object.groupBy(types, ({ name }) => name))
    .filter(([, places]) => places!.length > 1)
    .map(([name, places]) => `${name} is declared in ${places!.map(({ path }) => path).join(" and ")}.`);
}

/** Words that the glossary has given up, with the terms that stand for them: the last and the first column of its table. */
export function retiredBy(glossary: string): Record<string, string> {
  const rows = [...glossary.matchAll(/^\| ([^|]+) \| [^|]+ \| ([a-z, ]+) \|$/gm)].filter(([, , words]) => words !== "not");
  return Object.fromEntries(rows.flatMap(([, term = "", words = ""]) => words.split(", ").map((word) => [word, term])));
}

/** One sentence for each declared name that holds a retired word. */
export function retiredWords(sources: Sources, retired: Record<string, string>): string[] {
  return declarationsOf(sources).flatMap(({ kind, name, path, line }) =>
    wordsOf(name)
      .map((word) => retired[word] ?? retired[word.replace(/e?s$/, "")])
      .filter((term) => term !== undefined)
      .map((term) => `${path}:${line} names a ${kind} "${name}": the term is ${term}.`),
  );
}

/** One sentence for each comment that opens without its subject. Docstrings of one line beside a field may. */
export function commentsWithoutSubject(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, text]) =>
    [...text.matchAll(COMMENT)].flatMap((match) => {
      const docstring = match[2] !== undefined;
      const body = (match[2] ?? match[3] ?? "").replace(/\s*\n\s*(\*|\/\/)?\s*/g, " ").replace(/^[\s/*]+|\s+$/g, "");
      const next =
        text
          .slice(match.index + match[0].length)
          .replace(/^\n+/, "")
          .split("\n", 1)[0] ?? "";
      const besideField = docstring && !match[0].trim().includes("\n") && /^\s+(readonly )?\w+\??[(:<]/.test(next);
      return besideField || !PRONOUN.test(body)
        ? []
        : [`${path}:${lineAt(text, match.index)} opens with a pronoun: "${body.slice(0, 60)}".`];
    }),
  );
}

function found(kind: Declaration["kind"], pattern: RegExp, path: string, text: string): Declaration[] {
  return [...text.matchAll(pattern)].map(({ index, 1: name = "" }) => ({ kind, name, path, line: lineAt(text, index) }));
}

/** The words of `loadBackoff`, `LoadBackoff`, `load-backoff` and `LOAD_BACKOFF`, in lower case. */
function wordsOf(name: string): string[] {
  const words = name.replace(/([a-z\d])([A-Z])/g, "$1 $2").split(/[\s_.-]+/);
  return words.map((word) => word.toLowerCase());
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
