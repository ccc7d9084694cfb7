// A thread with its messages, as the API has them.
import type { Api } from "../api.ts";

export interface ListedThread {
  id: string;
  title: string;
  /** Seconds since 1970. */
  created_at: number;
  assistants: AssistantOfThread[];
}

interface AssistantOfThread {
  assistant_name?: string;
  instructions?: string;
  model?: { id?: string };
}

export interface ThreadMessage {
  id: string;
  role: "user" | "assistant";
  content: { text: { value: string } }[];
}

export interface WholeThread {
  /** The API's answer, but that `messages` are no ids. */
  thread: { id: string; title: string; created_at: number; assistant_configs: AssistantOfThread[] };
  messages: ThreadMessage[];
}

const pathOf = (id: string): string => `/v1/threads/${encodeURIComponent(id)}`;
const messagesOf = (id: string): string => `${pathOf(id)}/messages`;

/** The newest first. */
export const listThreads = (api: Api): Promise<ListedThread[]> => readPages(api, "/v1/threads", "desc");

/** Throws `CliError` where there is no such thread. */
export async function readThread(api: Api, id: string): Promise<WholeThread> {
  const thread = await api.json<WholeThread["thread"]>(pathOf(id));
  return { thread, messages: await readPages<ThreadMessage>(api, messagesOf(id), "asc") };
}

export async function addMessage(api: Api, id: string, message: { role: string; content: string }): Promise<void> {
  await api.request(messagesOf(id), { method: "POST", body: message });
}

export async function deleteThread(api: Api, id: string): Promise<void> {
  await api.request(pathOf(id), { method: "DELETE" });
}

export const textOfMessage = ({ content }: ThreadMessage): string => content.map(({ text }) => text.value).join("\n\n");

const PAGE = 100;

async function readPages<T extends { id: string }>(api: Api, path: string, order: "asc" | "desc"): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const after = all.length > 0 ? `&after=${encodeURIComponent(all.at(-1)!.id)}` : "";
    const { data, has_more } = await api.json<{ data: T[]; has_more: boolean }>(`${path}?limit=${PAGE}&order=${order}${after}`);
    all.push(...data);
    if (!has_more) return all;
  }
}
