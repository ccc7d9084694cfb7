// What llama-server cannot honour beside images. It takes a prompt with images as one text, whose special tokens it parses, and never as tokens:
// the phases of an answer with tools, and the grammars of ours, go on behind tokens.
import { AdapterError, type ChatRequest } from "../adapter.ts";
import { hasImages } from "../shared/message-text.ts";

const BESIDE_IMAGES = ["tools", "response_format", "grammar", "n"] as const;

/** Throws `AdapterError` `request_unsupported` with the name of the field. */
export function refuseBesideImages(request: ChatRequest): void {
  if (!hasImages(request)) return;
  const { tools, tool_choice, response_format, grammar, choices } = request;
  const asked = { tools: tool_choice === "none" ? undefined : tools, response_format, grammar, n: choices };
  for (const param of BESIDE_IMAGES) {
    if (asked[param] === undefined) continue;
    const message = `This engine cannot honour "${param}" together with images. Send them in two requests.`;
    throw new AdapterError("request_unsupported", message, { param });
  }
}
