// When an answer is over whose text comes after its head.

/** `left`: its reader went before. `broken`: an error ended it. */
export type ResponseEnd = "sent" | "left" | "broken";

const ends = new WeakMap<Response, Promise<ResponseEnd>>();

/** To be called with an answer that has only begun when its handler is done. */
export function noteResponseEnd(response: Response, end: Promise<ResponseEnd>): void {
  ends.set(response, end);
}

/** Undefined for an answer that was whole when its handler was done. */
export function responseEndOf(response: Response): Promise<ResponseEnd> | undefined {
  return ends.get(response);
}
