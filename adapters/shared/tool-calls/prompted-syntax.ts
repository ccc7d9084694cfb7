// The syntax of calls for models whose templates know none: that of Hermes and Qwen, which most small models have seen.
import type { CallSyntax } from "../../call-syntax.ts";

export const PROMPTED_SYNTAX: CallSyntax = {
  triggers: [{ text: "<tool_call>", at_start: false }],
  open: "",
  call: ['<tool_call>\n{"name": "', { part: "name" }, '", "arguments": ', { part: "arguments" }, "}\n</tool_call>"],
  between: "\n",
  close: "",
  parallel: true,
  ids: "call_",
  arguments: { style: "json" },
  special_tokens: [],
  lists_tools: false,
};
