// A schema with all its places: what its references mean, and by which pointer a client finds a keyword.
import { UnsupportedSchema } from "../unsupported-schema.ts";
import type { JsonSchema, SchemaNode } from "./alternatives.ts";
import { escapePart, isObject, subschemasOf } from "./subschemas.ts";

export interface SchemaDocument {
  root: SchemaNode;
  /** A subschema of a node, by the keywords and indexes that lead to it. */
  child(node: SchemaNode, schema: unknown, keyword: string, ...path: (string | number)[]): SchemaNode;
  /** What `$ref` means there. */
  resolve(node: SchemaNode, reference: string): SchemaNode;
}

/** No scheme that a client's schema has is that of its root. */
const ROOT = "root:/schema";

/** Nodes of all documents are told apart: several may share their rules. */
let lastId = 0;

/** `report`: a place at which something else stands than a schema, which is read as one that permits any value. Throws where the whole is none. */
export function openDocument(
  schema: unknown,
  report: (pointer: string, keyword: string, reason: string) => void,
): SchemaDocument {
  const nodes = new Map<unknown, SchemaNode>();
  const named = new Map<string, SchemaNode>();
  const nodeOf = (schema: JsonSchema, pointer: string, base: string): SchemaNode => {
    const known = nodes.get(schema);
    if (known !== undefined) return known;
    const id = isObject(schema) ? schema["$id"] : undefined;
    const own = typeof id === "string" && !id.startsWith("#") ? absolute(id, base) : base;
    const node = { id: ++lastId, schema, pointer, base: own };
    if (isObject(schema)) {
      nodes.set(schema, node);
      if (own !== base) named.set(own.replace(/#$/, ""), node);
      if (typeof id === "string" && id.startsWith("#")) named.set(`${base}${id}`, node);
      for (const keyword of ["$anchor", "$dynamicAnchor"])
        if (typeof schema[keyword] === "string") named.set(`${own}#${schema[keyword]}`, node);
    }
    return node;
  };
  if (!isSchema(schema)) throw new UnsupportedSchema("", "", WHAT_A_SCHEMA_IS);
  const root = nodeOf(schema, "", ROOT);
  named.set(ROOT, root);
  let are_all_known = false;
  /** A reference may mean any place, and most schemas have none. */
  const findAll = (): void => {
    if (are_all_known) return;
    are_all_known = true;
    const pending = [root];
    while (pending.length > 0) {
      const { schema, pointer, base } = pending.pop()!;
      for (const [path, found] of subschemasOf(schema)) if (isObject(found)) pending.push(nodeOf(found, pointer + path, base));
    }
  };
  const child = (node: SchemaNode, schema: unknown, keyword: string, ...path: (string | number)[]): SchemaNode => {
    const known = nodes.get(schema);
    if (known !== undefined) return known;
    const pointer = node.pointer + [keyword, ...path].map((part) => `/${escapePart(part)}`).join("");
    if (isSchema(schema)) return nodeOf(schema, pointer, node.base);
    if (path.length === 0) report(node.pointer, keyword, WHAT_A_SCHEMA_IS);
    else report(pointer, "", WHAT_A_SCHEMA_IS);
    return nodeOf(true, pointer, node.base);
  };
  const resolve = (node: SchemaNode, reference: string): SchemaNode => {
    const refuse = (reason: string): never => {
      throw new UnsupportedSchema(node.pointer, "$ref", reason);
    };
    findAll();
    const [uri, fragment = ""] = absolute(reference, node.base).split("#", 2);
    const resource = named.get(uri!);
    if (resource === undefined) return refuse(`"${reference}" is not in this schema, and nothing is fetched`);
    if (fragment === "") return resource;
    if (!fragment.startsWith("/")) return named.get(`${uri}#${fragment}`) ?? refuse(`"${reference}" leads nowhere`);
    let at = resource;
    let found: unknown = resource.schema;
    for (const part of fragment.slice(1).split("/").map(unescapePart)) {
      if (typeof found !== "object" || found === null || !Object.hasOwn(found, part))
        return refuse(`"${reference}" leads nowhere`);
      found = (found as Record<string, unknown>)[part];
      const known = nodes.get(found);
      at = known ?? { ...at, pointer: `${at.pointer}/${escapePart(part)}` };
    }
    return isSchema(found) ? nodeOf(found, at.pointer, at.base) : refuse(`"${reference}" leads to no schema`);
  };
  return { root, child, resolve };
}

const WHAT_A_SCHEMA_IS = "a schema is an object, true or false";

const isSchema = (value: unknown): value is JsonSchema => typeof value === "boolean" || isObject(value);

function absolute(reference: string, base: string): string {
  if (reference.startsWith("#")) return `${base.replace(/#.*$/, "")}${reference}`;
  return URL.parse(reference, base)?.href ?? reference;
}

function unescapePart(part: string): string {
  let text = part;
  try {
    text = decodeURIComponent(part);
  } catch {
    // A percent sign that escapes nothing stands for itself.
  }
  return text.replaceAll("~1", "/").replaceAll("~0", "~");
}
