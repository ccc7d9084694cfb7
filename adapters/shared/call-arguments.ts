// The arguments of a call in a conversation, which some model wrote: small ones write what is no JSON object, and gateways write nothing.
import type { TemplateForms } from "../prompts.ts";

/** The name under which a template finds arguments that are no JSON object. */
const RAW = "raw";

/**
 * The arguments as a template takes them: as an object, as many templates write a text as a text within a text. What is no JSON object is
 * what the model said, and a conversation that it spoilt goes on.
 */
export function argumentsValue(
  written: string,
  {
    object_arguments,
    text_arguments,
    flat_arguments,
  }: Pick<TemplateForms, "object_arguments" | "text_arguments" | "flat_arguments">,
): string | Record<string, unknown> {
  const object = written.trim() === "" ? {} : parseObject(written);
  if (object === undefined) return text_arguments ? written : { [RAW]: written };
  if (!object_arguments && text_arguments) return written;
  return flat_arguments ? Object.fromEntries(Object.entries(object).map(([key, value]) => [key, flatValue(value)])) : object;
}

/** Where a template writes texts and numbers alone, the others are texts of JSON. */
const flatValue = (value: unknown): unknown => (typeof value === "object" ? JSON.stringify(value) : value);

function parseObject(written: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(written);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
