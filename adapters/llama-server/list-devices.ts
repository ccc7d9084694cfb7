// The graphics cards that a llama-server computes on, by its own list.
import { execFile } from "node:child_process";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import { childEnvironment } from "../shared/subprocess.ts";

const MiB = 1024 * 1024;
/** For the drivers of several cards that have slept. */
const LIST_MS = 20_000;

/** Throws where the program does not answer. */
export function listDevices(program: string, env: Record<string, string | undefined>): Promise<GraphicsCard[]> {
  const options = { env: childEnvironment(env), timeout: LIST_MS, killSignal: "SIGKILL", windowsHide: true } as const;
  return new Promise((resolve, reject) => {
    // At this verbosity Vulkan says which of its devices have no memory of their own.
    execFile(program, ["--log-verbosity", "5", "--list-devices"], options, (error, stdout, stderr) => {
      if (error === null) resolve(readDevices(stdout, stderr));
      else reject(new Error(error.killed ? `it does not list its devices within ${LIST_MS / 1000} s` : error.message));
    });
  });
}

/**
 * What `common_print_available_devices` prints: https://github.com/ggml-org/llama.cpp/blob/master/common/arg.cpp. As a load does, it takes
 * devices with memory of their own where there is one; and none that has no memory, such as a library of algebra.
 */
export function readDevices(stdout: string, stderr: string): GraphicsCard[] {
  const without_memory = new Set([...stderr.matchAll(VULKAN)].map(([, index]) => `Vulkan${index}`));
  const cards = [...stdout.matchAll(DEVICE)].flatMap(([, device = "", name = "", total, free]): GraphicsCard[] => {
    if (Number(total) === 0) return [];
    const unified = device.startsWith("MTL") || without_memory.has(device);
    return [{ name, total_bytes: Number(total) * MiB, free_bytes: Number(free) * MiB, unified }];
  });
  const own = cards.filter(({ unified }) => !unified);
  return own.length > 0 ? own : cards;
}

const DEVICE = /^ {2}(\w+): (.*) \((\d+) MiB, (\d+) MiB free\)$/gm;
const VULKAN = /ggml_vulkan: (\d+) = .* \| uma: 1 \|/g;
