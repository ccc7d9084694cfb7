// Twenty schemas as pydantic, zod and instructor write them, each with a question that it answers.

export interface StructuredCase {
  name: string;
  question: string;
  schema: Record<string, unknown>;
}

const text = { type: "string", maxLength: 40 };
const object = (properties: Record<string, unknown>, more: object = {}): Record<string, unknown> => ({
  ...{ type: "object", properties, required: Object.keys(properties), additionalProperties: false },
  ...more,
});
const pydantic = (title: string, properties: Record<string, object>, more: object = {}): Record<string, unknown> => ({
  properties: Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, { title: name[0]!.toUpperCase() + name.slice(1), ...schema }]),
  ),
  ...{ required: Object.keys(properties), title, type: "object" },
  ...more,
});
const zod = (schema: Record<string, unknown>) => ({ ...schema, $schema: "http://json-schema.org/draft-07/schema#" });
const nullable = (schema: object) => ({ anyOf: [schema, { type: "null" }] });

const ADDRESS = pydantic("Address", { street: text, city: text });
const NODE = {
  ...{ type: "object", required: ["name"], additionalProperties: false },
  properties: { name: text, children: { type: "array", items: { $ref: "#/$defs/Node" }, maxItems: 2 } },
};

const SCHEMAS: [question: string, schema: Record<string, unknown>][] = [
  ["Who is Ada Lovelace?", pydantic("Person", { name: text, age: { type: "integer", minimum: 0, maximum: 150 } })],
  [
    "Where does Bob live?",
    pydantic("User", { name: text, address: { $ref: "#/$defs/Address" } }, { $defs: { Address: ADDRESS } }),
  ],
  ["Is the sky blue?", pydantic("Verdict", { answer: { type: "boolean" }, reason: nullable(text) })],
  ["Name some fruits.", pydantic("Fruits", { fruits: { type: "array", items: text, minItems: 1, maxItems: 4 } })],
  ["Classify: I love it!", pydantic("Label", { label: { enum: ["positive", "negative", "neutral"], type: "string" } })],
  ["Rate the film.", pydantic("Rating", { score: { type: "number", minimum: 0, maximum: 5 }, text })],
  ["When did it happen?", pydantic("Event", { day: { type: "string", format: "date" }, title: text })],
  [
    "Give me an id.",
    pydantic("Row", { id: { type: "string", format: "uuid" }, count: { type: "integer", exclusiveMinimum: 0 } }),
  ],
  ["Write the tree.", { $ref: "#/$defs/Node", $defs: { Node: NODE } }],
  [
    "A shape, please.",
    {
      $defs: {
        Circle: pydantic("Circle", { kind: { const: "circle", type: "string" }, radius: { type: "number" } }),
        Square: pydantic("Square", { kind: { const: "square", type: "string" }, side: { type: "number" } }),
      },
      ...pydantic("Shape", { shape: { oneOf: [{ $ref: "#/$defs/Circle" }, { $ref: "#/$defs/Square" }] } }),
    },
  ],
  [
    "Weather in Paris?",
    zod(object({ city: text, celsius: { type: "number" }, wind: { type: "string", enum: ["weak", "strong"] } })),
  ],
  [
    "Plan the day.",
    zod(
      object({
        steps: { type: "array", items: object({ at: { type: "string", pattern: "^\\d{2}:\\d{2}$" }, what: text }), maxItems: 3 },
      }),
    ),
  ],
  [
    "Contact of Eve?",
    zod(object({ email: { type: "string", format: "email" }, phone: nullable({ type: "string", pattern: "^\\+?\\d{3,12}$" }) })),
  ],
  [
    "A pair of numbers.",
    zod(
      object({ pair: { type: "array", items: [{ type: "integer" }, { type: "integer" }], additionalItems: false, minItems: 2 } }),
    ),
  ],
  ["Colour?", zod(object({ hex: { type: "string", pattern: "^#[0-9a-f]{6}$" } }))],
  [
    "Options?",
    zod({
      type: "object",
      properties: { debug: { type: "boolean" }, level: { type: "integer", minimum: 1, maximum: 3 } },
      additionalProperties: false,
    }),
  ],
  [
    "Extract the facts.",
    object(
      { facts: { type: "array", items: object({ subject: text, is: text }), minItems: 1, maxItems: 2 } },
      { title: "Facts", description: "Correctly extracted facts." },
    ),
  ],
  [
    "Which tool?",
    object({ tool: { anyOf: [object({ name: { const: "search" }, query: text }), object({ name: { const: "stop" } })] } }),
  ],
  ["Translate: cat.", object({ de: text, fr: text, sure: { type: "number", minimum: 0, maximum: 1 } })],
  [
    "Count.",
    object({
      counts: {
        type: "object",
        additionalProperties: { type: "integer" },
        propertyNames: { pattern: "^[a-z]{1,6}$" },
        maxProperties: 3,
      },
    }),
  ],
];

export const CASES: readonly StructuredCase[] = SCHEMAS.map(([question, schema], index) => ({
  name: `${index + 1}. ${String(schema["title"] ?? question)}`,
  ...{ question, schema },
}));
