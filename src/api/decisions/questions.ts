// The questions of a request for decisions: what the model is asked, and the texts with which it may answer.
import * as v from "valibot";
import type { ChatMessage, ContentPart, WeighedQuestion } from "../../../adapters/adapter.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { quote } from "../../support/quote.ts";
import { joinTexts, UserContent } from "./parts.ts";
import { object, variant, withExample } from "../objects.ts";

const MOST_ANSWERS = 255;
/** In characters. */
const LONGEST_ANSWER = 1024;

const Description = v.nullish(v.string());
const Answer = v.pipe(v.string(), v.maxLength(LONGEST_ANSWER));
const Choice = object({ value: v.union([Answer, v.boolean()]), description: Description });
const Level = object({ label: Answer, description: Description });

const unique = <Entry>(what: string, valueOf: (entry: Entry) => unknown) =>
  v.check(
    (entries: Entry[]) => new Set(entries.map(valueOf)).size === entries.length,
    ({ input }) => {
      const values = input.map(valueOf);
      const twice = values.find((value, index) => values.indexOf(value) < index);
      return codedMessage("invalid_value", `The ${what} ${quote(twice)} is given twice. Each must be another one.`);
    },
  );

const Asked = { name: v.nullish(v.string()), instructions: UserContent };

const Question = withExample(
  variant("type", [
    object({ type: v.literal("predicate"), ...Asked }),
    object({
      type: v.literal("choice"),
      ...Asked,
      choices: v.pipe(
        v.array(Choice),
        v.minLength(2),
        v.maxLength(MOST_ANSWERS),
        unique("choice", ({ value }) => value),
      ),
    }),
    object({
      type: v.literal("score"),
      ...Asked,
      levels: v.pipe(
        v.array(Level),
        v.minLength(2),
        v.maxLength(MOST_ANSWERS),
        unique("level", ({ label }) => label),
      ),
    }),
  ]),
  { type: "predicate", instructions: "Is this a complaint?" },
);
export type Question = v.InferOutput<typeof Question>;

export const Questions = v.pipe(v.array(Question), v.minLength(1), v.maxLength(400));

/** What the model is asked behind the input, and what it may say, in the order of the choices or levels; of a predicate, that it holds, then that not. */
export function weighedQuestion(question: Question): WeighedQuestion {
  if (question.type === "predicate") return { content: instructionsWith(question, PREDICATE), answers: ["Yes", "No"] };
  // As JSON no text is the beginning of another one, and a truth value is no text.
  if (question.type === "choice") {
    const answers = question.choices.map(({ value }) => JSON.stringify(value));
    return { content: instructionsWith(question, `${CHOICE}\n${listed(answers, question.choices)}`), answers };
  }
  const answers = question.levels.map(({ label }) => JSON.stringify(label));
  return { content: instructionsWith(question, `${SCORE}\n${listed(answers, question.levels)}`), answers };
}

const PREDICATE = "Is that so, by all that stands above? Answer with Yes or No alone.";
const CHOICE = "Choose by all that stands above. Answer with one of these values alone, written as it is here:";
const SCORE =
  "Rate all that stands above. Answer with one of these levels alone, from the lowest to the highest, written as it is here:";

function listed(answers: readonly string[], entries: readonly { description?: string | null | undefined }[]): string {
  return answers
    .map((answer, index) => `- ${answer}${entries[index]!.description ? `: ${entries[index]!.description}` : ""}`)
    .join("\n");
}

function instructionsWith({ instructions }: Question, how: string): ChatMessage["content"] {
  const parts: ContentPart[] = typeof instructions === "string" ? [{ type: "text", text: instructions }] : instructions;
  return joinTexts([...parts, { type: "text", text: `\n${how}` }]);
}
