// A projector of 170 KB for the tiny model, of pseudo-random weights: its images are five tokens each. As LLaVA's, which has the fewest parts.
import { array, floats, pair, text, u32, VALUE, writeGguf, type GgufTensor } from "../../models/gguf/writer.ts";

const [EMBEDDING, WIDE, OUT, BLOCKS] = [32, 64, 64, 2];
const [F32, BOOL] = [0, 7];

const yes = (key: string): Uint8Array => pair(key, BOOL, Uint8Array.of(1));
const number = (key: string, value: number): Uint8Array => pair(`clip.vision.${key}`, VALUE.u32, u32(value));
const channels = (key: string, value: number): Uint8Array =>
  pair(`clip.vision.${key}`, VALUE.array, array(VALUE.f32, [floats([value]), floats([value]), floats([value])]));

/** The same bytes each time. */
export function tinyProjector(): Uint8Array<ArrayBuffer> {
  const pairs = [
    pair("general.architecture", VALUE.string, text("clip")),
    pair("general.type", VALUE.string, text("mmproj")),
    pair("clip.projector_type", VALUE.string, text("mlp")),
    ...["clip.has_vision_encoder", "clip.use_gelu"].map(yes),
    ...[number("image_size", 28), number("patch_size", 14), number("attention.head_count", 2)],
    ...[number("embedding_length", EMBEDDING), number("feed_forward_length", WIDE), number("projection_dim", OUT)],
    number("block_count", BLOCKS),
    pair("clip.vision.attention.layer_norm_epsilon", VALUE.f32, floats([1e-5])),
    ...[channels("image_mean", 0.5), channels("image_std", 0.5)],
  ];
  return writeGguf(pairs, tensors());
}

/** Norms are 1, and biases 0. */
function tensors(): GgufTensor[] {
  let seed = 7;
  const weight = (): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed / 2 ** 31 - 0.5) * 0.2;
  };
  const tensor = (name: string, dims: number[], value?: number): GgufTensor => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return { name, dims, type: F32, data: floats(Array.from({ length }, () => value ?? weight())) };
  };
  const linear = (name: string, from: number, to: number): GgufTensor[] => [
    tensor(`${name}.weight`, [from, to]),
    tensor(`${name}.bias`, [to], 0),
  ];
  const norm = (name: string): GgufTensor[] => [tensor(`${name}.weight`, [EMBEDDING], 1), tensor(`${name}.bias`, [EMBEDDING], 0)];
  const block = (index: number): GgufTensor[] => {
    const at = (name: string): string => `v.blk.${index}.${name}`;
    return [
      ...["attn_q", "attn_k", "attn_v", "attn_out"].flatMap((name) => linear(at(name), EMBEDDING, EMBEDDING)),
      ...["ln1", "ln2"].flatMap((name) => norm(at(name))),
      ...[...linear(at("ffn_up"), EMBEDDING, WIDE), ...linear(at("ffn_down"), WIDE, EMBEDDING)],
    ];
  };
  return [
    tensor("v.patch_embd.weight", [14, 14, 3, EMBEDDING]),
    ...[tensor("v.class_embd", [EMBEDDING]), tensor("v.position_embd.weight", [EMBEDDING, 5])],
    ...["v.pre_ln", "v.post_ln"].flatMap(norm),
    ...Array.from({ length: BLOCKS }, (_, index) => block(index)).flat(),
    ...[...linear("mm.0", EMBEDDING, OUT), ...linear("mm.2", OUT, OUT)],
  ];
}
