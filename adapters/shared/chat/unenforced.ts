// What an engine of shared/chat passes over of a request, found before its model is loaded.
import type { ChatRequest } from "../../adapter.ts";
import { textConstraint } from "./text-constraint.ts";

/** The paths of keywords that are not enforced. Throws `AdapterError` `unsupported_schema`. */
export function unenforcedKeywords(request: ChatRequest): readonly string[] {
  return textConstraint(request)?.passed_over ?? [];
}
