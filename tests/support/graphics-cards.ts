// What engines print and answer on machines with graphics cards, in the form of the llama.cpp that ingle builds (`common_print_available_devices`
// of common/arg.cpp, `ggml_vk_print_gpu_info` of ggml-vulkan.cpp) and of `getVramState` of node-llama-cpp.
import type { VideoMemory } from "../../adapters/node-llama-cpp/graphics-cards.ts";

const vulkan = (index: number, name: string, uma: 0 | 1): string =>
  `0.00.031.${index}00 D ggml_vulkan: ${index} = ${name} (driver) | uma: ${uma} | fp16: 1 | bf16: 0 | fp4: 0 | warp size: 32 | ` +
  "shared memory: 49152 | int dot: 1 | matrix cores: none\n";

/** What `llama-server --log-verbosity 5 --list-devices` prints. */
export const LISTS = {
  none: { stdout: "Available devices:\n  (none)\n", stderr: "" },
  "a library of algebra": {
    stdout: "Available devices:\n  BLAS: OpenBLAS (0 MiB, 0 MiB free)\n",
    stderr: "",
  },
  "one CUDA": {
    stdout: "Available devices:\n  CUDA0: NVIDIA GeForce RTX 3060 (11909 MiB, 11800 MiB free)\n",
    stderr:
      "0.00.120.004 I ggml_cuda_init: found 1 CUDA devices (Total VRAM: 11909 MiB):\n" +
      "0.00.120.010 I   Device 0: NVIDIA GeForce RTX 3060, compute capability 8.6, VMM: yes, VRAM: 11909 MiB\n",
  },
  "two CUDA": {
    stdout:
      "Available devices:\n  CUDA0: NVIDIA GeForce RTX 3090 (24124 MiB, 23869 MiB free)\n" +
      "  CUDA1: NVIDIA GeForce RTX 3060 (11909 MiB, 11800 MiB free)\n",
    stderr: "",
  },
  "Vulkan, a card beside the processor's own": {
    stdout:
      "Available devices:\n  Vulkan0: Intel(R) UHD Graphics 770 (ADL-S GT1) (15873 MiB, 14000 MiB free)\n" +
      "  Vulkan1: AMD Radeon RX 7600 (RADV NAVI33) (8176 MiB, 7500 MiB free)\n",
    stderr: vulkan(0, "Intel(R) UHD Graphics 770 (ADL-S GT1)", 1) + vulkan(1, "AMD Radeon RX 7600 (RADV NAVI33)", 0),
  },
  "Vulkan, the processor's own": {
    stdout: "Available devices:\n  Vulkan0: AMD Radeon 780M (RADV PHOENIX) (16031 MiB, 15800 MiB free)\n",
    stderr: vulkan(0, "AMD Radeon 780M (RADV PHOENIX)", 1),
  },
  Metal: {
    stdout: "Available devices:\n  MTL0: Apple M2 Pro (21845 MiB, 21845 MiB free)\n  BLAS: Accelerate (0 MiB, 0 MiB free)\n",
    stderr: "",
  },
} satisfies Record<string, { stdout: string; stderr: string }>;

/** What node-llama-cpp answers. */
export const ANSWERS = {
  "one CUDA": [["NVIDIA GeForce RTX 3060"], { total: 12_487_491_584, free: 12_373_196_800, unifiedSize: 0 }],
  "two CUDA": [
    ["NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 3060"],
    { total: 37_783_339_008, free: 37_401_657_344, unifiedSize: 0 },
  ],
  Metal: [["Apple M2 Pro"], { total: 22_906_142_720, free: 22_906_142_720, unifiedSize: 22_906_142_720 }],
  none: [[], { total: 0, free: 0, unifiedSize: 0 }],
} satisfies Record<string, [string[], VideoMemory]>;
