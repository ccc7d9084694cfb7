// Requests that were admitted when another adapter was to answer.
import { AdapterError, CAPABILITIES, type Capability, type ChatRequest, type Engine } from "../adapter.ts";

/** The engine, which refuses what is beyond its capabilities: no request is answered in part. */
export function refusingUnable(engine: Engine, capabilities: readonly Capability[]): Engine {
  const { complete } = engine;
  const refuse = (request: Partial<ChatRequest>): void => {
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

/** The capabilities that a request needs, each with the path of the field that does. */
function* needsOf(request: Partial<ChatRequest>): Generator<[Capability, string]> {
  for (const [index, { content }] of (request.messages ?? []).entries())
    if (typeof content !== "string") yield ["images", `messages[${index}].content`];
  for (const name of CAPABILITIES) {
    if (name === "patterns" && isPattern(request)) yield [name, "response_format"];
    // Every other capability has the name of the field that needs it.
    if (name === "images" || name === "patterns" || name === "decisions" || request[name] === undefined) continue;
    if (name === "samplers") for (const sampler of Object.keys(request.samplers!)) yield [name, sampler];
    else yield [name, name === "choices" ? "n" : name];
  }
}

function isPattern({ response_format }: Partial<ChatRequest>): boolean {
  return response_format?.type === "regex" || response_format?.type === "choice";
}
