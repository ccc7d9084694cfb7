// The chat templates and the vocabularies that llama.cpp's own tests use, out of the source that node-llama-cpp carries.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { carriedSource } from "../../adapters/llama-server/build/llama-cpp-source.ts";

/** Unpacks them into a temporary folder. */
export function llamaCppModels() {
  const root = mkdtempSync(join(tmpdir(), "ingle-llama-cpp-"));
  const git = (...args: string[]): void => void execFileSync("git", args, { stdio: "ignore", cwd: root });
  git("clone", "--quiet", "--no-checkout", carriedSource().bundle, "source");
  git("-C", "source", "checkout", "HEAD", "--", "models");
  const folder = join(root, "source/models");
  const named = (within: string, end: string): string[] => readdirSync(within).filter((name) => name.endsWith(end));
  const templates = join(folder, "templates");
  return {
    root,
    templates: named(templates, ".jinja").map((file) => ({
      name: file.slice(0, -".jinja".length),
      source: readFileSync(join(templates, file), "utf8"),
    })),
    vocabularies: named(folder, ".gguf").map((file) => ({
      name: file.slice("ggml-vocab-".length, -".gguf".length),
      path: join(folder, file),
      samples: samplesOf(join(folder, file)),
    })),
  };
}

/** Texts that are none are left out; some vocabularies have no list. */
function samplesOf(vocabulary: string): { text: string; tokens: number[] }[] {
  if (!existsSync(`${vocabulary}.inp`)) return [];
  const texts = readFileSync(`${vocabulary}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
  const lines = readFileSync(`${vocabulary}.out`, "utf8").split("\n");
  const samples = texts.map((text, index) => ({ text, tokens: (lines[index]!.match(/\d+/g) ?? []).map(Number) }));
  return samples.filter(({ tokens }) => tokens.length > 0);
}
