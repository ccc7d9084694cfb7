// The system's own word for what went wrong, on every runtime: libuv, and Deno with it, do not know all of the system's errors.
import { constants } from "node:os";

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Node's `code` of an error that libuv does not know: "Unknown system error -122".
const NO_NAME = /^UNKNOWN$|^Unknown system error /;
// Deno's message of one, which has neither `code` nor `errno`.
const OS_ERROR = /\(os error (\d+)\)$/;

/** Such as `ENOENT`; other codes as they are; empty where there is none. */
export function systemCodeOf(error: unknown): string {
  const { code, errno, message } = (error ?? {}) as { code?: unknown; errno?: unknown; message?: unknown };
  if (code !== undefined && !NO_NAME.test(String(code))) return String(code);
  const number = typeof errno === "number" ? Math.abs(errno) : Number(OS_ERROR.exec(String(message))?.[1]);
  return NAMES.get(number) ?? String(code ?? "");
}

/** Whether the disk is full, or what this user may have of it. */
export const isDiskFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(systemCodeOf(error));
