// One JSON value in one file, written so that a crash or a power cut leaves the old value or the new one.
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../../models/part.ts";

/** Bytes; a record is a few kilobytes, so what is larger is not one. */
const LARGEST = 1 << 20;

/** Undefined when the file is absent. Throws when it is no regular file, too large, or not JSON in UTF-8. */
export async function readRecord(path: string): Promise<unknown> {
  const text = await readText(path);
  return text === undefined ? undefined : JSON.parse(text);
}

async function readText(path: string): Promise<string | undefined> {
  // Links are not followed out of the folder, and a pipe in the record's place must not block.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (!handle) return undefined;
  try {
    const there = await handle.stat();
    if (!there.isFile()) throw new Error("it is not a regular file");
    if (there.size > LARGEST) throw new Error(`it has ${there.size} bytes`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await handle.readFile());
  } finally {
    await handle.close();
  }
}

/** Writes the value as readable JSON and resolves when it is durable; a failure leaves what was there. Creates the folder. */
export async function writeRecord(path: string, value: unknown): Promise<void> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `.${randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(value, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
  if (made !== undefined) await syncFolder(dirname(made));
}
