// Metrics of the calls of the storage's driver, by OpenTelemetry's names: https://opentelemetry.io/docs/specs/semconv/db/database-metrics/
import type { Storage } from "unstorage";
import { createRegistry } from "../support/prometheus.ts";

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** The calls that collections make, and what each is called. */
const OPERATIONS = { getItemRaw: "get", setItemRaw: "set", hasItem: "has", removeItem: "remove", getKeys: "keys" } as const;

/** `system`: the name of the driver. `damaged`: records that could not be read since the start. */
export function createStoreMetrics(system: string, damaged: () => number) {
  const registry = createRegistry();
  const duration = registry.histogram(
    "db_client_operation_duration_seconds",
    "Calls of the store's driver; what is in memory asks for none.",
    ["db_system_name", "db_operation_name", "db_collection_name", "error_type"],
    SECONDS,
  );
  registry.gauge("ingle_damaged_records", "Records that could not be read since the start.", [], () => [[[], damaged()]]);

  /** The same call, whose time is noted under its name and the collection of its key. */
  const timed =
    <Args extends [key?: string, ...rest: never[]], T>(name: string, call: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> => {
      const began = performance.now();
      const [collection = ""] = (args[0] ?? "").split(":");
      const note = (error: string): void =>
        duration.observe([system, name, collection, error], (performance.now() - began) / 1000);
      return call(...args).then(
        (value) => {
          note("");
          return value;
        },
        (error: NodeJS.ErrnoException) => {
          note(error.code ?? error.name);
          throw error;
        },
      );
    };

  return {
    text: registry.text,
    /** The storage, each of whose calls is counted. */
    measure(storage: Storage): Storage {
      const measured = Object.entries(OPERATIONS).map(([method, name]) => {
        const call = storage[method as keyof typeof OPERATIONS] as (key?: string) => Promise<unknown>;
        return [method, timed(name, call)];
      });
      return { ...storage, ...Object.fromEntries(measured) };
    },
  };
}
