// The arguments of a call in a conversation, which some model wrote: small ones write what is no JSON object, and gateways write nothing.

/** The name under which a template finds arguments that are no JSON object. */
const RAW = "raw";

/** The arguments as an object, which is what templates take. */
export function argumentsObject(written: string): Record<string, unknown> {
  if (written.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(written);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // The text itself is what the model said: a conversation that it spoilt goes on.
  }
  return { [RAW]: written };
}
