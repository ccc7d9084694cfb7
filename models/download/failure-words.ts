// What a client is told of a failure: its code, and no words of the system that may name paths or addresses.
import { systemCodeOf } from "../system-code.ts";

const CODE = /^[A-Z][A-Z0-9_]+$/;
// A path, an address of IPv4, one of IPv6.
const TELLS_MORE = /[\\/]|\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f]*:/i;

/** The code of a failure, or its words where they name nothing of this machine; else that its log has them. */
export function publicReasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const found = [error, cause].map(systemCodeOf).find((code) => CODE.test(code));
  // Deno gives no code, but a chain of messages in one text; its end says what happened.
  return found ?? publicWords(((cause as Error | undefined)?.message ?? message).split(": ").at(-1)!);
}

export function publicWords(text: string): string {
  return TELLS_MORE.test(text) ? "the server's log says why" : text;
}

/** A failure in the steps of a download: what everybody is told, and the owner. */
export function problemOf({ message, public_message }: { message: string; public_message: string }) {
  return { problem: public_message, ...(message !== public_message && { owner_problem: message }) };
}
