// What the commands are called and what they do, in the order of the help. Data alone: help, and a word that is wrong, need no command.

export interface CommandSummary {
  group: string;
  summary: string;
  /** Another name. */
  alias?: string;
  /** What follows the name in command lines that show what it can do. */
  examples: readonly string[];
}

export const COMMANDS = {
  run: {
    group: "Talk",
    summary: "Talk to a model in the terminal.",
    examples: ['smollm2-135m-instruct "Why is the sky blue?"', "smollm2-135m-instruct"],
  },
  threads: {
    group: "Talk",
    summary: "List the threads of the data folder; show, continue, export or delete one.",
    examples: ["", "continue ID --model smollm2-135m-instruct", "export ID --format json"],
  },
  list: {
    group: "Models",
    summary: "Show the models of the data folder.",
    alias: "ls",
    examples: ["", "--catalog"],
  },
  search: {
    group: "Models",
    summary: "Look for models on Hugging Face, and in the catalogue.",
    examples: ["qwen coder", "llama --json"],
  },
  pull: {
    group: "Models",
    summary: "Download a model, or use a file where it is.",
    examples: ["", "qwen3-4b", "hf:owner/repo:Q4_K_M", "./model.gguf --id mine"],
  },
  adopt: {
    group: "Models",
    summary: "Use the models of Ollama, LM Studio, Jan and Hugging Face's tools where they lie.",
    examples: ["", "--yes"],
  },
  show: {
    group: "Models",
    summary: "Show what is known of a model, and whether it fits in memory.",
    examples: ["smollm2-135m-instruct", "qwen3-4b --remote"],
  },
  set: {
    group: "Models",
    summary: 'Change how a model is used; "default" as a value takes back what was set.',
    examples: ["smollm2-135m-instruct --cache-type-k q8_0", "smollm2-135m-instruct --adapter default"],
  },
  add: {
    group: "Models",
    summary: "Add a model that other servers with OpenAI's API run.",
    examples: ["far --base-url http://10.0.0.7:8000/v1"],
  },
  rm: {
    group: "Models",
    summary: "Remove a model and the files that were downloaded for it.",
    examples: ["smollm2-135m-instruct"],
  },
  serve: {
    group: "Server",
    summary: "Serve the API.",
    examples: ["--pull", "--port 8080 --context 8192 --keep-alive 1h"],
  },
  ps: { group: "Server", summary: "Show the models that are loaded.", examples: [""] },
  stop: {
    group: "Server",
    summary: "Unload a model once its answers have ended.",
    examples: ["smollm2-135m-instruct"],
  },
  service: {
    group: "Server",
    summary: "Print the unit that starts the server as a service, for systemd, or for launchd on macOS.",
    examples: ["--port 8080", "--system"],
  },
  openapi: { group: "Server", summary: "Print the reference of the API as OpenAPI 3.1, in JSON.", examples: [""] },
  doctor: {
    group: "Care",
    summary: "Check what this machine has, what is missing, and how to mend it.",
    examples: ["", "--bench"],
  },
  check: {
    group: "Care",
    summary: "Look for damaged, foreign and orphaned files in the data folder.",
    examples: ["", "--weights", "--fix"],
  },
  import: {
    group: "Care",
    summary: "Take in the threads, assistants and models of a Jan or cortex data folder.",
    examples: ["", "~/jan"],
  },
  completion: {
    group: "Care",
    summary: "Print what has a shell complete the words of ingle.",
    examples: ["bash", "zsh", "fish", "powershell"],
  },
  update: {
    group: "Care",
    summary: "Say how to update; with --check, ask a release whether it is newer.",
    examples: ["", "--check --from https://example.com/ingle"],
  },
  engine: {
    group: "Care",
    summary: "Build an engine for this machine.",
    examples: ["build llama-server"],
  },
} as const satisfies Record<string, CommandSummary>;

export type CommandName = keyof typeof COMMANDS;
export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

/** The command of that name or alias; undefined where there is none. */
export function commandNamed(word: string): CommandName | undefined {
  return COMMAND_NAMES.find((name) => name === word || aliasOf(name) === word);
}

export const aliasOf = (name: CommandName): string | undefined => (COMMANDS[name] as CommandSummary).alias;

/** All words that a command line may begin with. */
export const commandWords = (): string[] => COMMAND_NAMES.flatMap((name) => [name, aliasOf(name) ?? []].flat());
