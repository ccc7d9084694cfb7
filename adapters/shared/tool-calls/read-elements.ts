// Arguments as elements in elements: MiniMax M3's, each tag behind a mark.
import { propertySchema, schemaKinds } from "./schema-kinds.ts";
import { isObject } from "./schema-kinds.ts";
import { peekOneOf, type TextReading, takeOneOf, takeUntil, type TextSource } from "./text-source.ts";
import { typedValue } from "./typed-value.ts";

/** The name of the elements of a list. */
export const ITEM = "item";

export function* readElements(source: TextSource, mark: string, next: readonly string[], root: unknown): TextReading {
  yield* readMembers(source, mark, next, root, root);
}

function* readMembers(source: TextSource, mark: string, ends: readonly string[], schema: unknown, root: unknown): TextReading {
  yield "{";
  for (let separator = ""; (yield* peekOneOf(source, [`${mark}<`, ...ends])) === `${mark}<`; separator = ",") {
    source.at += mark.length + 1;
    const { text: key } = yield* takeUntil(source, [">"]);
    yield `${separator}${JSON.stringify(key)}:`;
    yield* readElement(source, mark, key, propertySchema(schema, key, root), root);
  }
  yield "}";
}

/** The content of an element and its end. */
function* readElement(source: TextSource, mark: string, tag: string, schema: unknown, root: unknown): TextReading {
  const end = `${mark}</${tag}>`;
  const kinds = schemaKinds(schema, root);
  const nested = (yield* peekOneOf(source, [end, `${mark}<`])) === `${mark}<`;
  const list = nested ? (yield* peekOneOf(source, [`${mark}<${ITEM}>`])) !== "" && kinds.has("array") : isList(kinds);
  if (list) yield* readItems(source, mark, end, schema, root);
  else if (nested || isMap(kinds)) yield* readMembers(source, mark, [end], schema, root);
  else {
    const { text } = yield* takeUntil(source, [end]);
    yield typedValue(text, kinds, schema);
    return;
  }
  yield* takeOneOf(source, [end]);
}

function* readItems(source: TextSource, mark: string, end: string, schema: unknown, root: unknown): TextReading {
  const begin = `${mark}<${ITEM}>`;
  yield "[";
  for (let separator = ""; (yield* peekOneOf(source, [begin, end])) === begin; separator = ",") {
    source.at += begin.length;
    yield separator;
    yield* readElement(source, mark, ITEM, isObject(schema) ? schema.items : undefined, root);
  }
  yield "]";
}

const isList = (kinds: ReadonlySet<string>): boolean => kinds.size === 1 && kinds.has("array");
const isMap = (kinds: ReadonlySet<string>): boolean => kinds.size === 1 && kinds.has("object");
