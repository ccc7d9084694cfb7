// Two kinds of client read the same records: those of the published API, and OpenAI's, which send a header.
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import type { PageQuery } from "../http/paging.ts";

/** OpenAI's clients send the header with each request for assistants and threads. */
function isOpenAI(c: Context<AppEnv>): boolean {
  return c.req.header("openai-beta") !== undefined;
}

/** The published API knows no null in these fields: its clients get an empty string. */
export function adaptNulls<T extends object>(c: Context<AppEnv>, record: T, nullable: (keyof T)[]): T {
  c.set("vary", "OpenAI-Beta");
  if (isOpenAI(c)) return record;
  const empty = nullable.filter((name) => record[name] === null).map((name) => [name, ""]);
  return { ...record, ...Object.fromEntries(empty) };
}

/** Fields that OpenAI's clients find in a record, beside those of the published API; nothing for others. */
export function forOpenAI<T extends object>(c: Context<AppEnv>, fields: T): Partial<T> {
  return isOpenAI(c) ? fields : {};
}

/** The header, or any parameter of a page, asks for OpenAI's list object; without either the answer is a bare array of all. */
export function wantsPage(c: Context<AppEnv>, page: PageQuery): boolean {
  return isOpenAI(c) || Object.values(page).some((value) => value !== undefined);
}
