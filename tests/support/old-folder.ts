// Old data folders of Jan and cortex for the tests of the import, and what an import has made of them.
import { createHash } from "node:crypto";
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Driver } from "unstorage";
import memory from "unstorage/drivers/memory";
import { importFolder } from "../../src/import/import.ts";
import type { Report } from "../../src/import/report.ts";
import { createStore, type Store } from "../../src/storage/store.ts";
import { listening, textOf } from "./records.ts";

export const FIXTURES = fileURLToPath(new URL("../fixtures/import", import.meta.url));

/** 2033: behind all that the fixtures tell of, and the day on which they were copied. */
export const NOW = 2_000_000_000;

const WEIGHTS: Record<string, string[]> = {
  "jan-0.4": ["models/tinyllama-1.1b/tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf"],
  "jan-0.5": [
    "models/llama3.2-1b-instruct/Llama-3.2-1B-Instruct-Q8_0.gguf",
    "models/cortex.so/llama3.2/3b/model.gguf",
    "models/alone/alone.gguf",
  ],
  "jan-0.6": ["llamacpp/models/qwen/Qwen3-0.6B-Q8_0/model.gguf", "llamacpp/models/gemma-3-4b-it-IQ4_XS/mmproj.gguf"],
  cortex: ["models/cortex.so/tinyllama/1b/model.gguf", "models/huggingface.co/TheBloke/mine/mine.Q4_K_M.gguf"],
  broken: ["models/partial/model.gguf"],
};

/** A folder of its own, without links in its path. */
export const emptyFolder = (): string => realpathSync(mkdtempSync(join(tmpdir(), "ingle-old-")));

/** A copy of a fixture, with the weights that no repository carries. */
export function oldFolder(era: string): string {
  const folder = emptyFolder();
  cpSync(join(FIXTURES, era), folder, { recursive: true });
  for (const path of WEIGHTS[era] ?? []) put(folder, path, "GGUF");
  return folder;
}

export function put(folder: string, path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** Every path of a folder with the time of its last change and, of a file, its bytes as a hash. */
export function snapshot(folder: string): Record<string, string> {
  const paths = ["", ...(readdirSync(folder, { recursive: true }) as string[])].sort();
  return Object.fromEntries(
    paths.map((path) => {
      const there = lstatSync(join(folder, path));
      const hash = there.isFile()
        ? createHash("sha256")
            .update(readFileSync(join(folder, path)))
            .digest("hex")
        : "";
      return [path, `${there.mtimeMs} ${there.mode} ${hash}`];
    }),
  );
}

export function makeStore(driver: Driver = memory()): Store {
  return createStore({ driver, shared: false, log: listening().log });
}

export const bring = (store: Store, folder: string): Promise<Report> => importFolder(folder, { store, now: () => NOW });

/** All that a store holds. */
export async function contents(store: Store) {
  const threads = await store.threads.getMany(await store.threads.ids());
  const messages = threads.map(async ({ id }) => [id, await store.messages(id).getMany(await store.messages(id).ids())] as const);
  return {
    threads,
    messages: Object.fromEntries(await Promise.all(messages)),
    assistants: await store.assistants.getMany(await store.assistants.ids()),
    models: await store.models.getMany(await store.models.ids()),
  };
}

/** The thread that was called so in the old folder, with its messages as `[role, text, created_at, status]`. */
export async function imported(store: Store, old_id: string) {
  const { threads, messages } = await contents(store);
  const thread = threads.find(({ metadata }) => metadata.imported_id === old_id);
  if (thread === undefined) throw new Error(`Nothing came of thread ${old_id}.`);
  const own = messages[thread.id]!;
  return { thread, messages: own, said: own.map((one) => [one.role, textOf(one), one.created_at, one.status]) };
}

/** A report as lines, `skipped thread threads/a: reason`, sorted. */
export function told({ skipped, reduced }: Report): string[] {
  const lines = Object.entries({ skipped, reduced }).flatMap(([list, items]) =>
    items.map(({ kind, path, line, reason }) => `${list} ${kind} ${path}${line === undefined ? "" : `:${line}`}: ${reason}`),
  );
  return lines.sort();
}

/** How many of each kind were taken, and of messages. */
export function taken({ taken: items }: Report): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, messages = 0 } of items) {
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (messages > 0) counts.message = (counts.message ?? 0) + messages;
  }
  return counts;
}

/** Into a new store. */
export async function importing(folder: string) {
  const store = makeStore();
  return { store, report: await bring(store, folder) };
}

/** A Jan folder with one thread "t" that has these lines. */
export function folderWith(lines: string | Uint8Array, thread: object | string = { title: "t", created: 1_700_000_000 }): string {
  const folder = emptyFolder();
  put(folder, "threads/t/thread.json", typeof thread === "string" ? thread : JSON.stringify(thread));
  put(folder, "threads/t/messages.jsonl", lines);
  return folder;
}

/** One of a messages.jsonl. */
export const line = (id: string | number | undefined, text: unknown, more: object = {}): string =>
  `${JSON.stringify({ id, role: "user", content: [{ type: "text", text: { value: text, annotations: [] } }], ...more })}\n`;
