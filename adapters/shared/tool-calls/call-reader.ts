// Calls in the text of an answer, as it comes: pieces of calls out of pieces of text.
import { randomUUID } from "node:crypto";
import type { ChatEvent, Tool } from "../../adapter.ts";
import type { CallSyntax } from "../../call-syntax.ts";
import { behindArguments, endsOf, headsOf, isValue, textsOf } from "./call-parts.ts";
import { ANY_VALUE, expectedValue } from "./expected-value.ts";
import { readArguments } from "./read-arguments.ts";
import { SyntaxMismatch, takeAll, takeOneOf, type TextSource } from "./text-source.ts";

export type CallPiece = Extract<ChatEvent, { type: "tool_call" }>;

export interface CallReader {
  /** A further piece of the text, whose first one begins with a trigger of the syntax, white space aside. */
  read(text: string): CallPiece[];
  /**
   * Nothing more comes. `rest`: text that is no call: all of it where it ended before the name of a call, and what stands behind the calls. A
   * call that began behind others, and whose name has not come, is nothing.
   */
  end(): { pieces: CallPiece[]; rest: string };
}

/** `tools`: those that may be called; undefined where any name is one of them. `newId`: an id of the syntax's kind. */
export function createCallReader(
  syntax: CallSyntax,
  tools: readonly Tool[] | undefined,
  newId: () => string = () => idOf(syntax.ids),
): CallReader {
  const source: TextSource = { text: "", at: 0, ended: false };
  const reading = readCalls({ source, syntax, tools, newId });
  let [named, done, mismatched, all] = [false, false, false, ""];

  const run = (): CallPiece[] => {
    const pieces: CallPiece[] = [];
    try {
      while (!done) {
        const step = reading.next();
        done = step.done ?? false;
        if (step.value === undefined) break;
        pieces.push(step.value);
      }
    } catch (error) {
      if (!(error instanceof SyntaxMismatch)) throw error;
      [done, mismatched] = [true, true];
    }
    named ||= pieces.length > 0;
    return pieces;
  };

  return {
    read(text) {
      if (!named) all += text;
      source.text = source.text.slice(source.at) + text;
      source.at = 0;
      return run();
    },
    end() {
      source.ended = true;
      const pieces = run();
      if (!named) return { pieces, rest: all };
      return { pieces, rest: mismatched ? "" : source.text.slice(source.at) };
    },
  };
}

type CallReading = Generator<CallPiece | undefined, void, void>;

interface CallContext {
  source: TextSource;
  syntax: CallSyntax;
  tools: readonly Tool[] | undefined;
  newId: () => string;
}

function* readCalls(context: CallContext): CallReading {
  const { source, syntax } = context;
  yield* takeAll(source, /\s/);
  yield* takeOneOf(
    source,
    headsOf(syntax).map((head) => (syntax.open + head).trimStart()),
  );
  for (let index = 0, [more, last] = endsOf(syntax); ; index++) {
    yield* readCall(context, index);
    if (more.includes(yield* takeOneOf(source, [...more, last]))) continue;
    const rest = last + source.text.slice(source.at);
    if (more.some((begin) => begin.startsWith(rest))) source.at = source.text.length;
    return;
  }
}

/** A call behind the first of its parts. */
function* readCall({ source, syntax, tools, newId }: CallContext, index: number): CallReading {
  let [name, id] = ["", ""];
  const [, ...parts] = syntax.call;
  for (const part of parts) {
    if (!isValue(part)) yield* takeOneOf(source, textsOf(part));
    else if (part.part === "name") name = yield* takeAll(source, NAME);
    else if (part.part === "id") id = yield* takeAll(source, NAME);
    else if (part.part === "number") {
      const number = yield* takeAll(source, /\d/);
      if (syntax.ids === "functions") id = `functions.${name}:${number}`;
    } else {
      const tool = tools?.find((one) => one.function.name === name);
      if (tools !== undefined && tool === undefined) throw new SyntaxMismatch();
      yield { type: "tool_call", index, id: id === "" ? newId() : id, name, arguments: "" };
      const expected = tool?.function.parameters === undefined ? ANY_VALUE : expectedValue(tool.function.parameters);
      for (const text of readArguments(source, syntax.arguments, behindArguments(syntax), expected)) {
        yield text === undefined ? undefined : { type: "tool_call", index, arguments: text };
      }
    }
  }
}

/** Characters of names and of ids. */
const NAME = /[\w.-]/;

function idOf(kind: CallSyntax["ids"]): string {
  const random = randomUUID().replaceAll("-", "");
  return kind === "nine" ? random.slice(0, 9) : `call_${random.slice(0, 24)}`;
}
