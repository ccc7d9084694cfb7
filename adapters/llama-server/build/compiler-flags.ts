// Flags with which compilers build a llama.cpp that computes right, and fast, on newer x86 processors.
import { writeFile } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import type { Env } from "./cached-build.ts";

/**
 * GCC before 13.3 takes `_tile_loadconfig` for a read of 8 bytes, though the instruction reads 64, and drops the stores of the others: the
 * next AMX instruction is a SIGILL (https://gcc.gnu.org/PR114098, https://github.com/ggml-org/llama.cpp/pull/26954). The macro says how
 * much is read, which holds for every pass of the compiler; `-fno-dse` would silence one, `-mno-amx-tile` leave the unit unused.
 */
const TILE_CONFIG = `#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg\\t%X0" ::"m"(*(const char(*)[64])(config)))
#endif
`;
/** ggml takes half floats of 512 bits in steps of 128 (`GGML_F16_STEP`), so it would multiply heads of 64 one number at a time. */
const NO_FP16 = "-mno-avx512fp16";

/**
 * `CFLAGS` and `CXXFLAGS` for a build, beside those that are set already. Writes a header into `folder`. `accepts` says whether a compiler
 * takes a flag.
 */
export async function compilerFlags(
  folder: string,
  { CC = "cc", CXX = "c++", CFLAGS = "", CXXFLAGS = "" }: Env,
  accepts: (compiler: string, flag: string) => Promise<boolean>,
): Promise<Env> {
  if (arch() !== "x64" || process.platform === "win32") return {};
  const header = join(folder, "tile-config.h");
  await writeFile(header, TILE_CONFIG);
  const flagsFor = async (compiler: string, given: string): Promise<string> =>
    [given, `-include "${header}"`, (await accepts(compiler, NO_FP16)) ? NO_FP16 : ""].filter(Boolean).join(" ");
  return { CFLAGS: await flagsFor(CC, CFLAGS), CXXFLAGS: await flagsFor(CXX, CXXFLAGS) };
}
