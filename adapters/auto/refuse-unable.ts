// Requests that were admitted when another adapter was to answer.
import { AdapterError, CAPABILITIES, type Capability, type ChatRequest, type Engine } from "../adapter.ts";
import type { CompletionRequest } from "../completion.ts";

/** The engine, which refuses what is beyond its capabilities: no request is answered in part. */
export function refusingUnable(engine: Engine, capabilities: readonly Capability[]): Engine {
  const { complete } = engine;
  const refuse = (request: AnyRequest): void => {
    for (const [needed, param] of needsOf(request)) {
      if (capabilities.includes(needed)) continue;
      const message = `"${param}" is not supported by this model's engine. Leave it out.`;
      throw new AdapterError("request_unsupported", message, { param });
    }
  };
  return {
    ...engine,
    chat(request, signal) {
      refuse(request);
      return engine.chat(request, signal);
    },
    ...(complete && {
      complete(request, signal) {
        refuse(request);
        return complete(request, signal);
      },
    }),
  };
}

type AnyRequest = Partial<ChatRequest & CompletionRequest>;

/** The capabilities that a request needs, each with the path of the field that does. */
function* needsOf(request: AnyRequest): Generator<[Capability, string]> {
  for (const [index, { content }] of (request.messages ?? []).entries())
    if (typeof content !== "string") yield ["images", `messages[${index}].content`];
  for (const name of CAPABILITIES) {
    if (name === "patterns" && isPattern(request)) yield [name, "response_format"];
    if (name === "prompt_logprobs" && request.score_prompt) yield [name, "echo"];
    // Every other capability has the name of the field that needs it.
    if (NAMED_OTHERWISE.includes(name) || request[name as keyof AnyRequest] === undefined) continue;
    if (name === "samplers") for (const sampler of Object.keys(request.samplers!)) yield [name, sampler];
    else yield [name, name === "choices" ? "n" : name];
  }
}

const NAMED_OTHERWISE: readonly Capability[] = ["images", "patterns", "decisions", "prompt_logprobs"];

function isPattern({ response_format }: AnyRequest): boolean {
  return response_format?.type === "regex" || response_format?.type === "choice";
}
