// What a chat template makes of one system message and one question, as far as its source shows that without being run.

interface TemplateFamily {
  /** Texts that the templates of the family have. */
  has: string[];
  /** Texts that those of a relative have, which is written otherwise. */
  lacks?: string[];
  form: (source: string) => string;
}

const FAMILIES: TemplateFamily[] = [
  {
    has: ["<|im_start|>", "<|im_end|>"],
    // Templates that write instructions of their own around the system message.
    lacks: ["## Custom Instructions", "<|im_system|>", "przemyśl"],
    form: (source) =>
      `<|im_start|>system\n{system_message}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n${thought(source)}`,
  },
  {
    has: ["<|start_header_id|>", "<|eot_id|>"],
    lacks: [">>>", "<function=", "functools"],
    form: () => {
      const head = (role: string): string => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
      return `${head("system")}{system_message}<|eot_id|>${head("user")}{prompt}<|eot_id|>${head("assistant")}`;
    },
  },
  {
    has: ["<｜User｜>", "<｜Assistant｜>"],
    // Later templates have other switches for thoughts; another one ends the questions as well.
    lacks: ["thinking is", "set thinking", "thinking_mode", "flush_tool_outputs"],
    form: (source) => `{system_message}<｜User｜>{prompt}<｜Assistant｜>${thought(source)}`,
  },
  {
    has: ["[SYSTEM_PROMPT]", "[INST]"],
    form: (source) => {
      const space = (tag: string): string => (source.includes(`${tag} `) ? `${tag} ` : tag);
      return `${space("[SYSTEM_PROMPT]")}{system_message}[/SYSTEM_PROMPT]${space("[INST]")}{prompt}[/INST]`;
    },
  },
  {
    has: ["[INST]", "[/INST]"],
    lacks: ["<<SYS>>"],
    form: (source) =>
      `[INST]${source.includes("[INST] ") ? " " : ""}{system_message}\n\n{prompt}${source.includes(" [/INST]") ? " " : ""}[/INST]`,
  },
  {
    has: ["<start_of_turn>", "<end_of_turn>"],
    form: () => "<start_of_turn>user\n{system_message}\n\n{prompt}<end_of_turn>\n<start_of_turn>model\n",
  },
  {
    has: ["<|end|>", "<|assistant|>"],
    lacks: ["available_tools_string"],
    form: (source) => {
      const line = /<\|assistant\|>(?:\\n|\n)/.test(source) ? "\n" : "";
      return ["<|system|>", "{system_message}<|end|>", "<|user|>", "{prompt}<|end|>", "<|assistant|>", ""].join(line);
    },
  },
  {
    has: ["<|start_of_role|>", "<|end_of_text|>"],
    form: () => {
      const head = (role: string): string => `<|start_of_role|>${role}<|end_of_role|>`;
      return `${head("system")}{system_message}<|end_of_text|>\n${head("user")}{prompt}<|end_of_text|>\n${head("assistant")}`;
    },
  },
];

const [CHATML] = FAMILIES;

/**
 * The prompt with `{system_message}` and `{prompt}` in it, as `settings.prompt_template` has it; without the token that begins a sequence,
 * and without dates. Undefined where the source shows nothing of it. A file without a template is run as ChatML.
 */
export function promptForm(source: string): string | undefined {
  if (source === "") return CHATML!.form("");
  const includes = (text: string): boolean => source.includes(text);
  return FAMILIES.find(({ has, lacks = [] }) => has.every(includes) && !lacks.some(includes))?.form(source);
}

/** A template of a model that thinks may begin its answer: with a thought that is open, not with the empty one that turns thinking off. */
function thought(source: string): string {
  const end = source.slice(source.lastIndexOf("add_generation_prompt"));
  return /<think>(?:\\n|\n)(?!(?:\\n|\n)*<\/think>)/.test(end) ? "<think>\n" : "";
}
