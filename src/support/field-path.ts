// The path of a field in a request, as errors name it.

/** Such as `messages[0].role`; at most 200 characters. */
export function formatPath(keys: readonly unknown[]): string {
  return keys.reduce<string>(appendKey, "").slice(0, 200);
}

function appendKey(path: string, key: unknown): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? String(key) : `${path}.${String(key)}`;
}
