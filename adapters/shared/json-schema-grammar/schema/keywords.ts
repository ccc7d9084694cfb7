// Which keywords are read, and which say nothing about values.

/** Keywords that `read-keywords.ts` and `alternatives-of.ts` read. */
export const READ = new Set(
  (
    "type enum const nullable minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format " +
    "prefixItems items additionalItems minItems maxItems uniqueItems contains minContains maxContains unevaluatedItems " +
    "properties patternProperties additionalProperties propertyNames required minProperties maxProperties unevaluatedProperties " +
    "dependentRequired dependentSchemas dependencies $ref allOf anyOf oneOf not if then else"
  ).split(" "),
);

/** Names of places, and what is for people or for other programs. */
export const SAYS_NOTHING = new Set(
  (
    "$schema $id $anchor $defs definitions $comment $vocabulary $dynamicAnchor $recursiveAnchor title description default example examples " +
    "deprecated readOnly writeOnly contentMediaType contentEncoding contentSchema discriminator xml externalDocs propertyOrdering"
  ).split(" "),
);

export const isExtension = (keyword: string): boolean => keyword.startsWith("x-");
