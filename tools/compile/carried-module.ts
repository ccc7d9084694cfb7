// The module that takes the place of src/executable/carried.ts in an executable.
import { carriedSource } from "../../adapters/llama-server/build/llama-cpp-source.ts";
import type { CarriedPart } from "../../src/executable/unpack.ts";

/** The text of the module. `fileAt` answers with the JavaScript expression for where the executable has a file of this machine. */
function carriedModule(parts: readonly CarriedPart[], fileAt: (from: string) => string): string {
  const text = parts.map((part) => {
    const files = part.files.map(({ from, ...file }) => `{ ...${JSON.stringify(file)}, from: ${fileAt(from)} }`);
    return `${JSON.stringify(part.name)}: { ...${JSON.stringify({ name: part.name, sha256: part.sha256 })}, files: [${files.join(", ")}] }`;
  });
  return `export const CARRIED = { llama_cpp: ${JSON.stringify(carriedSource().release)}, parts: { ${text.join(", ")} } };\n`;
}

/** Bun puts a file that is imported as one into the executable, and the import is its path there. */
export function carriedForBun(parts: readonly CarriedPart[]): string {
  const names = new Map<string, string>();
  const fileAt = (from: string): string => {
    if (!names.has(from)) names.set(from, `file${names.size}`);
    return names.get(from)!;
  };
  const body = carriedModule(parts, fileAt);
  const imports = [...names].map(([from, name]) => `import ${name} from ${JSON.stringify(from)} with { type: "file" };\n`);
  return imports.join("") + body;
}

/** Deno includes a folder; each file lies in it under the sum of its bytes. */
export function carriedForDeno(parts: readonly CarriedPart[], nameOf: (from: string) => string): string {
  const fileAt = (from: string): string => `fileURLToPath(new URL(${JSON.stringify(nameOf(from))}, import.meta.url))`;
  return `import { fileURLToPath } from "node:url";\n${carriedModule(parts, fileAt)}`;
}
