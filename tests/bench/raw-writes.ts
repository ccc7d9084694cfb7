// The primitive that a durable record costs: temporary file, all bytes, fsync, rename, fsync of the folder. Nothing around it.
// Started as a process of its own: reads one JSON line for each run, answers with one.
import { randomUUID } from "node:crypto";
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface RawRun {
  folder: string;
  bytes: number;
  /** Side by side, each in a folder of its own. */
  wide: number;
  /** In all. */
  writes: number;
}

async function write(folder: string, bytes: Uint8Array): Promise<void> {
  const name = randomUUID();
  const temporary = join(folder, `.${name}.tmp`);
  const file = await open(temporary, "wx", 0o600);
  await file.write(bytes);
  await file.sync();
  await file.close();
  await rename(temporary, join(folder, `${name}.json`));
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}

async function run({ folder, bytes, wide, writes }: RawRun): Promise<number> {
  const content = new Uint8Array(bytes).fill(32);
  const folders = Array.from({ length: wide }, (_, i) => join(folder, `raw-${i}`));
  for (const each of folders) await mkdir(each, { recursive: true });
  const started = performance.now();
  let left = writes;
  await Promise.all(
    folders.map(async (each) => {
      while (left-- > 0) await write(each, content);
    }),
  );
  return (writes / (performance.now() - started)) * 1000;
}

for await (const line of createInterface({ input: process.stdin })) console.log(await run(JSON.parse(line)));
