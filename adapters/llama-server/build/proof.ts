// Whether a llama-server computes right on this processor: it reads forty tokens with a tiny quantised model, once with the kernels that it
// has for this processor and once with the plain ones. A compiler's bug makes the former end with SIGILL, or answer other tokens.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import * as v from "valibot";
import { processorName } from "../../../models/processor.ts";
import { AdapterError } from "../../adapter.ts";
import { commandLineArgs } from "../command-line.ts";
import { createClient } from "../http-client.ts";
import { startLlamaServer } from "../process.ts";
import { cacheFolder, type Env } from "./cached-build.ts";
import { tinyQuantisedModel } from "./tiny-model.ts";

const TIMEOUT_MS = 60_000;
const HUNG = `it computed nothing within ${TIMEOUT_MS / 1000} s`;
/** More tokens than a tile of AMX has rows. */
const PROMPT = Array.from({ length: 40 }, (_, index) => index + 3);
const REQUEST = { prompt: PROMPT, temperature: 0, n_predict: 4, n_probs: 3 };
/** Between logarithms of probabilities, for kernels that round otherwise; the model's likeliest tokens lie 0.4 apart. */
const TOLERANCE = 0.01;

const Answer = v.object({
  completion_probabilities: v.pipe(v.array(v.object({ id: v.number(), logprob: v.number() })), v.length(REQUEST.n_predict)),
});
type SampledTokens = v.InferOutput<typeof Answer>["completion_probabilities"];

/** Failures by `identityOf`, until this process ends: then the program gets another chance. */
const failures = new Map<string, string>();

/**
 * Why the program does not compute right here; undefined where it does, which the cache folder keeps of ingle's own programs, for this
 * processor. `again`: computes also where the answer is known. Throws what the disk throws.
 */
export async function computeFailure(program: string, env: Env, { again = false } = {}): Promise<string | undefined> {
  const identity = await identityOf(program);
  if (identity === undefined) return tinyModelFailure(program, env);
  if (!again && failures.has(identity)) return failures.get(identity);
  if (!again && (await readFile(proofFile(identity, env)).catch(() => undefined))) return undefined;
  const failure = await tinyModelFailure(program, env);
  if (failure === undefined) failures.delete(identity);
  // A busy machine may be why it hung.
  else if (failure !== HUNG) failures.set(identity, failure);
  if (!isOwn(program, env)) return failure;
  const file = proofFile(identity, env);
  const kept = failure === undefined ? writeProof(file, identity) : rm(file, { force: true });
  await kept.catch(() => {});
  return failure;
}

/** A program that ingle built or unpacked has to compute right before its first use. Throws `AdapterError` `engine_unavailable`. */
export async function refuseBrokenBuild(program: string, env: Env): Promise<void> {
  if (!isOwn(program, env)) return;
  // Where there is no place to try it, the load will show.
  const failure = await computeFailure(program, env).catch(() => undefined);
  if (failure === undefined) return;
  // What an executable has unpacked cannot be built anew there.
  const isBuilt = !program.startsWith(join(cacheFolder(env), "parts", sep));
  const remedy = `${isBuilt ? 'Build it anew with "ingle engine build llama-server", or name' : "Name"} another with --llama-server.`;
  const message = `The llama-server at ${program} does not compute right on this processor: ${failure}. ${remedy}`;
  const public_message = "The llama-server of this server does not compute right on its processor. Its log says more.";
  throw new AdapterError("engine_unavailable", message, { public_message, lasting: true });
}

/** Built by ingle, or unpacked. */
const isOwn = (program: string, env: Env): boolean => program.startsWith(join(cacheFolder(env), sep));

/** Another build, and the same on another processor, is another identity; undefined where Deno may run the program but not look at it. */
async function identityOf(program: string): Promise<string | undefined> {
  const path = await realpath(program).catch(() => undefined);
  const file = path && (await stat(path).catch(() => undefined));
  if (!file) return undefined;
  const { size, mtimeMs } = file;
  return JSON.stringify({ path, size, mtime_ms: Math.trunc(mtimeMs), processor: processorName() });
}

const proofFile = (identity: string, env: Env): string =>
  join(cacheFolder(env), "llama-server-proofs", `${sha256(identity).slice(0, 32)}.json`);

async function writeProof(file: string, identity: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${identity}\n`);
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The same without any memory. */
export async function tinyModelFailure(program: string, env: Env): Promise<string | undefined> {
  // Deno may be allowed to write into ingle's own folders alone; a cache that cannot be written is not a reason to learn nothing.
  const own = cacheFolder(env);
  const parent = (await mkdir(own, { recursive: true }).catch(() => false)) === false ? tmpdir() : own;
  const folder = await mkdtemp(join(parent, "ingle-proof-"));
  try {
    const model = join(folder, "tiny.gguf");
    await writeFile(model, tinyQuantisedModel());
    const runs = [answerOf(program, model, env), answerOf(program, model, env, "--no-repack")] as const;
    const [special, plain] = await Promise.all(runs);
    if (typeof special === "string") return special;
    // A program that does not know the option leaves nothing to compare with.
    if (typeof plain === "string" || agree(special, plain)) return undefined;
    return "its kernels for this processor compute other numbers";
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The tokens that it says, or why it says none. */
async function answerOf(program: string, model: string, env: Env, ...options: string[]): Promise<SampledTokens | string> {
  const key = randomBytes(32).toString("hex");
  // One thread: threads that wait for each other spin, and the machine may be busy.
  const tiny = { id: "tiny", path: model, settings: {} };
  const args = commandLineArgs(tiny, { slots: 1, threads: 1, context: 128 }, { own_template: true });
  const server = startLlamaServer({ program, args: [...args, ...options], key, env, log: () => {}, onLine: () => {} });
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const gone = server.ended.then(({ how, lines: [first] }): never => {
    throw new Error(`it ended with ${how}${first === undefined ? "" : ` (${first})`}`);
  });
  const hung = new Promise<never>((_, reject) => late.addEventListener("abort", () => reject(new Error(HUNG))));
  try {
    const address = await Promise.race([server.address, gone, hung]);
    const answer = await Promise.race([createClient(address, key).postJson("/completion", REQUEST, late), gone, hung]);
    return v.parse(Answer, answer).completion_probabilities;
  } catch (error) {
    return (error as Error).message;
  } finally {
    server.signal("SIGKILL");
    await server.ended;
  }
}

function agree(some: SampledTokens, others: SampledTokens): boolean {
  const isClose = (a: number, b: number): boolean => Math.abs(a - b) < TOLERANCE;
  return some.every(({ id, logprob }, index) => id === others[index]!.id && isClose(logprob, others[index]!.logprob));
}
