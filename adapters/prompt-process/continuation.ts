// The prompt of an answer that goes on with the last message of its request: it ends where the text of that message ends. Templates end a
// message with a mark of their own, and many trim its text, so marks stand for the texts while the template renders.
import { randomUUID } from "node:crypto";
import { AdapterError, type ChatMessage } from "../adapter.ts";
import type { PromptRequest, TemplateForms } from "../prompts.ts";
import { textOf } from "../shared/message-text.ts";
import { messagesRefused } from "./errors.ts";
import { type ChangeText, templateValues } from "./messages.ts";
import type { Render } from "./template.ts";

/** `last`: the last of the messages. Throws `AdapterError` as `render` does. */
export function renderContinuation(
  request: PromptRequest,
  last: ChatMessage,
  render: Render,
  forms: TemplateForms,
  change: ChangeText,
): string {
  const text = change(textOf(last.content));
  const thoughts = change(last.reasoning_content ?? "");
  const earlier = request.messages.slice(0, -1);
  const renderOpening = (): string => render(templateValues({ ...request, messages: earlier }, forms, change));
  const opening = attempt(renderOpening);
  if (text === "" && thoughts === "" && opening !== undefined) return opening;

  const written = writtenBeginning(request, last, render, forms, change);
  const begun = written?.between === undefined ? openedBeginning(opening, written) : written;
  // The template refuses the earlier messages, and does not show what the assistant said.
  if (begun === undefined) return renderOpening();
  const { before, between } = begun;
  // Thoughts that are not given are over: a template that writes their marks writes them around nothing.
  if (text !== "") return between === undefined ? before + text : before + thoughts + between + text;
  if (between !== undefined) return before + thoughts;
  // As in a message of earlier, which a template without thoughts writes without them.
  if (request.continue_final_message !== true && opening !== undefined) return opening;
  throw messagesRefused("it shows no thoughts, so these cannot go on");
}

interface Beginning {
  /** What comes before the thoughts, or before the text where the template shows none. */
  before: string;
  /** What is between thoughts and text. */
  between?: string;
}

/** As the template writes the message. Undefined where it does not show the text. */
function writtenBeginning(
  request: PromptRequest,
  last: ChatMessage,
  render: Render,
  forms: TemplateForms,
  change: ChangeText,
): Beginning | undefined {
  const [text_mark, thoughts_mark] = [randomUUID(), randomUUID()];
  const renderMarked = (thoughts: Pick<ChatMessage, "reasoning_content">): string => {
    const { reasoning_content: _, ...message } = last;
    const messages = [...request.messages.slice(0, -1), { ...message, content: text_mark, ...thoughts }];
    return render({ ...templateValues({ ...request, messages }, forms, change), generation_prompt: false });
  };
  const rendered = attempt(() => renderMarked({ reasoning_content: thoughts_mark })) ?? renderMarked({});
  const at = rendered.lastIndexOf(text_mark);
  if (at < 0) return undefined;
  const [before, between] = splitAtLast(rendered.slice(0, at), thoughts_mark);
  return between === undefined ? { before } : { before, between };
}

function splitAtLast(text: string, mark: string): [string, string?] {
  const at = text.lastIndexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

/**
 * As the template begins an answer, where it writes no thoughts for a message: thoughts that it opens are over. A message that begins in
 * another way was written as one of an earlier time, when other messages looked different, too.
 */
function openedBeginning(opening: string | undefined, written: Beginning | undefined): Beginning | undefined {
  if (opening === undefined) return written;
  const [before, name] = OPEN_THOUGHTS.exec(opening) ?? [];
  if (before !== undefined) return { before, between: `</${name}>` };
  return written?.before.startsWith(opening) ? written : { before: opening };
}

const OPEN_THOUGHTS = /^[^]*<([\w:]*think\w*)>(?=\s*$)/;

/** Undefined where the template refuses the messages, or breaks at them. */
function attempt(render: () => string): string | undefined {
  try {
    return render();
  } catch (error) {
    if (error instanceof AdapterError) return undefined;
    throw error;
  }
}
