// A long conversation with the real model over HTTP.
export interface Said {
  role: "user" | "assistant";
  content: string;
}

/** About 1,480 tokens; two of different numbers differ from their first word on. */
export function longQuestion(number: number): Said {
  const lines = Array.from(
    { length: 47 },
    (_, i) => `Line ${i}: the ${number + i} ships of king ${number} sail on the river at dawn, and all is well.`,
  );
  return { role: "user", content: `${number} is the number of this report.\n${lines.join("\n")}\nWhat does it tell of?` };
}

export interface Answered {
  text: string;
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  /** Milliseconds to the first token. */
  first_ms: number;
}

/** One streamed answer; nothing of `more` is there unless said, so that the turn may reuse what it finds. `key`: where one is needed. */
export async function answerTo(url: string, messages: Said[], more: object = {}, key = "none"): Promise<Answered> {
  const started = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages, max_tokens: 48, stream: true, stream_options: { include_usage: true }, ...more }),
  });
  if (!response.ok) throw new Error(await response.text());
  let first_ms = 0;
  let all = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    all += text;
    // The role comes with the first sign of life: a prompt that is being read.
    if (first_ms === 0 && /"content":"[^"]/.test(all)) first_ms = performance.now() - started;
  }
  const chunks = all.match(/(?<=^data: )\{.*/gm)!.map((line) => JSON.parse(line));
  const failed = chunks.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new Error(JSON.stringify(failed));
  const { usage } = chunks.findLast(({ usage }) => usage !== null && usage !== undefined);
  return {
    text: chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""),
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    cached_tokens: usage.prompt_tokens_details.cached_tokens,
    first_ms,
  };
}
