// The watchdog over an engine's process, without a process.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { watchProcess, type WatchdogLimits } from "../../adapters/shared/watchdog.ts";

const LIMITS: WatchdogLimits = { load: 10_000, generation: 10_000, close: 10_000 };
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** A process that ends when it is killed, and after `SIGTERM` only where it is `polite`. */
function watched({ polite = true, ...limits }: Partial<WatchdogLimits> & { polite?: boolean } = {}) {
  const signals: string[] = [];
  const send = (name: string, ends: boolean) => () => {
    signals.push(name);
    if (ends) setTimeout(() => watchdog.exited(`signal ${name}`), 20);
  };
  const [terminate, kill] = [send("SIGTERM", polite), send("SIGKILL", true)];
  const watchdog = watchProcess({ id: "tiny", limits: { ...LIMITS, ...limits }, pid: undefined, terminate, kill });
  return { watchdog, signals };
}

const never = new Promise<never>(() => {});
const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const loaded = async (limits?: Parameters<typeof watched>[0]) => {
  const made = watched(limits);
  await made.watchdog.load(Promise.resolve(), signal());
  return made;
};

describe("a silent process", () => {
  test("is left alone while nobody waits for it, and killed once somebody does", async () => {
    const { watchdog, signals } = await loaded({ generation: 100 });
    await sleep(300);
    expect(signals).toEqual([]);
    watchdog.beginWait();
    expect((await watchdog.closed)?.message).toBe('The engine of model "tiny" gave no sign of life for 0.1 s.');
    expect([signals, watchdog.reason?.code as string, watchdog.gone.aborted]).toEqual([["SIGKILL"], "engine_timeout", true]);
  });

  test("is left alone once all who waited have what they waited for", async () => {
    const { watchdog, signals } = await loaded({ generation: 200 });
    watchdog.beginWait();
    watchdog.beginWait();
    watchdog.endWait();
    await sleep(100);
    watchdog.endWait();
    await sleep(400);
    expect(signals).toEqual([]);
    await watchdog.close();
  });

  test("lives on with each sign of life", async () => {
    const { watchdog, signals } = await loaded({ generation: 300 });
    watchdog.beginWait();
    for (let i = 0; i < 6; i++) {
      await sleep(100);
      watchdog.touch();
    }
    expect(signals).toEqual([]);
    await watchdog.close();
  });

  test("is killed during a load", async () => {
    const { watchdog } = watched({ load: 100 });
    const error = await watchdog.load(never, signal()).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "engine_timeout" });
  });
});

describe("a load", () => {
  test("that is aborted throws the signal's reason, and not before the process has ended", async () => {
    const { watchdog } = watched();
    const stop = new AbortController();
    const loading = watchdog.load(never, stop.signal).catch((error: unknown) => [error, watchdog.gone.aborted]);
    stop.abort(new Error("gone"));
    expect(await loading).toEqual([new Error("gone"), true]);
  });

  test("that fails throws its own error, and not before the process has ended", async () => {
    const { watchdog, signals } = watched();
    const error = await watchdog.load(Promise.reject(new Error("No tensors.")), signal()).catch((error: unknown) => error);
    expect([error, signals, watchdog.gone.aborted]).toEqual([new Error("No tensors."), ["SIGTERM"], true]);
  });

  test("whose process ends throws what that means for the model", async () => {
    const { watchdog } = watched();
    const loading = watchdog.load(never, signal()).catch((error: unknown) => error);
    watchdog.exited("code 1", new AdapterError("model_load_failed", "No memory."));
    expect(await loading).toEqual(new AdapterError("model_load_failed", "No memory."));
  });
});

describe("closing", () => {
  test("lets the process end its work, and is told once however often it is asked for", async () => {
    const { watchdog, signals } = await loaded();
    await Promise.all([watchdog.close(), watchdog.close()]);
    expect([await watchdog.closed, signals]).toEqual([undefined, ["SIGTERM"]]);
    expect(watchdog.reason?.message).toBe("The engine was stopped.");
  });

  test("kills a process that does not end in time", async () => {
    const { watchdog, signals } = await loaded({ polite: false, close: 50 });
    await watchdog.close();
    expect(signals).toEqual(["SIGTERM", "SIGKILL"]);
  });

  test("first does what is left to do, unless the process ends meanwhile", async () => {
    const { watchdog, signals } = await loaded();
    await watchdog.close(async () => void signals.push("saved"));
    expect(signals).toEqual(["saved", "SIGTERM"]);
    const other = await loaded();
    const closing = other.watchdog.close(() => never);
    other.watchdog.exited("code 1");
    await closing;
  });
});
