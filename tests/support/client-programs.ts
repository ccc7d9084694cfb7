// Programs on clients of others, each run to its end against a server: tests/clients/programs.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { ENCODER, RANKER } from "./encoders-folder.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { run } from "./program.ts";
import { pythonOf } from "./python.ts";
import { runtimes } from "./runtimes.ts";

/** The real model answers a program some dozens of times, and a machine that is busy with others takes minutes for it. */
const PATIENCE_MS = 1_200_000;

const PROGRAMS = fileURLToPath(new URL("../clients/programs", import.meta.url));

export interface ClientProgram {
  client: string;
  file: string;
  /** Of Python's clients: the list of packages. */
  requirements?: string;
  /** The model that it asks; absent: the default one. */
  model?: string;
  /** What it checks; a client has no way to ask for the rest. */
  checks: string[];
}

const structured = ["structured output", "structured output, streamed"];
const call = ["call", "call, streamed", "result handed back"];
const python = { requirements: "requirements.txt" };
const morePython = { requirements: "requirements-more.txt" };

/** Those that every run of the tests drives. */
export const CLIENT_PROGRAMS: ClientProgram[] = [
  {
    client: "openai for JavaScript",
    file: "openai-client.mjs",
    checks: [...structured, ...call, "tools are run", "choices", "logprobs", "refusal"],
  },
  {
    client: "the AI SDK",
    file: "ai-sdk-client.mjs",
    checks: [...structured, "call", "result handed back", "tools are run, streamed", "refusal"],
  },
  {
    client: "openai for Python",
    file: "openai_client.py",
    ...python,
    checks: [...structured, ...call, "choices", "logprobs", "refusal"],
  },
  {
    client: "LangChain for Python",
    file: "langchain_client.py",
    ...python,
    checks: [...structured, ...call, "choices", "logprobs", "refusal"],
  },
];

/** Driven on each native engine by decisions-and-responses.test.ts, as the next one. */
export const DECISIONS_PROGRAM: ClientProgram = {
  client: "openai for JavaScript, decisions",
  file: "openai-decisions-client.mjs",
  checks: [
    ...["a predicate", "a choice", "a score", "answers in the order of the questions"],
    ...["a conversation with calls of tools", "many choices", "refusal"],
  ],
};

const responses = [
  "a text",
  "a stream",
  "a parsed answer",
  "a call of a tool, and its answer",
  "the count of an input",
  "refusal",
];

export const RESPONSES_PROGRAM: ClientProgram = {
  client: "openai for JavaScript, responses",
  file: "openai-responses-client.mjs",
  checks: [...responses, "a custom tool"],
};

const completions = [
  ...["text", "text, streamed", "several prompts, streamed", "tokens", "echo, and choices", "logprobs", "stop", "refusal"],
];

/** Driven on each native engine by completions.test.ts. */
export const COMPLETIONS_PROGRAMS: ClientProgram[] = [
  { client: "openai for JavaScript, completions", file: "openai-completions-client.mjs", checks: completions },
  { client: "openai for Python, completions", file: "openai_completions_client.py", ...python, checks: completions },
];

const embeddings = ["several texts", "numbers and base64", "one text, and tokens", "dimensions"];

/** Driven on each native engine by embeddings.test.ts. */
export const EMBEDDINGS_PROGRAM: ClientProgram = {
  ...{ client: "openai for JavaScript, embeddings", file: "openai-embeddings-client.mjs", model: ENCODER },
  checks: [...embeddings, "refusal"],
};

/** Those that `npm run test:clients` drives beside them. */
export const MORE_CLIENT_PROGRAMS: ClientProgram[] = [
  DECISIONS_PROGRAM,
  RESPONSES_PROGRAM,
  { ...{ client: "openai for Python, responses", file: "openai_responses_client.py", ...python }, checks: responses },
  ...COMPLETIONS_PROGRAMS,
  EMBEDDINGS_PROGRAM,
  {
    ...{ client: "openai for Python, embeddings", file: "openai_embeddings_client.py", ...python, model: ENCODER },
    checks: [...embeddings, "asynchronous", "refusal"],
  },
  {
    ...{ client: "LangChain for Python, embeddings", file: "langchain_embeddings_client.py", ...python, model: ENCODER },
    checks: [...["documents and a query", "retrieval", "asynchronous", "dimensions", "tokens", "tokens of another vocabulary"]],
  },
  {
    ...{ client: "LlamaIndex, embeddings", file: "llama_index_embeddings_client.py", ...morePython, model: ENCODER },
    checks: ["documents and a query", "retrieval", "asynchronous", "dimensions", "refusal"],
  },
  {
    ...{ client: "Cohere", file: "cohere_client.py", ...morePython, model: RANKER },
    checks: ["documents in their order", "the best of them", "documents of the older client", "refusal"],
  },
  {
    client: "openai for JavaScript, more",
    file: "openai-client-more.mjs",
    checks: [
      ...["tools in a loop", "events of a stream", "a stream read elsewhere", "usage of a stream"],
      ...["a schema with every kind of part", "JSON of any kind", "a cut answer", "some tools allowed"],
      ...["functions, as they were before tools", "parts and roles", "the same answer to the same seed", "abort", "errors"],
      "models, and the id of a request",
    ],
  },
  {
    client: "openai for Python, more",
    file: "openai_client_more.py",
    ...python,
    checks: [
      ...[
        "events of a stream",
        "events of a call",
        "schemas of nested models",
        "tools in a loop",
        "asynchronous",
        "a cut answer",
      ],
      ...["usage of a stream", "JSON of any kind", "raw and streamed responses", "leaving and timeouts", "errors"],
    ],
  },
  {
    client: "the AI SDK, more",
    file: "ai-sdk-client-more.mjs",
    checks: [
      ...["arrays, choices, and JSON of any kind", "a streamed text with an object", "a schema in the prompt alone"],
      ...["tools in a loop", "tools in a loop, streamed", "messages of every kind", "a cut answer", "abort", "errors"],
    ],
  },
  {
    client: "LangChain for Python, more",
    file: "langchain_client_more.py",
    ...python,
    checks: [
      ...["objects", "tools in a loop", "usage of a stream", "asynchronous", "messages of every kind", "some tools allowed"],
      "errors",
    ],
  },
  {
    client: "LangChain for JavaScript",
    file: "langchain-client.mjs",
    checks: ["structured output", ...call, "choices", "logprobs", "refusal"],
  },
  {
    client: "pydantic-ai",
    file: "pydantic_ai_client.py",
    ...python,
    checks: [
      ...[...structured, "tools are run", "tools in a loop", "events of a stream", "logprobs", "refusal"],
      ...["one of several schemas, and one in the prompt", "what was wrong is handed back"],
    ],
  },
  {
    client: "instructor",
    file: "instructor_client.py",
    ...morePython,
    checks: [...structured, "other modes", "several calls", "what was wrong is handed back", "asynchronous", "refusal"],
  },
  {
    client: "LlamaIndex",
    file: "llama_index_client.py",
    ...morePython,
    checks: [...structured, ...call, "tools are run by an agent", "asynchronous", "logprobs", "refusal"],
  },
  {
    client: "guidance",
    file: "guidance_client.py",
    ...morePython,
    checks: ["text", "structured output", "JSON of any kind", "turns", "tools are run", "refusal"],
  },
];

/** Each check that was run and what came of it, `ok` where it held; or why none could be run. */
export async function runClientProgram(
  { file, requirements, model = DEFAULT_MODEL }: ClientProgram,
  url: string,
): Promise<{ outcomes: Record<string, string> } | { skip: string }> {
  const command = requirements === undefined ? await javascript(file) : await pythons(file, requirements);
  if ("skip" in command) return command;
  const { stdout, stderr, code } = await run([...command, url, model], { patience_ms: PATIENCE_MS });
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${stderr}`);
  return {
    outcomes: Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("\t")),
    ) as Record<string, string>,
  };
}

async function pythons(file: string, requirements: string): Promise<string[] | { skip: string }> {
  const found = await pythonOf(join(PROGRAMS, requirements));
  return "skip" in found ? found : [found.python, "-B", join(PROGRAMS, file)];
}

async function javascript(file: string): Promise<string[] | { skip: string }> {
  const { command, skip } = runtimes().find(({ name }) => name === "node")!;
  return skip === undefined ? [...command, join(await packages(), file)] : { skip };
}

let kept: Promise<string> | undefined;
/** A folder that outlives the tests: their packages are found from where the programs lie. */
const packages = (): Promise<string> => (kept ??= fetchPackages());

async function fetchPackages(): Promise<string> {
  const hash = createHash("sha256")
    .update(await readFile(join(PROGRAMS, "package-lock.json")))
    .digest("hex");
  const home = join(homedir(), ".cache", "ingle", `client-packages-${hash.slice(0, 12)}`);
  return oneAtATime(`${home}.lock`, () => fetchPackagesInto(home));
}

async function fetchPackagesInto(home: string): Promise<string> {
  // Written last: without it the folder is half made.
  const whole = join(home, "whole");
  if (!existsSync(whole)) await rm(home, { recursive: true, force: true });
  await cp(PROGRAMS, home, { recursive: true });
  if (existsSync(whole)) return home;
  const { code, stderr } = await run(["npm", "ci", "--ignore-scripts", "--loglevel=error"], {
    cwd: home,
    patience_ms: PATIENCE_MS,
  });
  if (code !== 0) throw new Error(`The packages of the clients cannot be installed: ${stderr}`);
  await writeFile(whole, "");
  return home;
}
