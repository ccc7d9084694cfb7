// The API as commands call it: that of the server that holds the data folder or, where none does, the same application in this process.
import { join } from "node:path";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { readConfig } from "../server/read-config.ts";
import type { Config } from "../server/settings.ts";
import type { ErrorBody } from "../http/errors.ts";
import { LOCK_FILE } from "../storage/file-names.ts";
import { throwUnusable } from "../storage/data-folder.ts";
import { holderOf } from "../storage/lock/folder-lock.ts";
import { requestOperatorKey } from "../storage/lock/folder-proof.ts";
import { LockedError, readHolder, type Holder } from "../storage/lock/holder.ts";
import { requestDirectly } from "../support/direct-request.ts";
import { CliError, RefusedError } from "./error.ts";
import { guessModel } from "./model-guess.ts";
import { settingsOf } from "./setting-args.ts";
import { createServer, type RunningServer, type CreateServerOptions } from "../server/create-server.ts";

export interface Api {
  /** `path` begins with `/v1/`. Throws `CliError` with the sentence of every answer that is an error. */
  request(path: string, init?: ApiRequestOptions): Promise<Response>;
  /** The body of the answer, which is JSON. */
  json<T>(path: string, init?: ApiRequestOptions): Promise<T>;
  /** Where the server listens that answers, which has settings of its own; undefined for an application in this process. */
  readonly server: string | undefined;
  /** Lets go of the data folder. A server goes on. */
  close(): Promise<void>;
}

interface ApiRequestOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: object;
  signal?: AbortSignal;
}

type ConnectOptions = Omit<CreateServerOptions, "wide">;

/** Calls `work` with the API of the data folder that the options of a command line and the other settings name. Throws as `connect` does. */
export async function withApi(
  flags: Record<string, unknown>,
  options: ConnectOptions,
  work: (api: Api, config: Config) => Promise<void>,
): Promise<void> {
  const config = readConfig(settingsOf(flags));
  const api = await connect(config, options);
  await work(api, config).finally(api.close);
}

/**
 * A command that only `reads` needs no lock: where the holder serves no URL, or does not see this folder, it reads the files. Throws
 * `CliError` where another process is at work in the folder, and where its server does not answer.
 */
export async function connect(config: Config, { command, reads = false, write = () => {} }: ConnectOptions): Promise<Api> {
  const path = join(config.data, LOCK_FILE);
  // Where the lock names no server, taking it says whether it can be had.
  const holder = (await readHolder(path))?.url === undefined ? undefined : await holderOf(path);
  const key = holder && (await operatorKey(holder, config.data, reads));
  if (holder === undefined || (key === undefined && reads)) {
    return connectInProcess(config, { command, reads, write }).catch((error) => {
      throw error instanceof LockedError ? inUseError(error.holder, "Wait for it to end.") : error;
    });
  }
  if (key === undefined) throw inUseError(holder, "It does not see this folder, which was moved. Stop it first.");
  const remote: SendRequest = (request) =>
    requestDirectly(request).catch((cause: Error) => {
      throw inUseError(holder, `It does not answer: ${cause.message}`, cause);
    });
  return { ...createApi(remote, holder.url!, key), server: holder.url };
}

/** The key of the server that holds the folder; undefined where there is none, and where a command that `reads` cannot get it. */
async function operatorKey(holder: Holder, folder: string, reads: boolean): Promise<string | undefined> {
  try {
    return await requestOperatorKey(holder.url!, folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw inUseError(holder, (error as Error).message, error);
    return reads ? undefined : throwUnusable(folder, error);
  }
}

function inUseError(holder: Holder, why: string, cause?: unknown): CliError {
  return new CliError(`${new LockedError(holder).message} ${why}`, 1, { cause });
}

/** The API of an application in this process, with engines of its own. */
export async function connectInProcess(config: Config, options: CreateServerOptions): Promise<Api> {
  const server = await createServer(config, { ...options, for_owner: true });
  return { ...apiOfServer(server), close: () => server.close(0) };
}

/** The API of a server of this process; its `close` does nothing. */
export function apiOfServer({ app, operator_key }: Pick<RunningServer, "app" | "operator_key">): Api {
  return createApi((request) => app.fetch(request), "http://localhost", operator_key);
}

type SendRequest = (request: Request) => Response | Promise<Response>;

function createApi(fetch: SendRequest, origin: string, key: string): Api {
  const send: Api["request"] = async (path, { method = "GET", body, signal = null } = {}) => {
    // A socket sets the host by itself; without one the guards still look for it.
    const headers = new Headers({ authorization: `Bearer ${key}`, host: new URL(origin).host });
    if (body !== undefined) headers.set("content-type", "application/json");
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await fetch(new Request(origin + path, { method, headers, body: text, signal }));
    if (response.ok) return response;
    throw new RefusedError(((await response.json()) as ErrorBody).error);
  };
  const readIds = async (): Promise<string[]> => {
    const models = await send("/v1/models?catalog=true");
    return ((await models.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
  };
  const request: Api["request"] = (path, init) =>
    send(path, init).catch(async (error) => {
      if (error instanceof RefusedError) error.message += await guessModel(error, readIds);
      throw error;
    });
  return { request, json: async (path, init) => (await request(path, init)).json(), server: undefined, close: async () => {} };
}

/** The objects of a stream of server-sent events. Throws `CliError` for an error among them, and for a stream that breaks off. */
export async function* readEvents<T>(response: Response): AsyncGenerator<T> {
  let cause: unknown;
  try {
    const events = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const { data } of events) {
      if (data === "[DONE]") return;
      const value = JSON.parse(data) as object;
      if (isErrorBody(value)) throw new RefusedError(value.error);
      yield value as T;
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    cause = error;
  }
  throw new CliError("The server ended before its answer did.", 1, { cause });
}

/** An event with further fields beside `error` is no error of the stream. */
function isErrorBody(value: object): value is ErrorBody {
  return "error" in value && Object.keys(value).length === 1;
}
