// Which unstorage driver a setting means, and what each of them keeps of what it acknowledged.
import { builtinDrivers, type Driver } from "unstorage";
import { storeInFolder, type DriverChoice } from "./store-path.ts";

interface Guarantee {
  /** One sentence, for the person who starts the server. */
  keeps: string;
  /** Other processes may write too: no record can be kept in memory. */
  shared: boolean;
}

/** A driver that cannot be used. The sentence says which and what to do. */
export class DriverError extends Error {
  override readonly name = "DriverError";

  /** `problem` is the rest of the sentence, behind `The store "redis"`. */
  constructor(store: string, problem: string, options?: ErrorOptions) {
    super(`The store "${store}" ${problem}`, options);
  }
}

const GUARANTEES: Record<string, Guarantee> = {
  "fs-durable": { keeps: "what is answered with success survives a crash and a power cut", shared: false },
  memory: { keeps: "threads, messages and assistants are gone when the server ends", shared: false },
  fs: {
    keeps: "a crash of the server loses nothing, a power cut or a full disk may damage what was written last",
    shared: true,
  },
  redis: {
    keeps:
      "as Redis keeps it: with appendfsync always all of it, with everysec, its default, up to the last second is lost when Redis crashes; " +
      "several servers may share it, and of two that change one record at the same moment one change may be lost",
    shared: true,
  },
  s3: { keeps: "as the bucket keeps it; of two servers that change one record the last one wins", shared: true },
};
GUARANTEES["fs-lite"] = GUARANTEES.fs!;
const UNKNOWN: Guarantee = { keeps: "as the driver keeps it, which ingle does not know", shared: true };

// Drivers that drop what is written, forget it, or cannot be written to.
const UNFIT: Record<string, string> = {
  "lru-cache": "it silently forgets old records",
  lruCache: "it silently forgets old records",
  null: "it keeps nothing",
  http: "it belongs to another server",
  github: "it cannot be written to",
};

export function guaranteeOf(driver: string): Guarantee {
  return Object.hasOwn(GUARANTEES, driver) ? GUARANTEES[driver]! : UNKNOWN;
}

/**
 * `memory`, `fs:FOLDER`, `redis://…` and any driver's name, or an object `{"driver": NAME, …its options}`.
 * Throws `DriverError` for what cannot hold a store.
 */
export function chosenDriver(setting: string | DriverChoice): DriverChoice {
  const choice = typeof setting === "string" ? fromText(setting) : setting;
  const unfit = Object.hasOwn(UNFIT, choice.driver) ? UNFIT[choice.driver] : undefined;
  if (unfit !== undefined) throw new DriverError(choice.driver, `cannot be used: ${unfit}.`);
  const [option] = choice.driver === "fs-durable" ? Object.keys(choice).filter((name) => name !== "driver") : [];
  if (option !== undefined)
    throw new DriverError(choice.driver, `takes no "${option}": its folder is the data folder. Leave it out, or choose "fs".`);
  if (choice.driver === "fs-durable" || Object.hasOwn(builtinDrivers, choice.driver)) return choice;
  const remedy = "Choose fs-durable, memory, fs:FOLDER, redis://HOST, or another driver of unstorage by its name.";
  throw new DriverError(choice.driver, `is unknown. ${remedy}`);
}

function fromText(text: string): DriverChoice {
  if (/^rediss?:\/\//.test(text)) return { driver: "redis", url: text };
  if (!text.includes(":")) return { driver: text };
  const inFolder = storeInFolder(text);
  if (inFolder !== undefined) return inFolder;
  throw new DriverError(text, "cannot be read. Write memory, fs:FOLDER or redis://HOST:PORT/NUMBER.");
}

/** Makes the driver; `fs-durable` is not made here. Throws `DriverError`. */
export async function loadDriver({ driver, ...options }: DriverChoice): Promise<Driver> {
  if (driver === "fs" && !options.base) throw new DriverError(driver, "needs a folder, as in fs:/srv/ingle.");
  const factory = await load(driver).catch((cause: Error) => {
    throw new DriverError(driver, `cannot be loaded (${cause.message}). Its driver may need a package of its own.`, { cause });
  });
  const made = makeDriver(driver, factory, options);
  if (driver === "redis") quiet(made);
  const missing = (["setItem", "removeItem", "getKeys"] as const).find((method) => made[method] === undefined);
  if (missing === undefined) return made;
  throw new DriverError(driver, `cannot be used: it has no ${missing}, so nothing can be kept in it.`);
}

function makeDriver(driver: string, factory: Factory, options: object): Driver {
  try {
    return factory(driver === "redis" ? { ...REDIS, ...options } : options);
  } catch (cause) {
    throw new DriverError(driver, `cannot be made with the options it has: ${(cause as Error).message}`, { cause });
  }
}

type Factory = (options: object) => Driver;

// Drivers that executables carry, by literal names that a bundler can follow; all others are found in node_modules.
const CARRIED: Record<string, () => Promise<{ default: unknown }>> = {
  memory: () => import("unstorage/drivers/memory"),
  fs: () => import("unstorage/drivers/fs"),
  "fs-lite": () => import("unstorage/drivers/fs-lite"),
  redis: () => import("unstorage/drivers/redis"),
};

async function load(driver: string): Promise<Factory> {
  const found = CARRIED[driver] ?? (() => import(builtinDrivers[driver as keyof typeof builtinDrivers]));
  return (await found()).default as Factory;
}

// A server that cannot reach Redis is to say so within seconds, not to wait for ever.
const REDIS = { base: "ingle", scanCount: 1000, maxRetriesPerRequest: 1, connectTimeout: 5_000, commandTimeout: 10_000 };

/** The client reports a lost connection by an event, besides the failed commands; without a listener it prints each one. */
function quiet(driver: Driver): void {
  const client = driver.getInstance?.() as { on(event: "error", listener: () => void): void } | undefined;
  client?.on("error", () => {});
}
