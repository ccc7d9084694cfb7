// `npm run bench`: ingle beside llama-server of the same llama.cpp release, the one that ingle has built or INGLE_LLAMA_SERVER names; same model, same
// threads, same prompts, same run. Rounds are interleaved, so that what else the machine does hits all alike; values are medians.
// ONLY=decode,completions,tokenize,first,second,leave,many,start, MODELS=smollm2,tiny, RUNTIMES=bun,node,deno and ROUNDS=n make it shorter.
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { tinyModel } from "../support/models.ts";
import { realModel } from "../support/real-model.ts";
import { completions } from "./engines/completions.ts";
import { decode } from "./engines/decode.ts";
import { firstToken } from "./engines/first-token.ts";
import { leaving } from "./engines/leave.ts";
import { manyStreams } from "./engines/many.ts";
import { print, type Line } from "./engines/report.ts";
import { secondTurn } from "./engines/second-turn.ts";
import { starts } from "./engines/start.ts";
import { tokenizing } from "./engines/tokenize.ts";
import { LLAMA_SERVER, startClient, THREADS, wantedRuntimes } from "./engines/subjects.ts";

const list = (name: string, all: string): string[] => (process.env[name] ?? all).split(",");
const ONLY = list("ONLY", "decode,completions,tokenize,first,second,leave,many,start");
const MODELS = list("MODELS", "smollm2,tiny");
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MAX_TOKENS = Number(process.env.MAX_TOKENS ?? 128);

function machine(): string {
  const version = (program: string, ...args: string[]): string => {
    const { stdout = "", stderr = "" } = spawnSync(program, args, { encoding: "utf8" });
    return /^version: (.+)$/m.exec(stdout + stderr)?.[1] ?? stdout.trim().split("\n")[0]!;
  };
  const runtimes = wantedRuntimes().map(({ name, command }) => `${name} ${version(command[0]!, "--version")}`);
  const other = LLAMA_SERVER === undefined ? "no llama-server" : `llama-server ${version(LLAMA_SERVER, "--version")}`;
  const engine = `node-llama-cpp ${manifest.dependencies["node-llama-cpp"]}`;
  return [`${cpus()[0]?.model}, ${cpus().length} cores, ${THREADS} threads`, engine, other, ...runtimes].join(" · ");
}

const sections: Record<string, () => Promise<Line[]>> = {
  async decode() {
    const lines: Line[] = [];
    for (const name of MODELS) lines.push(...(await decode(client, await setup(name))));
    return lines;
  },
  completions: async () => completions(client, await setup("smollm2")),
  tokenize: async () => tokenizing(await realModel(), ROUNDS * 5),
  async first() {
    const lines: Line[] = [];
    for (const name of MODELS) {
      const { model, context } = await setup(name);
      lines.push(...(await firstToken(client, model, context, ROUNDS * 20)));
    }
    return lines;
  },
  second: async () => secondTurn(client, await realModel(), ROUNDS),
  leave: async () => leaving(client, await realModel(), ROUNDS * 2),
  many: () => manyStreams(client, ROUNDS * 40),
  start: () => starts(ROUNDS),
};

/** The tiny model costs next to nothing: what is left is the way around the computation. */
async function setup(name: string) {
  const model = name === "tiny" ? await tinyModel() : await realModel();
  return { model, context: name === "tiny" ? 512 : 2_048, rounds: ROUNDS, max_tokens: MAX_TOKENS };
}

console.log(machine());
const client = await startClient();
for (const name of ONLY) print(name, await sections[name]!());
client.stop();
