// The engines: the embedded one, llama-server, and what that is built with.
import { join, sep } from "node:path";
import { checkTools } from "../../../adapters/llama-server/build/build.ts";
import { cacheFolder } from "../../../adapters/llama-server/build/cached-build.ts";
import { computeFailure } from "../../../adapters/llama-server/build/proof.ts";
import { listDevices } from "../../../adapters/llama-server/list-devices.ts";
import { adapterNamed } from "../../../adapters/registry.ts";
import { packageVersion } from "../../../adapters/node-llama-cpp/package-version.ts";
import type { Probe } from "../../../adapters/node-llama-cpp/probe.ts";
import { type GraphicsCard, graphicsSigns } from "../../../models/graphics-cards.ts";
import type { Config } from "../../server/settings.ts";
import { engineProcess } from "../../server/adapters.ts";
import { CARRIED } from "../../executable/carried.ts";
import { hasLlamaServer, llamaServerProgram, missingNodeLlamaCpp, REINSTALL } from "../../executable/carried-engines.ts";
import { formatBytes } from "../../support/quantities.ts";
import { runProgram, type Finding } from "./finding.ts";

/** For a library of several hundred MB from a slow disk, and the drivers of a graphics card. */
export const PROBE_MS = 60_000;

/** An engine works if it computes. One that works is enough, unless the settings name one. */
export async function engines({ adapter, llama_server }: Config): Promise<Finding[]> {
  const [embedded, server] = await Promise.all([nodeLlamaCpp(), llamaServer(llama_server)]);
  if (adapterNamed(adapter)?.models !== undefined) return [embedded, server];
  const needed = [embedded, server].filter(({ about }) => adapter === "auto" || about === aboutEngine(adapter));
  const works = needed.some(({ state }) => state === "good");
  const judged = (finding: Finding): Finding => (works || !needed.includes(finding) ? finding : { ...finding, state: "broken" });
  return [judged(embedded), judged(server)];
}

export const aboutEngine = (name: string): string => `engine ${name}`;

/** In a process of its own, as engines are: a library that does not fit the machine may end it. */
async function nodeLlamaCpp(): Promise<Finding> {
  const about = aboutEngine("node-llama-cpp");
  const version = CARRIED === undefined ? packageVersion() : "carried:";
  if (CARRIED !== undefined && CARRIED.parts["node-llama-cpp"] === undefined)
    return { about, state: "missing", says: "not carried" };
  const absent = missingNodeLlamaCpp();
  if (absent !== undefined) return { about, state: "missing", says: absent, mend: REINSTALL };
  const { program, args, env } = engineProcess("node-llama-cpp");
  // A stack of native frames would hide why it ended.
  const quiet = { ...process.env, ...env, GGML_NO_BACKTRACE: "1" };
  const { ok, text, why } = await runProgram(program, [...args, "--probe"], { ms: PROBE_MS, env: quiet });
  if (!ok)
    return {
      about,
      state: "missing",
      says: `${version} does not load: ${why}`,
      ...(CARRIED === undefined && { mend: REINSTALL }),
    };
  const { on, cards } = JSON.parse(text.split("\n").at(-1)!) as Probe;
  return { about, state: "good", says: `${version} loads and computes on ${[on, ...cards.map(describeCard)].join(", ")}` };
}

async function llamaServer(named: string | undefined): Promise<Finding> {
  const about = aboutEngine("llama-server");
  const place = { named, env: process.env };
  const mend = CARRIED === undefined ? "ingle engine build llama-server" : "--llama-server PATH";
  if (!hasLlamaServer(place)) return { about, state: "missing", says: "not here: images and some samplers need it", mend };
  try {
    const path = await llamaServerProgram(place);
    const version = /version: .*/.exec((await runProgram(path, ["--version"])).text)?.[0];
    const failure = await computeFailure(path, process.env, { again: true });
    if (failure === undefined)
      return { about, state: "good", says: `${version} at ${path} computes right${await onCards(path)}` };
    // One that is named, or on the PATH, is taken before ingle's own build.
    const isOwn = path.startsWith(join(cacheFolder(process.env), sep)) || CARRIED !== undefined;
    const instead = isOwn ? mend : `${mend}, and remove ${path}, or take the new one with --llama-server`;
    return { about, state: "missing", says: `${version} at ${path} does not compute right: ${failure}`, mend: instead };
  } catch (error) {
    return { about, state: "missing", says: (error as Error).message, mend };
  }
}

async function onCards(path: string): Promise<string> {
  const cards = await listDevices(path, process.env).catch((error: Error) => error);
  if (cards instanceof Error) return `; its graphics cards are not known: ${cards.message}`;
  if (cards.length > 0) return ` on ${cards.map(describeCard).join(", ")}`;
  return graphicsSigns().length === 0 ? "" : " on the processor: it is built for no graphics card of this machine";
}

const describeCard = ({ name, total_bytes, free_bytes }: GraphicsCard): string =>
  `${name} (${formatBytes(free_bytes)} of ${formatBytes(total_bytes)} free)`;

/** Engines are built only where ingle runs from its sources. */
export async function compilers(): Promise<Finding[]> {
  if (CARRIED !== undefined) return [];
  const about = "compilers";
  try {
    await checkTools(process.env);
    return [{ about, state: "good", says: "all that building llama-server needs" }];
  } catch (error) {
    return [{ about, state: "missing", says: (error as Error).message }];
  }
}
