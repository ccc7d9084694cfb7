// One operation on one server: every call that it makes fails in turn, or is the last one of its process.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Runtime } from "../support/runtimes.ts";
import { idsAt, SETUP, type Ids, type Operation, type Records } from "./operations.ts";
import { badRefusal, findingsIn, reachable, recordsIn, stateOf, temporariesIn } from "./oracle.ts";
import { startFaulty, type FaultyServer } from "./server.ts";
import { attach, callsIn, failing, WATCH, type Call } from "./strace.ts";

export const FAULTS = ["EIO", "ENOSPC", "EMFILE", "KILL"] as const;
/** A quota that is used up is a full disk by a name that not every runtime knows, so it is tried where a record is written only. */
export type Fault = (typeof FAULTS)[number] | "EDQUOT";

/** A call with names instead of ids, and how often a request makes it. */
export interface Target extends Call {
  times: number;
  /** Whether what the request changes may be on the disk by then, of the first such call and of the last. */
  late: [first: boolean, last: boolean];
}

export interface Outcome {
  result: "acknowledged" | "refused" | "killed" | "not reached";
  violations: string[];
}

export interface Field {
  /** The calls of an operation in their order, each once. */
  targets(): Promise<Target[]>;
  strike(target: Target, fault: Fault, k: number): Promise<Outcome>;
  /** Restarts the server a last time; answers with what is not as it has to be. */
  close(): Promise<string[]>;
}

const SECOND = 1000;

export async function openField(runtime: Runtime, operation: Operation): Promise<Field> {
  let clock = Date.now();
  let folder = "";
  let server: FaultyServer;
  let bystander: string | undefined;
  /** How many ids a request takes for itself, before those of its records. */
  let own_ids = 0;
  let count = 0;
  await begin();

  return {
    async targets() {
      let ids = await setUp();
      const trace = await attach(server.pid, WATCH);
      const answer = await server.ask(clock, operation.request(ids));
      if (operation.first) ids = learnt(answer?.body);
      const calls = callsIn(await trace.end(), folder).map(({ name, path }) => ({ name, path: template(path, ids) }));
      if (answer?.status !== 200 || calls.length < 5) throw new Error(`Without a fault: ${JSON.stringify(answer)}`);
      return targetsOf(calls);
    },
    strike: (target, fault, k) => (fault === "KILL" ? kill(target, k) : fail(target, fault, k)),
    async close() {
      const found = await restarted();
      await server.kill();
      rmSync(folder, { recursive: true });
      return found;
    },
  };

  async function begin(): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), "ingle-faults-"));
    server = await startFaulty(runtime, folder);
    if (operation.first) return;
    const made = await accepted(SETUP);
    learnt(made);
    bystander = (made as { id: string }).id;
  }

  /** Ready for the request, which is to be sent at `clock`. */
  async function setUp(): Promise<Ids> {
    if (operation.first && count++ > 0) {
      await server.kill();
      rmSync(folder, { recursive: true });
      await begin();
    }
    if (!operation.first) await accepted(SETUP);
    clock += SECOND;
    return ids();
  }

  function ids(): Ids {
    return idsAt(clock - SECOND, clock, own_ids);
  }

  /** From a record that was made at this moment. */
  function learnt(record: unknown): Ids {
    own_ids = Number((record as { id: string }).id.at(-1));
    return ids();
  }

  /** A request without a fault. */
  async function accepted(request: { method: string; path: string; body?: object }): Promise<unknown> {
    const answer = await server.ask((clock += SECOND), request);
    if (answer?.status !== 200) throw new Error(`${request.method} ${request.path} without a fault: ${JSON.stringify(answer)}`);
    return answer.body;
  }

  async function fail(target: Target, fault: Fault, k: number): Promise<Outcome> {
    const ids = await setUp();
    const old = recordsIn(folder);
    const changed = operation.change(old, ids);
    const trace = await attach(server.pid, failing(concrete(target, ids), fault, k));
    const answer = await server.ask(clock, operation.request(ids));
    const seen = await trace.end(answer === undefined);
    // Deno ends where the system cannot close a folder that was read: what is behind its `readdir` takes that for impossible.
    if (answer === undefined) return { result: "killed", violations: await ended(target, k, old, changed) };
    const violations: string[] = [];
    const hit = seen.includes("(INJECTED)");
    if (!hit && mustCome(target, k)) violations.push("It was not injected.");
    const state = stateOf(recordsIn(folder), old, changed);
    if (state === undefined) violations.push("What is there is neither the old nor the new.");
    else if (answer.status === 200 && state === "old") violations.push("It was acknowledged, and is not there.");
    else if (answer.status !== 200) violations.push(...badRefusal(answer, state));
    const full = ["ENOSPC", "EDQUOT"].includes(fault) && target.path.endsWith(".tmp") && target.name !== "close";
    if (full && hit && answer.status !== 507) violations.push(`The disk was full, and it was answered ${answer.status}.`);
    if (answer.status !== 200 && state === "new" && !isLate(target, k) && !isUnsure(target, answer.body))
      violations.push("It was refused, and is there.");
    if (target.path.endsWith(".tmp") && (seen.match(/fsync\(/g)?.length ?? 0) > 1) violations.push("Its fsync was repeated.");
    if (temporariesIn(folder).length > 0) violations.push("A temporary file is left.");
    violations.push(...(await view(Object.keys({ ...old, ...changed }).filter((path) => isOf(path, ids)))));
    violations.push(...(await goesOn(target, ids)));
    return { result: hit ? (answer.status === 200 ? "acknowledged" : "refused") : "not reached", violations };
  }

  /** The fault has passed: the same request is possible, unless the disk's state is unknown; so are those for other records. */
  async function goesOn({ path }: Target, ids: Ids): Promise<string[]> {
    const again = await server.ask((clock += SECOND), operation.request(ids));
    const fine = again !== undefined && [200, 404].includes(again.status);
    const doubtful = again?.status === 500 && !/\.(json|tmp)$/.test(path);
    if (bystander !== undefined) await accepted({ method: "PATCH", path: `/threads/${bystander}`, body: { title: `${clock}` } });
    return fine || doubtful ? [] : [`Afterwards it is answered ${JSON.stringify(again)}.`];
  }

  async function kill(target: Target, k: number): Promise<Outcome> {
    const ids = await setUp();
    const old = recordsIn(folder);
    const trace = await attach(server.pid, failing(concrete(target, ids), "KILL", k));
    const answer = await server.ask(clock, operation.request(ids));
    const hit = (await trace.end(answer === undefined)).includes("killed by SIGKILL");
    const changed = operation.change(old, ids);
    if (hit) return { result: "killed", violations: await ended(target, k, old, changed) };
    const violations = mustCome(target, k) ? ["It was not killed."] : [];
    if (answer?.status !== 200 || stateOf(recordsIn(folder), old, changed) !== "new") {
      violations.push("It was not killed, and not answered.");
    }
    violations.push(...(await restarted()));
    return { result: "not reached", violations };
  }

  /** What is wrong after a server that ended at a call. */
  async function ended(target: Target, k: number, old: Records, changed: Records): Promise<string[]> {
    const state = stateOf(recordsIn(folder), old, changed);
    const violations: string[] = [];
    if (state === undefined) violations.push("What is there is neither the old nor the new.");
    if (state === "new" && !isLate(target, k)) violations.push("It is there before it was written.");
    return [...violations, ...(await restarted())];
  }

  /** Ends the server as a crash does, and starts another. */
  async function restarted(): Promise<string[]> {
    await server.kill();
    const before = recordsIn(folder);
    server = await startFaulty(runtime, folder);
    const changed = isDeepStrictEqual(recordsIn(folder), before) ? [] : ["The start has changed records."];
    return [...changed, ...(await view(Object.keys(before))), ...(await findingsIn(folder))];
  }

  /** What the server says of these records, against what is on the disk. */
  async function view(paths: string[]): Promise<string[]> {
    const records = reachable(recordsIn(folder));
    const wrong: string[] = [];
    for (const path of paths) {
      const answer = await server.ask(clock, { method: "GET", path: urlOf(path) });
      if (!agrees(answer, records[path])) wrong.push(`${path} is told as ${JSON.stringify(answer)}.`);
    }
    const listed = (await server.ask(clock, { method: "GET", path: "/threads" }))?.body as { id: string }[];
    const there = Object.keys(records).filter((path) => path.startsWith("threads/"));
    const ids = listed.map(({ id }) => `threads/${id}.json`).toSorted();
    return isDeepStrictEqual(ids, there.toSorted()) ? wrong : [...wrong, "The list of threads is another."];
  }

  function concrete({ name, path }: Call, ids: Ids): Call {
    const named = Object.entries(namesOf(ids)).reduce((path, [name, id]) => path.replaceAll(`{${name}}`, id), path);
    return { name, path: join(folder, named) };
  }

  function template(path: string, ids: Ids): string {
    const below = path.slice(folder.length + 1);
    return Object.entries(namesOf(ids)).reduce((path, [name, id]) => path.replaceAll(id, `{${name}}`), below);
  }

  function namesOf({ new_messages, new_thread, new_message, new_assistant, thread, message, other_message }: Ids) {
    const [new_first, new_second] = new_messages;
    return {
      ...{ thread, message, other_message, new_thread, new_message, new_assistant },
      new_first,
      new_second,
      token: server.token,
    };
  }
}

const isOf = (path: string, { thread, new_thread, new_assistant }: Ids): boolean =>
  [thread, new_thread, new_assistant].some((id) => path.includes(id));

/** Each call once; what comes behind the first one that changes a record is late. */
function targetsOf(calls: Call[]): Target[] {
  const targets = new Map<string, Target>();
  let late = false;
  for (const { name, path } of calls) {
    const known = targets.get(`${name} ${path}`);
    if (known) Object.assign(known, { times: known.times + 1, late: [known.late[0], late] });
    else targets.set(`${name} ${path}`, { name, path, times: 1, late: [late, late] });
    late ||= /^(rename|unlink)/.test(name);
  }
  return [...targets.values()];
}

/** Nobody waits for a file to be closed: that may be after the answer. */
const mustCome = ({ name }: Target, k: number): boolean => k === 1 && name !== "close";

/** A file is closed beside what follows. */
const isLate = ({ name, late }: Target, k: number): boolean => name === "close" || late[k === 1 ? 0 : 1];

/** A look at the data folder may be the one before a change or the one after it, as two at a moment are one; an answer that says so is true. */
const isUnsure = ({ name }: Target, body: unknown): boolean =>
  name.startsWith("stat") && JSON.stringify(body).includes("is not known");

/** `messages/thread_…/msg_….json` to `/threads/thread_…/messages/msg_…`. */
function urlOf(path: string): string {
  const [kind, id, message] = path.replace(/\.json$/, "").split("/");
  return kind === "messages" ? `/threads/${id}/messages/${message}` : `/${kind}/${id}`;
}

function agrees(answer: { status: number; body: unknown } | undefined, record: unknown): boolean {
  if (record === undefined) return answer?.status === 404;
  const fields = ["id", "title", "name", "metadata", "content", "created_at"] as const;
  const part = (of: unknown) => fields.map((field) => (of as Records)[field]);
  return answer?.status === 200 && isDeepStrictEqual(part(answer.body), part(record));
}
