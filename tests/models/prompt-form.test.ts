// What a chat template is said to make of a conversation is what it makes of it.
import { rmSync } from "node:fs";
import { Template } from "@huggingface/jinja";
import { expect, test } from "bun:test";
import { catalog } from "../../models/catalog.ts";
import { promptForm } from "../../models/gguf/prompt-form.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import { llamaCppModels } from "../support/llama-cpp-models.ts";
import { realModel } from "../support/real-model.ts";

const OPEN = "{% if add_generation_prompt %}";
const each = (body: string): string => `{% for m in messages %}${body}{% endfor %}`;
const CHATML = each("{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}");
const LLAMA = each("{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content + '<|eot_id|>' }}");
/** The system message is written before the question. */
const joined = (head: string, tail: string): string =>
  each(`{% if m.role == 'user' %}{{ '${head}' + messages[0].content + '\n\n' + m.content + '${tail}' }}{% endif %}`);

const TEMPLATES: [family: string, template: string][] = [
  ["ChatML", `${CHATML}${OPEN}{{ '<|im_start|>assistant\n' }}{% endif %}`],
  ["ChatML of a model that thinks first", `${CHATML}${OPEN}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}`],
  [
    "ChatML with a switch for thoughts",
    `${CHATML}${OPEN}{{ '<|im_start|>assistant\n' }}{% if enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}`,
  ],
  ["Llama 3", `${LLAMA}${OPEN}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}`],
  ["Mistral 0.3", joined("[INST] ", "[/INST]")],
  ["Mistral Nemo", joined("[INST]", "[/INST]")],
  [
    "Mistral Small",
    each("{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' if m.role == 'system' else '[INST]' + m.content + '[/INST]' }}"),
  ],
  ["Gemma", `${joined("<start_of_turn>user\n", "<end_of_turn>\n")}${OPEN}{{ '<start_of_turn>model\n' }}{% endif %}`],
  ["Phi 4", `${each("{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}")}{{ '<|assistant|>' }}`],
  ["Phi 3.5", `${each("{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}")}{{ '<|assistant|>\n' }}`],
  [
    "DeepSeek R1",
    `${each("{{ '<｜User｜>' + m.content if m.role == 'user' else m.content }}")}${OPEN}{{ '<｜Assistant｜><think>\n' }}{% endif %}`,
  ],
  [
    "Granite",
    `${each("{{ '<|start_of_role|>' + m.role + '<|end_of_role|>' + m.content + '<|end_of_text|>\n' }}")}{{ '<|start_of_role|>assistant<|end_of_role|>' }}`,
  ],
];

const MESSAGES = [
  { role: "system", content: "{system_message}" },
  { role: "user", content: "{prompt}" },
];

test.each(TEMPLATES)("%s is told as it is rendered", (_, template) => {
  expect(promptForm(template)).toBe(new Template(template).render({ messages: MESSAGES, add_generation_prompt: true }));
});

test.each([
  "{{ messages }}",
  "[INST] <<SYS>>\n{{ system }}\n<</SYS>>\n\n[/INST]",
  "{{ '<|im_start|>system\n## Custom Instructions' }}",
])("nothing is said of %j", (template) => expect(promptForm(template)).toBeUndefined());

test("of the templates that llama.cpp tries, a third is told, and each as it is rendered", () => {
  const { root, templates } = llamaCppModels();
  try {
    // What a template says of dates is no part of the form, nor is the token that begins a sequence.
    const values = {
      messages: MESSAGES,
      add_generation_prompt: true,
      enable_thinking: true,
      date_string: "TODAY",
      bos_token: "",
    };
    const dates = "Cutting Knowledge Date: December 2023\nToday Date: TODAY\n\n";
    const wrong: string[] = [];
    let told = 0;
    for (const { name, source } of templates) {
      const form = promptForm(source);
      const text = form === undefined ? undefined : rendered(source, values)?.replace(dates, "");
      if (text === undefined) continue;
      told++;
      if (text !== form) wrong.push(name);
    }
    expect(wrong).toEqual([]);
    expect(told / templates.length).toBeGreaterThan(1 / 3);
  } finally {
    rmSync(root, { recursive: true });
  }
}, 60_000);

/** Undefined for a template that takes no system message, or asks for more than a conversation. */
function rendered(source: string, values: Record<string, unknown>): string | undefined {
  try {
    return new Template(source).render(values);
  } catch {
    return undefined;
  }
}

test("the catalogue says of its models what their families' templates make", async () => {
  const forms = TEMPLATES.map(([, template]) => promptForm(template));
  const chatting = (await catalog()).filter(({ id }) => !/embed|rerank/.test(id));
  for (const { id, template_prompt } of chatting) expect([id, forms.includes(template_prompt)]).toEqual([id, true]);
});

test("the template in the file of the default model is what the catalogue says", async () => {
  const { id, path } = await realModel();
  const { chat_template = "" } = await readGgufFile(path);
  const form = (await catalog()).find((model) => model.id === id)?.template_prompt;
  expect(promptForm(chat_template)).toBe(form);
  expect(new Template(chat_template).render({ messages: MESSAGES, add_generation_prompt: true })).toBe(form!);
}, 300_000);
