// Plays one case against a server and says what came, in the words of its table.
import { raw } from "../../support/raw.ts";
import { type RawAnswer, readAnswers } from "../../support/raw-answers.ts";
import { get, type RawCase } from "./case.ts";

/** For an answer, in milliseconds; far beyond what one takes. */
const PATIENCE = 10_000;

/** Only an open connection answers it, and no other answer quotes its path. */
const PROBE_PATH = "/v1/is-it-open";

/** `expected` says how many answers are to be waited for before the connection is tried, no more. */
export async function play(url: string, { send, shows, ends }: RawCase, expected: string): Promise<string> {
  const client = await raw(url);
  const to_head = send[0]!.startsWith("HEAD ");
  /** Waits for so many answers, or for the end of the connection. */
  const answered = async (count: number): Promise<void> => {
    const isEnough = (text: string, over: boolean) => over || readAnswers(text, over, to_head).answers.length >= count;
    await client.heard(isEnough, PATIENCE);
  };
  try {
    for (const [before, piece] of send.entries()) {
      await answered(before);
      client.send(Buffer.from(piece, "latin1"));
    }
    if (ends) client.socket.end();
    const due = expected.split(", ").length - 1;
    await answered(due);
    if (!ends) client.send(get(PROBE_PATH));
    await answered(ends ? Infinity : due + 1);
  } catch {
    // Its answers say what came instead.
  }
  let over = false;
  const text = await client.heard((_, closed) => ((over = closed), true));
  client.end();
  const { answers, rest } = readAnswers(text, over, to_head);
  const is_open = answers.at(-1)?.body.includes(PROBE_PATH) ?? false;
  const own = is_open ? answers.slice(0, -1) : answers;
  const state = is_open ? "open" : over ? "closed" : "silent";
  return [...own.map((answer) => inWords(answer, shows)), ...(rest === "" ? [] : [JSON.stringify(rest)]), state].join(", ");
}

function inWords({ status, headers, body }: RawAnswer, shows: string[]): string {
  const shown = shows.filter((name) => headers.has(name)).map((name) => `${name}=${headers.get(name)!.replaceAll(" ", "")}`);
  return [status, codeOf(body), ...shown].filter((word) => word !== undefined).join(" ");
}

/** The code of an error of ingle's own; undefined for another body. */
function codeOf(body: string): string | undefined {
  try {
    return JSON.parse(body).error?.code;
  } catch {
    return undefined;
  }
}
