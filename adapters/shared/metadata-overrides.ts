// How the positions of a model are spread, as other values for keys of its file, which both engines take: the command line of llama-server
// lengthens no slot beyond what the file says that the model was trained on.
import type { AdapterOptions } from "../../models/adapter-options.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import { scaledContext } from "../../models/rope-scaling.ts";

export interface MetadataOverride {
  key: string;
  /** llama.cpp passes over a value of another type than the key's, with a warning alone. */
  type: "int" | "float" | "str";
  value: number | string;
}

export type OverriddenHeader = Partial<Pick<GgufHeader, "architecture" | "context_length" | "original_context_length">>;

export function metadataOverrides(header: OverriddenHeader, options: AdapterOptions = {}): MetadataOverride[] {
  const { rope_scaling, rope_factor, rope_freq_base } = options;
  const { original, context } = scaledContext(header, options);
  const lengths = rope_scaling === undefined ? {} : { "rope.scaling.original_context_length": original, context_length: context };
  const all: [MetadataOverride["type"], Record<string, string | number | undefined>][] = [
    ["str", { "rope.scaling.type": rope_scaling }],
    ["float", { "rope.scaling.factor": rope_factor, "rope.freq_base": rope_freq_base }],
    ["int", lengths],
  ];
  return all.flatMap(([type, values]) =>
    Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [{ key: `${header.architecture}.${key}`, type, value }],
    ),
  );
}
