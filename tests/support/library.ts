// The library of a data folder, opened with its store as a command does, and closed again.
import { join } from "node:path";
import { createLibrary, type Library } from "../../src/library/library.ts";
import { createLog } from "../../src/support/log/log.ts";
import { openDataFolder, readDataFolder } from "../../src/storage/data-folder.ts";

export interface OpenLibrary extends Library {
  /** Lets go of the folder. */
  close(): Promise<void>;
  /** Lines of the log. */
  log: string[];
}

/** Holds the folder until it is closed: the program itself cannot open it meanwhile. */
export async function openLibrary(folder: string, now?: () => number): Promise<OpenLibrary> {
  const log: string[] = [];
  const options = { folder, store: "fs-durable", command: "test", log: createLog((line) => log.push(line)) };
  const { store, close } = await openDataFolder(options);
  const library = createLibrary({
    records: store.models,
    downloads: store.downloads,
    weights: join(folder, "weights"),
    ...(now && { now }),
  });
  const closeLibrary = library.close;
  return Object.assign(library, { close: () => closeLibrary().then(close), log });
}

/** For the time of `work`. */
export async function withLibrary<T>(folder: string, work: (library: Library) => Promise<T>): Promise<T> {
  const library = await openLibrary(folder);
  try {
    return await work(library);
  } finally {
    await library.close();
  }
}

/** Looks at a folder, whoever else holds it. */
export async function readLibrary(folder: string): Promise<Library> {
  const { store } = await readDataFolder({ folder, store: "fs-durable", log: createLog(() => {}) });
  return createLibrary({ records: store.models, downloads: store.downloads, weights: join(folder, "weights") });
}
