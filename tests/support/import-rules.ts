// The house's rules about imports and runtime names, as a pure function over the sources.
import { posix } from "node:path";

/** Path from the root of the repository to text, such as `{ "src/ids.ts": "export …" }`. */
export type Sources = Record<string, string>;

/** One sentence for each breach, in the form `src/a.ts:3 …`; a cycle names its files instead of a line. */
export function breaches(sources: Sources): string[] {
  const files = Object.entries(sources).map(([path, text]) => ({ path, text, imports: importsOf(path, text) }));
  const graph = new Map(files.map(({ path, imports }) => [path, imports.map(({ target }) => target)]));
  return [
    ...files.flatMap(({ path, imports }) => imports.flatMap((found) => arrow(path, found))),
    ...files.flatMap(runtimeNames),
    ...cycles(graph),
  ];
}

interface Import {
  /** As `Sources` would name it. */
  target: string;
  line: number;
  /** Nothing of it is left when the program runs. */
  types: boolean;
}

interface Room {
  holds: RegExp;
  /** Rooms it may import; its own is always among them. */
  uses: string[];
  /** Rooms it may import types of. */
  types?: string[];
}

const BELOW_API = ["http", "inference", "library", "records", "storage", "support"];

/** The first room that holds a file is its room. An adapter is a room of its own: see `roomOf`. */
const ROOMS: Record<string, Room> = {
  models: { holds: /^models\//, uses: [] },
  "the contract": {
    holds:
      /^adapters\/(adapter|call-syntax|completion|embedding|error-options|generation-request|load-options|prompts|samplers|token-engine)\.ts$/,
    uses: ["models"],
  },
  "adapters/shared": { holds: /^adapters\/shared\//, uses: ["models", "the contract"] },
  registry: { holds: /^adapters\/registry\.ts$/, uses: ["adapters/shared", "an adapter", "models", "the contract"] },
  "an adapter": { holds: /^adapters\//, uses: ["adapters/shared", "models", "the contract"] },
  launch: { holds: /^src\/.*\.mjs$/, uses: [] },
  main: { holds: /^src\/main\.ts$/, uses: ["cli", "launch"] },
  /** What makes executables, packages and releases: no part of a running server. */
  tools: {
    holds: /^tools\//,
    uses: ["an adapter", "api", "cli", "executable", "http", "launch", "models", "registry", "server", "support", "the contract"],
  },
  /** What other programs import. */
  package: {
    holds: /^src\/(index|parts)\.ts$/,
    uses: ["adapters/shared", "an adapter", "api", "launch", "models", "server", "the contract", ...BELOW_API],
  },
  cli: {
    holds: /^src\/cli\//,
    uses: ["an adapter", "executable", "import", "launch", "models", "registry", "server", "the contract", ...BELOW_API],
  },
  server: {
    holds: /^src\/server\//,
    uses: ["an adapter", "api", "executable", "import", "launch", "models", "registry", "the contract", ...BELOW_API],
  },
  /** What a single executable carries and unpacks. */
  executable: { holds: /^src\/executable\//, uses: ["an adapter", "support", "the contract"] },
  api: {
    holds: /^src\/api\//,
    uses: ["http", "models", "records", "registry", "support", "the contract"],
    types: ["import", "inference", "library", "storage"],
  },
  import: { holds: /^src\/import\//, uses: ["http", "models", "records", "storage", "support"] },
  library: { holds: /^src\/library\//, uses: ["http", "models", "storage", "support"], types: ["inference"] },
  inference: { holds: /^src\/inference\//, uses: ["http", "models", "support", "the contract"] },
  /** Schemas and types of the records, which are what the API answers too. */
  records: { holds: /^src\/storage\/entities\.ts$/, uses: [] },
  storage: { holds: /^src\/storage\//, uses: ["http", "models", "records", "support"] },
  http: { holds: /^src\/http\//, uses: ["support", "the contract"] },
  support: { holds: /^src\/support\//, uses: ["models"] },
};

// read-config.ts takes the environment as an argument's default; a lock has to name its process and to ask whether another lives.
const RUNTIME_FILES =
  /^src\/(main|server\/(read-config|standard-streams|listen|adapters|create-server)|storage\/lock\/.*)\.ts$|^src\/(cli|executable|server\/listen)\/|^tools\/|^adapters\/(child-process|node-llama-cpp|llama-server)\//;
const RUNTIME_NAMES = ["Bun", "Deno", "process"];
const RUNTIME_MODULES = /^(node:process|process|bun|bun:.*)$/;

// Defines replace a name only where it stands for the global: not in a string, a comment, a property or a shadowed scope.
const defined = Object.fromEntries(RUNTIME_NAMES.map((name) => [name, `$global_${name}`]));
const transpiler = new Bun.Transpiler({ loader: "ts", define: defined });

function arrow(path: string, { target, line, types }: Import): string[] {
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === undefined || to === undefined) return [];
  const name = `${path}:${line} imports ${target}`;
  if (to.name === "main") return [`${name}: nothing imports main.ts.`];
  if (from.path === to.path || from.uses.includes(to.name)) return [];
  if (from.types?.includes(to.name)) return types ? [] : [`${name}: ${from.name} may import only types of ${to.name}.`];
  if (to.name === "an adapter") return [`${name}: only server/, cli/ and adapters/registry.ts may name a concrete adapter.`];
  return [`${name}: ${from.name} may import only ${[...from.uses, "its own room"].join(", ")}.`];
}

function roomOf(path: string) {
  const found = Object.entries(ROOMS).find(([, { holds }]) => /\.(ts|mjs)$/.test(path) && holds.test(path));
  if (!found) return undefined;
  const [name, room] = found;
  // Each folder below adapters/ is a room, adapters/echo.ts is another.
  return { ...room, name, path: name === "an adapter" ? path.split(/[/.]/)[1] : name };
}

function runtimeNames({ path, text }: { path: string; text: string }): string[] {
  if (RUNTIME_FILES.test(path)) return [];
  const code = transpiler.transformSync(text);
  const globals = RUNTIME_NAMES.filter((name) => code.includes(`$global_${name}`) || code.includes(`globalThis.${name}`));
  const modules = specifiers(text).filter(({ specifier }) => RUNTIME_MODULES.test(specifier));
  return [
    ...globals.map((name) => `${path}:${lineOf(text, name)} uses ${name}`),
    ...modules.map(({ specifier, line }) => `${path}:${line} imports ${specifier}`),
  ].map((found) => `${found}: runtime names belong to server/listen, main.ts, cli/ and the adapters' process code.`);
}

function importsOf(path: string, text: string): Import[] {
  const values = new Set(transpiler.scanImports(text).map((found) => found.path));
  return specifiers(text)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, line }) => ({ target: posix.join(posix.dirname(path), specifier), line, types: !values.has(specifier) }));
}

/** Statements, dynamic imports and types of the form `import("./a.ts").A`. */
function specifiers(text: string): { specifier: string; line: number }[] {
  return text.split("\n").flatMap((line, index) =>
    isComment(line)
      ? []
      : [...line.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier = ""]) => ({
          specifier,
          line: index + 1,
        })),
  );
}

/** The first line that seems to use the name, rather than to mention it. */
function lineOf(text: string, name: string): number {
  const lines = text.split("\n").map((line) => (isComment(line) ? "" : line));
  const used = lines.findIndex((line) => new RegExp(`\\b${name}[.[?]`).test(line));
  return 1 + (used === -1 ? lines.findIndex((line) => line.includes(name)) : used);
}

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*)/.test(line);
}

/** Depth first; a file that is left is on no further cycle. */
function cycles(graph: Map<string, string[]>): string[] {
  const left = new Set<string>();
  const visit = (path: string, way: string[]): string[] => {
    if (way.includes(path)) return [`${[...way.slice(way.indexOf(path)), path].join(" -> ")}: an import cycle.`];
    if (left.has(path)) return [];
    const found = (graph.get(path) ?? []).flatMap((next) => visit(next, [...way, path]));
    left.add(path);
    return found;
  };
  return [...graph.keys()].flatMap((path) => visit(path, []));
}
