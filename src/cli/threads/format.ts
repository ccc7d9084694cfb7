// Threads as text.
import { forScreen } from "../screen-text.ts";
import { table, type TableColumn } from "../table.ts";
import { textOfMessage, type ListedThread, type WholeThread } from "./thread.ts";

const UNTITLED = "(no title)";

export function formatList(threads: ListedThread[]): string {
  const rows = threads.map(({ id, title, created_at, assistants }) => {
    const title_in_one_line = forScreen(title).replaceAll(/\s+/g, " ").trim();
    return [id, formatTime(created_at), assistants[0]?.model?.id ?? "", title_in_one_line || UNTITLED];
  });
  return table(COLUMNS, rows);
}

// An id that is cut would name nothing.
const COLUMNS: TableColumn[] = [
  ...[{ title: "ID" }, { title: "CREATED", leave: 2 }, { title: "MODEL", leave: 1 }, { title: "TITLE", least: 20 }],
];

/** For other programs: the thread as the API has it, with its messages in the place of their ids. */
export const formatJson = ({ thread, messages }: WholeThread): string => JSON.stringify({ ...thread, messages }, null, 2);

/** Each message below who has written it. */
export function formatMarkdown({ thread, messages }: WholeThread): string {
  const name = thread.assistant_configs[0]?.assistant_name || "Assistant";
  return [
    `# ${thread.title || UNTITLED}`,
    ...messages.map((message) => `## ${message.role === "user" ? "You" : name}\n\n${textOfMessage(message).trim()}`),
  ].join("\n\n");
}

/** In the time of this machine: `2026-11-30 14:05`. */
function formatTime(seconds: number): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const date = new Date(seconds * 1000);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
