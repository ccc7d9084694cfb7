import { describe, expect, test } from "bun:test";
import type { AdapterError } from "../../adapters/adapter.ts";
import { checkGrammar } from "../../adapters/shared/grammar-limits/check-grammar.ts";

/** Undefined where the grammar is let through. */
function ofGrammar(grammar: string, vocab_size = 288): Pick<AdapterError, "code" | "param" | "message"> | undefined {
  try {
    checkGrammar(grammar, vocab_size);
    return undefined;
  } catch (error) {
    const { code, param, message } = error as AdapterError;
    return { code, param, message };
  }
}

const times = (count: number, line: (i: number) => string, between = " "): string =>
  Array.from({ length: count }, (_, i) => line(i)).join(between);
const twice = (count: number, line: (i: number) => string): string =>
  `root ::= a0\na${count} ::= "x"\n${times(count, line, "\n")}`;

/** As programs write the grammar of a JSON object with so many fields. */
const record = (fields: number): string =>
  `root ::= "{" ${times(fields, (i) => `p${i}`, ` "," `)} "}"\n` +
  `${times(fields, (i) => `p${i} ::= "\\"key${i}\\":" ws (string | number)`, "\n")}\n` +
  `ws ::= [ \\t\\n]{0,10}\nstring ::= "\\"" [^"]{0,50} "\\""\nnumber ::= [0-9]+`;

describe("a grammar that costs too much is refused before a process is asked", () => {
  const COSTLY: Record<string, [grammar: string, reason: string]> = {
    "a maximum below its minimum": [`root ::= "a"{5,2}`, "maximum is below its minimum"],
    "a maximum below its minimum, of a group": [`root ::= ("a" | "b"){ 5 , 0 }`, "maximum is below its minimum"],
    "deep groups": [`root ::= ${"(".repeat(30_000)} "a" ${")".repeat(30_000)}`, "64 deep"],
    "rules that double": [twice(20, (i) => `a${i} ::= a${i + 1} a${i + 1} | a${i + 1}`), "too many ways"],
    "rules that double behind different ends": [twice(22, (i) => `a${i} ::= a${i + 1} "x" | a${i + 1} "y"`), "too many ways"],
    "optional parts in a row": [`root ::= ${times(500, () => `("a"?)`)}`, "too many ways"],
    "a count of optional parts": [`root ::= ("a"?){1000}`, "too many ways"],
    "a count of what may be empty": [`root ::= x{0,2000}\nx ::= "a"?`, "too many ways"],
    "counts within counts": [`root ::= (("a"{0,50}){0,50}){0,50}`, "too many ways"],
    "empty alternatives": [`root ::= ${times(40, () => "( | )")} "a"`, "too many ways"],
    "readings that double with each character": [`root ::= x\nx ::= "a" x "b" | "a" x "c" | "d"`, "too many ways"],
    "a rule that goes on in two optional ways": [`root ::= s\ns ::= [a-y ] s? s?`, "too many ways"],
    "repetitions of the same in a row": [`root ::= ${times(30, () => `[a-y ]*`)} "!"`, "too many ways"],
    "alternatives that take the same": [`root ::= ([a-y ] | [a-x ] | [a-w ])*`, "too many ways"],
    "alternatives that take the same gaps": [`root ::= ([a-y ] | [a-x ])*`, "too many ways"],
    "readings that grow with the text": [`root ::= s\ns ::= [a-y ] s s | [a-y ]`, "too many ways"],
    "the same behind a long text": [`root ::= "${"ab".repeat(500)}" x\nx ::= "a" x "b" | "a" x "c" | "d"`, "too many ways"],
    "the same behind a choice": [`root ::= [a-c]+ "!" | "d" x\nx ::= "a" x "b" | "a" x "c" | "d"`, "too many ways"],
    "thousands of alternatives": [`root ::= ${times(5_000, (i) => `"item${i}"`, " | ")}`, "too many ways"],
    "the same behind rules that take all the time of the check": [
      `${record(1_000)}\nhidden ::= "q" x\nx ::= "a" x "b" | "a" x "c" | "d"\n`.replace('"}"', 'hidden? "}"'),
      "too many rules to be checked",
    ],
    "a count that llama.cpp would take for none": [`root ::= "a"{0,2001}`, "more than 2000 times"],
    "counts that are long when written out": [`root ::= ${times(90, () => `"abc"{2000}`)}`, "more than 100000"],
    "too many rules": [`root ::= ${times(6_001, () => `("x")`)}`, "more than 6000 rules"],
    "a rule that begins with itself": [`root ::= root "a" | "b"`, "begins with itself"],
    "a rule that begins with itself behind an empty one": [`root ::= e root "a" | "b"\ne ::= "x"?`, "begins with itself"],
    "a repetition of what may be empty": [`root ::= ("a"?)*`, "begins with itself"],
    "a class that ends before it begins": [`root ::= [z-a]`, "ends before it begins"],
    "a class of thousands": [`root ::= [${times(20_000, () => "a-z", "")}]+`, "a class has 20000 characters and ranges"],
    "a class of thousands behind a long text": [
      `root ::= "${"ab".repeat(500)}" [^${times(17_000, () => "あ", "")}]`,
      "a class has 17000 characters and ranges",
    ],
    "alternatives of long classes": [
      `root ::= (${times(40, (i) => `[${times(500, () => "b-y", "")}] "${i}"`, " | ")})*`,
      "too many ways",
    ],
    "a class of nothing": [`root ::= []`, "no characters"],
    "a NUL character": [`root ::= "a"\0 "b"`, "NUL"],
    "a rule that is not there": [`root ::= other`, `"other" is used and not defined`],
    "a token that the model has not": [`root ::= "a" <[288]>`, "the token 288, which the model has not"],
    "no root": [`other ::= "a"`, `no rule is called "root"`],
    "no grammar": [`{"type": "object"}`, "not a rule in line 1"],
  };
  for (const [name, [grammar, reason]] of Object.entries(COSTLY)) {
    test(name, () => {
      expect(ofGrammar(grammar)).toEqual({ code: "request_refused", param: "grammar", message: expect.stringContaining(reason) });
    });
  }

  const USUAL: Record<string, string> = {
    "yes or no": `root ::= "yes" | "no"`,
    "a list of words": `root ::= ("- " [a-zA-Z ]{1,80} "\\n"){1,10}`,
    "a choice of a thousand": `root ::= ${times(1_000, (i) => `"item${i}"`, " | ")}`,
    arithmetic: `root ::= (expr "=" ws term "\\n")+ # lines\nexpr ::= term ([-+*/] term)*\nterm ::= num | "(" ws expr ")" ws\nnum ::= [0-9]+ ws\nws ::= [ \\t\\n]*`,
    JSON: String.raw`root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
    string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}`,
    "words of some kinds": `root ::= (word [ ,]+)* word [.!?]\nword ::= [a-z]+ | [A-Z] [a-z]* | [0-9]+ | [a-zA-Z]+ "'" [a-z]+`,
    "words with a gap that may be left out": `root ::= ([a-z]+ " "?)+ "."`,
    "five gaps": `root ::= ${times(5, () => `[a-z ]*`, ` "," `)} [a-z ]* [a-z ]* [a-z ]* "."`,
    "a record of 150 fields": record(150),
    "a token by its number": `root ::= "a" !<[287]>`,
    "a token of the vocabulary": `root ::= <think> [^<]* </think> .+`,
    "thirty optional words": `root ::= ${times(30, (i) => `("word${i} ")?`)}`,
  };
  for (const [name, grammar] of Object.entries(USUAL)) {
    test(`and not: ${name}`, () => expect(ofGrammar(grammar)).toBeUndefined());
  }
});

test("the larger the vocabulary, the fewer ways there may be", () => {
  const choice = (count: number): string => `root ::= ${times(count, (i) => `"item${i}"`, " | ")}`;
  const large = 262_144;
  expect(ofGrammar(choice(900))).toBeUndefined();
  expect(ofGrammar(choice(900), large)).toMatchObject({ code: "request_refused" });
  // As many as there are countries.
  expect(ofGrammar(choice(249), large)).toBeUndefined();
});
