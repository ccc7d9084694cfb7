// The headers that every answer carries, refusals included.
import { getPath } from "hono/utils/url";
import type { Asked, Check, Marks } from "./check.ts";
import { letRead } from "./origin.ts";

/** What is guarded. */
export type Handler = (request: Request, marks: Marks) => Response | Promise<Response>;

/** What it becomes: a fetch function. `socket` is what the `Marks` have of that name. */
export type Guarded = (request: Request, socket?: unknown) => Response | Promise<Response>;

/**
 * Lets a request pass `check`, and gives its answer an `x-request-id` and the headers that keep browsers from guessing, embedding or
 * storing it. Around the application instead of a middleware in it: one of these makes a promise of every answer and costs as much
 * as all checks together. `onThrown` answers for what is no refusal.
 */
export function answerHeaders(
  newId: () => string,
  check: Check,
  handler: Handler,
  onThrown: (thrown: unknown, asked: Asked, marks: Marks) => Response,
): Guarded {
  return (request, socket) => {
    const asked = askedOf(request);
    // The size guard sets the limits before anybody reads.
    const marks = { request_id: newId(), socket } as Marks;
    let answer: Response | Promise<Response>;
    try {
      answer = check(asked, marks) ?? (asked.req.method === "HEAD" ? headOf(handler, request, marks) : handler(request, marks));
    } catch (thrown) {
      answer = onThrown(thrown, asked, marks);
    }
    if (!(answer instanceof Promise)) return finished(answer, marks);
    return answer.catch((thrown) => onThrown(thrown, asked, marks)).then((answer) => finished(answer, marks));
  };
}

/** Hono would drop the body of the GET that answers a HEAD, and a stream would never learn of it. */
async function headOf(handler: Handler, { url, headers, signal }: Request, marks: Marks): Promise<Response> {
  marks.head = true;
  const answer = await handler(new Request(url, { headers, signal }), marks);
  await answer.body?.cancel();
  return new Response(null, answer);
}

function askedOf(raw: Request): Asked {
  const { headers, method } = raw;
  return { req: { raw, method, path: getPath(raw), header: (name) => headers.get(name) ?? undefined } };
}

function finished(answer: Response, marks: Marks): Response {
  const { headers } = answer;
  headers.set("x-request-id", marks.request_id);
  headers.set("x-content-type-options", "nosniff");
  headers.set("cross-origin-resource-policy", "same-origin");
  headers.set("cache-control", "no-store");
  letRead(marks.reader, headers);
  return answer;
}
