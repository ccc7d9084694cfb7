// A LoRA file for the tiny model: changes of two of its weights, large enough that its answers are others.
import { floats, type GgufTensor, pair, text, VALUE, writeGguf } from "../../models/gguf/writer.ts";

const RANK = 2;
const F32 = 0;

export interface TinyLora {
  /** As `general.architecture`; "llama" unless told. */
  architecture?: string;
  /** As `general.type`; "adapter" unless told. */
  type?: string;
}

export function tinyLora({ architecture = "llama", type = "adapter" }: TinyLora = {}): Uint8Array<ArrayBuffer> {
  let seed = 7;
  const weight = (): number => {
    seed = (seed * 16_807) % 0x7fffffff;
    return (seed / 0x7fffffff - 0.5) * 1.5;
  };
  const tensor = (name: string, ...dims: [number, number]): GgufTensor => ({
    ...{ name, dims, type: F32 },
    data: floats(Array.from({ length: dims[0] * dims[1] }, weight)),
  });
  return writeGguf(
    [
      pair("general.architecture", VALUE.string, text(architecture)),
      pair("general.type", VALUE.string, text(type)),
      pair("adapter.type", VALUE.string, text("lora")),
      pair("adapter.lora.alpha", VALUE.f32, floats([RANK])),
    ],
    [
      tensor("blk.0.attn_q.weight.lora_a", 64, RANK),
      tensor("blk.0.attn_q.weight.lora_b", RANK, 64),
      tensor("blk.1.ffn_down.weight.lora_a", 128, RANK),
      tensor("blk.1.ffn_down.weight.lora_b", RANK, 64),
    ],
  );
}
