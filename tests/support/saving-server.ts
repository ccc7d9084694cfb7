// A server that saves conversations to the disk, over a data folder of its own with the real model.
import { expect } from "bun:test";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkFolder } from "../../src/storage/check/check.ts";
import { answerTo, type Said } from "./conversation.ts";
import { namesIn } from "./folder.ts";
import { RUNTIME } from "./program.ts";
import { folderWithModel } from "./real-model.ts";
import { startServer, type Server } from "./server.ts";

const MODEL = "smollm2-135m-instruct";
// One thread: beside other programs the engine takes fewer of them, and among how many a sum is split changes its last bits.
const SETTINGS = ["--slots", "1", "--context", "4096", "--threads", "1", "--kv-cache", "2GB"];

/** `settings`: further flags. `ending`: of the files of saved states. Both of `start` and `stop` belong around the tests. */
export function savingServer({ settings = [], ending }: { settings?: string[]; ending: string }) {
  let data = "";
  let server: Server;
  const folder = (): string => join(data, "kv-cache", MODEL);
  const launch = async (args: string[] = []): Promise<void> => {
    server = await startServer(RUNTIME, [...SETTINGS, ...settings, ...args], { data });
  };
  const named = (ending: string): string[] => namesIn(folder(), ending);
  return {
    get server() {
      return server;
    },
    folder,
    weights: () => join(data, "weights", MODEL),
    async start() {
      data = await folderWithModel();
      await launch();
    },
    async stop() {
      await server.stop();
      rmSync(data, { recursive: true });
    },
    launch,
    async restart(args?: string[]) {
      await server.stop();
      await launch(args);
    },
    ask: (messages: Said[], more?: object) => answerTo(server.url, messages, more),
    states: () => named(ending),
    unfinished: () => named(".tmp"),
    /** The folder and its files are for their owner alone, and `check` finds nothing wrong. */
    async expectGoodFolder() {
      expect(statSync(folder()).mode & 0o777).toBe(0o700);
      for (const name of named("")) expect(statSync(join(folder(), name)).mode & 0o777).toBe(0o600);
      expect((await checkFolder(data, { in_use: true })).findings).toEqual([]);
    },
    /** There is one half-written file, and `check` names it. */
    async expectOneHalf() {
      const { findings } = await checkFolder(data, { in_use: false });
      const halves = named(".tmp").map((name) => `orphaned kv-cache/${MODEL}/${name}`);
      expect(findings.map(({ kind, path }) => `${kind} ${path}`)).toEqual(halves);
      expect(halves).toHaveLength(1);
    },
    async expectRemovedWithModel() {
      expect(existsSync(folder())).toBe(true);
      const response = await fetch(`${server.url}/v1/models/${MODEL}`, { method: "DELETE" });
      expect(response.status).toBe(200);
      expect(existsSync(folder())).toBe(false);
    },
  };
}
