// Two kinds of client read the same records: the document's, and OpenAI's, which say so by a header.
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import type { PageQuery } from "../http/paging.ts";

/** OpenAI's clients send it with everything that concerns assistants and threads. */
function isOpenAI(c: Context<AppEnv>): boolean {
  return c.req.header("openai-beta") !== undefined;
}

/** Fields that are null are empty strings in the document, which knows no null there. */
export function adaptNulls<T extends object>(c: Context<AppEnv>, record: T, nullable: (keyof T)[]): T {
  c.set("vary", "OpenAI-Beta");
  if (isOpenAI(c)) return record;
  const empty = nullable.filter((name) => record[name] === null).map((name) => [name, ""]);
  return { ...record, ...Object.fromEntries(empty) };
}

/** OpenAI's list object is asked for by the header, or by any parameter of a page; the document's is a bare array of all. */
export function wantsPage(c: Context<AppEnv>, page: PageQuery): boolean {
  return isOpenAI(c) || Object.values(page).some((value) => value !== undefined);
}
