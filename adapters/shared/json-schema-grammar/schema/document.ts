// A schema with all its places: what its references mean, and by which pointer a client finds a keyword.
import { UnsupportedSchema } from "../unsupported-schema.ts";
import type { JsonSchema, SchemaNode } from "./alternatives.ts";
import { escapePart, isObject, subschemasOf } from "./subschemas.ts";

export interface SchemaDocument {
  root: SchemaNode;
  /** A subschema of a node, by the keywords and indexes that lead to it. */
  child(node: SchemaNode, schema: unknown, ...path: (string | number)[]): SchemaNode;
  /** What `$ref` means there. */
  resolve(node: SchemaNode, reference: string): SchemaNode;
}

/** No scheme that a client's schema has is that of its root. */
const ROOT = "root:/schema";

/** Nodes of all documents are told apart: several may share their rules. */
let lastId = 0;

export function openDocument(schema: unknown): SchemaDocument {
  const nodes = new Map<unknown, SchemaNode>();
  const named = new Map<string, SchemaNode>();
  const nodeOf = (schema: unknown, pointer: string, base: string): SchemaNode => {
    const known = nodes.get(schema);
    if (known !== undefined) return known;
    if (typeof schema !== "boolean" && !isObject(schema))
      throw new UnsupportedSchema(pointer, "", "a schema is an object, true or false");
    const id = isObject(schema) ? schema["$id"] : undefined;
    const own = typeof id === "string" && !id.startsWith("#") ? absolute(id, base) : base;
    const node = { id: ++lastId, schema: schema as JsonSchema, pointer, base: own };
    if (isObject(schema)) {
      nodes.set(schema, node);
      if (own !== base) named.set(own.replace(/#$/, ""), node);
      if (typeof id === "string" && id.startsWith("#")) named.set(`${base}${id}`, node);
      for (const keyword of ["$anchor", "$dynamicAnchor"])
        if (typeof schema[keyword] === "string") named.set(`${own}#${schema[keyword]}`, node);
    }
    return node;
  };
  const root = nodeOf(schema, "", ROOT);
  named.set(ROOT, root);
  const pending = [root];
  while (pending.length > 0) {
    const { schema, pointer, base } = pending.pop()!;
    for (const [path, found] of subschemasOf(schema)) {
      if (!isObject(found) || nodes.has(found)) continue;
      pending.push(nodeOf(found, pointer + path, base));
    }
  }
  const child = (node: SchemaNode, schema: unknown, ...path: (string | number)[]): SchemaNode =>
    nodeOf(schema, node.pointer + path.map((part) => `/${escapePart(part)}`).join(""), node.base);
  const resolve = (node: SchemaNode, reference: string): SchemaNode => {
    const refuse = (reason: string): never => {
      throw new UnsupportedSchema(node.pointer, "$ref", reason);
    };
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
    return nodeOf(found, at.pointer, at.base);
  };
  return { root, child, resolve };
}

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
