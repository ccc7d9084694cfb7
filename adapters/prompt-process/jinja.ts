// Chat templates in JavaScript, for where llama.cpp's own Jinja is not at hand or cannot parse one.
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import { messagesRefused } from "./errors.ts";

const MAX_RANGE = 10_000;

/** Throws where the source cannot be parsed. The function throws `AdapterError` `messages_refused`, and what else the template breaks with. */
export function compileJinja(source: string): (values: Record<string, unknown>) => string {
  const template = new Template(source);
  return (values) => {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...values })) environment.set(name, value);
    return String(new Interpreter(environment).run(template.parsed).value);
  };
}

// The names that templates use. The library's own `range` has no limit, and its `raise_exception` throws what its own faults throw.
const GLOBALS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception(reason: unknown): never {
    throw messagesRefused(String(reason));
  },
  range,
  strftime_now: (format: string) => new Template("{{ strftime_now(format) }}").render({ format }),
};

function range(first: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new RangeError(`range() of more than ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => from + i * step);
}
