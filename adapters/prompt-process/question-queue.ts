// One question at a time, of each model in turn: those of one model never wait for more than one of another's.
import { addAbortListener } from "node:events";

interface QueuedQuestion {
  run(): Promise<void>;
  cancel(reason: unknown): void;
}

export function createQuestionQueue<Model extends object>() {
  const waiting = new Map<Model, QueuedQuestion[]>();
  /** When each model's last question was asked. */
  const asked = new WeakMap<Model, number>();
  let clock = 0;
  let running = false;

  async function work(): Promise<void> {
    running = true;
    while (waiting.size > 0) {
      const [[model, [question, ...others]]] = [...waiting].sort(([one], [other]) => timeOf(one) - timeOf(other)) as [
        [Model, QueuedQuestion[]],
      ];
      asked.set(model, ++clock);
      if (others.length > 0) waiting.set(model, others);
      else waiting.delete(model);
      await question!.run();
    }
    running = false;
  }

  const timeOf = (model: Model): number => asked.get(model) ?? 0;

  return {
    /** Throws what the question throws, and the signal's reason where it aborts while the question waits or runs. */
    async add<T>(model: Model, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
      signal.throwIfAborted();
      const settle = Promise.withResolvers<T>();
      let cancelled = false;
      const cancel = (reason: unknown): void => {
        cancelled = true;
        settle.reject(reason);
      };
      const run = async (): Promise<void> => {
        if (!cancelled) await ask().then(settle.resolve, settle.reject);
      };
      const listener = addAbortListener(signal, () => cancel(signal.reason));
      waiting.set(model, [...(waiting.get(model) ?? []), { run, cancel }]);
      if (!running) void work();
      try {
        return await settle.promise;
      } finally {
        listener[Symbol.dispose]();
      }
    },
    /** Fails what a model waits for. */
    clear(model: Model, reason: unknown): void {
      for (const { cancel } of waiting.get(model) ?? []) cancel(reason);
      waiting.delete(model);
    },
  };
}
