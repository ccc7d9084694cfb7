// What is known of a chat template without running it.
import { expect, test } from "bun:test";
import { templateFacts } from "../../models/gguf/template-facts.ts";

const kwargs = (source: string): string[] => templateFacts(source).template_kwargs;

test.each<[source: string, variables: string[]]>([
  ["{% if enable_thinking is defined and enable_thinking is false %}x{% endif %}", ["enable_thinking"]],
  ["{%- if not thinking is defined -%}{%- set thinking = false -%}{%- endif -%}{{ thinking }}", ["thinking"]],
  ["{% set effort = effort if effort is defined else 'high' %}{{ effort }}", ["effort"]],
  ["{% set ns = namespace(enable_thinking=true) %}{{ ns.enable_thinking }}", []],
  ["{% for message in messages %}{{ message.thinking | trim }}{{ message['style'] }}{% endfor %}", []],
  ["{% for tool in custom_tools %}{{ tool.name }}{% endfor %}", ["custom_tools"]],
  [
    "{% macro render(item, style='a') %}{{ item }}{{ style }}{{ reasoning_effort }}{% endmacro %}{{ render(1) }}",
    ["reasoning_effort"],
  ],
  ['{# {{ commented }} #}plain thinking {{ \'quoted words\' }}{{ "more \\" words" }}{{ b == 1 and a|length > 0 }}', ["a", "b"]],
  ["{{ bos_token }}{{ raise_exception('no') }}{{ strftime_now('%d') }}{{ true and none }}", []],
  ["", []],
  ["{% if x", []],
])("%s reads %j", (source, variables) => {
  expect(kwargs(source)).toEqual(variables);
});

test("the names that are kept are bounded", () => {
  const many = Array.from({ length: 1_000 }, (_, i) => `{{ v${i} }}`).join("");
  expect(kwargs(many)).toHaveLength(100);
  expect(kwargs(`{{ ${"n".repeat(65)} }}`)).toEqual([]);
});

test.each(["{%", "{# ", "{{ a ", '{{ "\\', "{% set a "])("a megabyte of %j is read in the time of a few characters", (piece) => {
  const source = piece.repeat(1_000_000 / piece.length);
  const begun = process.cpuUsage();
  templateFacts(source);
  const { user } = process.cpuUsage(begun);
  // The square of the length would be hours.
  expect(user).toBeLessThan(20_000_000);
});

test.each([" ", "a ", ",", "\n", '\\"', "'\\\"", "| ", "is ", "a = ", "in", "= "])(
  "and so is one tag with a megabyte of %j",
  (piece) => {
    for (const word of ["", "set ", "for ", "macro ", "a is "]) {
      const source = `{% ${word}${piece.repeat(1_000_000 / piece.length)} %}`;
      const begun = process.cpuUsage();
      templateFacts(source);
      expect(process.cpuUsage(begun).user).toBeLessThan(20_000_000);
    }
  },
);

test("thoughts and tools are seen by their words", () => {
  expect(templateFacts("{{ '<think>' }}{% for t in tools %}{% endfor %}")).toMatchObject({
    template_thinking: true,
    template_tools: true,
  });
  expect(templateFacts("{{ messages }}")).toMatchObject({ template_thinking: false, template_tools: false });
});
