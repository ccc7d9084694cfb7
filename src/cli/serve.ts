// `ingle serve`: the server, from its settings to its last answer.
import { defineCommand } from "citty";
import ipaddr from "ipaddr.js";
import manifest from "../../package.json" with { type: "json" };
import { adapterNamed } from "../../adapters/registry.ts";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { proxyProblem } from "../../models/network/proxies.ts";
import { readConfig, sourceOptions } from "../server/read-config.ts";
import { SETTING_NAMES, type Config } from "../server/settings.ts";
import { checkKey } from "../http/middleware/auth.ts";
import { pathOfStore } from "../storage/store-path.ts";
import { serve, type Server } from "../server/listen.ts";
import { CONFIG_ARG, settingArgs, settingsOf } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { asCalled } from "./invocation.ts";
import { printNote } from "./print.ts";
import { standardOutput } from "../server/standard-streams.ts";
import { shellWords } from "../support/shell-words.ts";
import { createServer, type RunningServer } from "../server/create-server.ts";

/** How long running answers may go on after a first SIGINT or SIGTERM, in milliseconds. */
const GRACE_MS = 10_000;

/** The time clients have to take their error event after the engines are closed, in milliseconds. */
const LAST_FRAME_MS = 3_000;

/** The server ends within this time after a first signal, in milliseconds. */
export const STOP_MS = GRACE_MS + LAST_FRAME_MS;

/** A server that nobody can reach any more ends within this time, in milliseconds. */
const DEAF_MS = 1_500;

/** Two signals within this time count as one: a terminal and a service manager send theirs to the launcher and to the server. */
const SAME_SIGNAL_MS = 300;

export default defineCommand({
  args: {
    ...settingArgs(...SETTING_NAMES),
    ...CONFIG_ARG,
    pull: { type: "boolean", description: "Fetch the model of --model, or the default one, where it is missing" },
  },
  async run({ args }) {
    const config = readConfig(settingsOf(args));
    const wide = checkExposure(config);
    checkProxies(config);
    if (args.pull) config.model ??= DEFAULT_MODEL;
    const server = await createServer(config, { command: "serve", wide, log_requests: true });
    // The port comes first: that it is in use is to be said before a long download.
    const host = await addressOf(config.host);
    const onDeaf = (error: Error) => void end(server, error);
    const listener = await serve(server.app.fetch, { ...config, host, onDeaf }).catch(async (error) => {
      await server.close(0);
      throw (error.cause as NodeJS.ErrnoException)?.code === "EADDRINUSE" ? await portTakenError(host, config.port) : error;
    });
    const stop = stopOnSignals(server, listener);
    try {
      await server.announceUrl(reachableUrl(listener.url));
      const greet = async (): Promise<void> => {
        await checkModel(server, config, args.pull);
        await announce(server, listener.url, config);
      };
      // A pull may wait for a day: the other downloads, and the requests, do not wait for it.
      await (args.pull ? Promise.all([greet(), prepare(server, stop)]) : greet().then(() => prepare(server, stop)));
    } catch (error) {
      // A pull ends with the server that stops.
      if (stop.begun) return;
      await listener.close(0);
      await server.close(0);
      throw error;
    }
    // Behind the rest: an engine may have to be asked what a graphics card has room for.
    const advice = await adviceFor(server).catch(() => undefined); // The server may stop by now, or its storage may be away.
    if (advice !== undefined && !stop.begun) standardOutput.write(`${asCalled(advice)}\n\n`);
  },
});

/** For the log, and for people. */
async function announce({ log, hasModels, guarantee }: RunningServer, url: string, config: Config): Promise<void> {
  const { data, llama_server, models_dir } = config;
  const records = pathOfStore(config.store);
  log.info("serving", { url, data, records, llama_server, models_dir });
  const folders = `Data folder: ${data}${records === undefined ? "" : `; records: ${records}`}`;
  standardOutput.write(`${greeting(url, await hasModels())}\n${folders}\n${guarantee}\n\n`);
}

/**
 * What no client has to wait for until it asks: a server listens sooner without it (`bench:start`, column `listening`). Never rejects: the
 * storage may have gone away by now, and requests try again what has failed.
 */
async function prepare({ log, resumeDownloads, loadHandlers }: RunningServer, stop: { readonly begun: boolean }): Promise<void> {
  const logUnlessStopped = (message: string) => (cause: unknown) => void (stop.begun || log.error(message, { cause }));
  await resumeDownloads().catch(logUnlessStopped("downloads were not gone on with"));
  await loadHandlers().catch(logUnlessStopped("the code of the usual requests was not imported"));
}

/** The remedy is the command as it was typed, with another port. */
async function portTakenError(host: string, port: number): Promise<CliError> {
  const { findFreePort, findPortOwner } = await import("./port.ts");
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const [{ name, remedy }, free] = await Promise.all([findPortOwner(address, port), findFreePort(address, port)]);
  const words = process.argv.slice(2);
  const others = words.filter((word, at) => !/^--port(=|$)/.test(word) && words[at - 1] !== "--port");
  const command = shellWords([...others, "--port", String(free)]);
  return new CliError(`Port ${port} on ${host} is in use by ${name}. ${remedy}, or take a free port: "ingle ${command}".`);
}

/** A proxy that cannot be used is said at once, not at the first download. Throws `CliError`. */
function checkProxies(config: Config): void {
  const { offline, proxies } = sourceOptions(config);
  const problem = offline ? undefined : proxyProblem(proxies);
  if (problem !== undefined) throw new CliError(problem);
}

/** Ends with a sentence and a code that says failure, so that a service manager starts the server again. */
async function end({ log, close }: RunningServer, { message }: Error): Promise<void> {
  log.error(`${message} The server ends.`);
  setTimeout(() => process.exit(1), DEAF_MS);
  await close(0);
  process.exit(1);
}

/** A first signal ends the process within `STOP_MS`, a second one at once. */
function stopOnSignals({ log, close }: RunningServer, listener: Server): { readonly begun: boolean } {
  let stopping: number | undefined;
  const stop = async (signal: string): Promise<void> => {
    if (stopping !== undefined) {
      if (performance.now() - stopping > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stopping = performance.now();
    log.info("stopping", { signal });
    // The sockets close last: a stream that still runs when its engine is closed gets an error event.
    await Promise.all([close(GRACE_MS), listener.close(STOP_MS)]);
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  return {
    get begun() {
      return stopping !== undefined;
    },
  };
}

/** The URL at which commands of this machine reach a server that may listen everywhere. */
const reachableUrl = (url: string): string => url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");

/**
 * `localhost` may have two addresses, and another program may listen at the one that a command of the owner tries first. Of a name without
 * an address, Bun would say that its port is in use.
 */
async function addressOf(host: string): Promise<string> {
  if (ipaddr.isValid(host.replace(/^\[(.*)\]$/, "$1"))) return host;
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(host).catch((cause: Error) => {
    throw new CliError(`The name ${host} has no address. Choose an address of this machine with --host.`, 1, { cause });
  });
  return found.address;
}

/** Whether the server listens beyond loopback. Throws where that is not safe. */
function checkExposure({ host, key, insecure_no_auth }: Config): boolean {
  key.forEach(checkKey);
  const wide = !isLoopback(host);
  if (!wide || key.length > 0) return wide;
  const remedy = "Set a key with --key or INGLE_KEY, or add --insecure-no-auth if you mean it.";
  if (!insecure_no_auth) throw new CliError(`Listening on ${host} lets others in. ${remedy}`);
  printNote(`WARNING: everybody who reaches ${host} can use this server: it has no key.`);
  return wide;
}

function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || (ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback");
}

async function checkModel(server: RunningServer, { model, adapter }: Config, may_pull = false): Promise<void> {
  if (model === undefined || adapterNamed(adapter)?.models !== undefined) return;
  const library = await server.library();
  // A model that other servers run has no files here.
  if (may_pull && (await library.get(model))?.upstream === undefined) {
    const [{ pull }, { apiOfServer }] = await Promise.all([import("./pull.ts"), import("./api.ts")]);
    await pull(apiOfServer(server), model, false);
  } else if ((await library.get(model)) === undefined) {
    throw new CliError(`Model "${model}" is not installed. Run "ingle pull ${model}", or add --pull.`);
  }
}

/** What to pull instead of the model for trying things out, as long as there is no other. */
async function adviceFor(server: RunningServer): Promise<string | undefined> {
  if ((await (await server.library()).list()).some(({ id }) => id !== DEFAULT_MODEL)) return undefined;
  const [{ adviseBetterModel }, { apiOfServer }] = await Promise.all([import("./better-model.ts"), import("./api.ts")]);
  return adviseBetterModel(apiOfServer(server));
}

function greeting(url: string, has_models: boolean): string {
  const request = `curl ${url}/v1/chat/completions -H "Content-Type: application/json" -d '{
    "messages": [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}],
    "temperature": 0
  }'`;
  const next = has_models ? request : asCalled(`ingle pull ${DEFAULT_MODEL}`);
  return `ingle ${manifest.version} is listening on ${url}\n\nTry it:\n\n  ${next}\n`;
}
