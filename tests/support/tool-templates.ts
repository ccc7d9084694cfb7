// Chat templates that write calls of tools, one of each family: ours, with the markers of theirs.

/** `call`: of `call`, whose arguments are `args`; around all calls of an answer stand `open` and `close`, and between two of them `between`. */
function template({ call, open = "", close = "", between = "", checks = "" }: Record<string, string> & { call: string }): string {
  return [
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}",
    "{% for message in messages %}",
    checks,
    "<|im_start|>{{ message.role }}\n{{ message.content }}",
    "{% if message.tool_calls %}",
    open,
    "{% for one in message.tool_calls %}{% set call = one.function %}{% set args = call.arguments %}",
    between && `{% if not loop.first %}${between}{% endif %}`,
    call,
    "{% endfor %}",
    close,
    "{% endif %}<|im_end|>\n{% endfor %}",
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  ].join("");
}

const JSON_VALUE = "{% if value is string %}{{ value }}{% else %}{{ value | tojson }}{% endif %}";
const entries = (entry: string): string => `{% for key, value in args.items() %}${entry}{% endfor %}`;

export const TOOL_TEMPLATES = {
  hermes: template({
    call: '<tool_call>\n{"name": "{{ call.name }}", "arguments": {{ args | tojson }}}\n</tool_call>',
    between: "{{ '\n' }}",
  }),
  mistral: template({
    checks:
      "{% for one in message.tool_calls or [] %}{% if one.id | length != 9 %}{{ raise_exception('Nine!') }}{% endif %}{% endfor %}",
    open: "[TOOL_CALLS][",
    call: '{"name": "{{ call.name }}", "arguments": {{ args | tojson }}, "id": "{{ one.id }}"}',
    between: ", ",
    close: "]",
  }),
  "mistral's latest": template({ call: "[TOOL_CALLS]{{ call.name }}[ARGS]{{ args | tojson }}" }),
  kimi: template({
    open: "<|tool_calls_section_begin|>",
    call: "<|tool_call_begin|>functions.{{ call.name }}:{{ loop.index0 }}<|tool_call_argument_begin|>{{ args | tojson }}<|tool_call_end|>",
    close: "<|tool_calls_section_end|>",
  }),
  cohere: template({
    open: "<|START_ACTION|>[\n",
    call: '    {"tool_call_id": "{{ loop.index0 }}", "tool_name": "{{ call.name }}", "parameters": {{ args | tojson }}}',
    between: ",\n",
    close: "\n]<|END_ACTION|>",
  }),
  "qwen coder": template({
    call: `<tool_call>\n<function={{ call.name }}>\n${entries(`<parameter={{ key }}>\n${JSON_VALUE}{{ '\n' }}</parameter>\n`)}</function>\n</tool_call>`,
    between: "{{ '\n' }}",
  }),
  glm: template({
    call: `<tool_call>{{ call.name }}${entries(`<arg_key>{{ key }}</arg_key><arg_value>${JSON_VALUE}</arg_value>`)}</tool_call>`,
  }),
  deepseek: template({
    open: "<｜DSML｜function_calls>\n",
    call: `<｜DSML｜invoke name="{{ call.name }}">\n${entries(
      `<｜DSML｜parameter name="{{ key }}" string="{{ 'true' if value is string else 'false' }}">${JSON_VALUE}</｜DSML｜parameter>\n`,
    )}</｜DSML｜invoke>\n`,
    close: "</｜DSML｜function_calls>",
  }),
  llama: template({
    checks: "{% if message.tool_calls and message.tool_calls | length > 1 %}{{ raise_exception('One!') }}{% endif %}",
    call: '{"name": "{{ call.name }}", "parameters": {{ args | tojson }}}',
  }),
  gemma: template({
    open:
      '{% macro shown(value) %}{% if value is string %}<|"|>{{ value }}<|"|>{% elif value is mapping %}{ {%- for key, item in value | dictsort %}{{ key }}:{{ shown(item) }}{% if not loop.last %},{% endif %}{% endfor -%} }' +
      "{% elif value is boolean or value is number %}{{ value | tojson }}{% elif value %}[{% for item in value %}{{ shown(item) }}{% if not loop.last %},{% endif %}{% endfor %}]{% elif value is not none %}[]{% endif %}{% endmacro %}",
    call: "<|tool_call>call:{{ call.name }}{{ shown(args) }}<tool_call|>",
  }),
  minimax: template({
    open:
      "{% macro shown(value) %}{% if value is mapping %}{% for key, item in value.items() if item is not none %}]<]x[>[<{{ key }}>{{ shown(item) }}]<]x[>[</{{ key }}>{% endfor %}" +
      "{% elif value is string %}{{ value }}{% elif value is boolean or value is number %}{{ value | tojson }}{% elif value %}{% for item in value %}]<]x[>[<item>{{ shown(item) }}]<]x[>[</item>{% endfor %}{% endif %}{% endmacro %}" +
      "]<]x[>[<tool_call>\n",
    call: ']<]x[>[<invoke name="{{ call.name }}">{{ shown(args) }}]<]x[>[</invoke>\n',
    close: "]<]x[>[</tool_call>",
  }),
  lfm: template({
    open: "<|tool_call_start|>[",
    call: `{{ call.name }}(${entries("{% if not loop.first %}, {% endif %}{{ key }}={% if value is string %}'{{ value }}'{% else %}{{ value | tojson }}{% endif %}")})`,
    between: ", ",
    close: "]<|tool_call_end|>",
  }),
  "gpt-oss": template({
    call: " to=functions.{{ call.name }}<|channel|>commentary json<|message|>{{ args | tojson }}<|call|>",
  }).replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant{% endif %}"),
};
