// What an adapter gets beside the model that it loads.

export interface LoadOptions {
  /** Threads for the computation; absent: as many as the adapter finds best here. */
  threads?: number | undefined;
  /** How its threads wait for each other; absent: as the adapter finds best here. Some engines have no choice. */
  waiting?: ThreadWaiting | undefined;
  /** Chats that run side by side, at least 1. */
  slots: number;
  /**
   * Tokens one slot holds, prompt and answer together; the engine takes less where the model was trained on less. `Infinity` where nobody set
   * them for a model that other servers run.
   */
  context: number;
  /** Bytes of memory that the engine is expected to take; one that takes far more is stopped. Absent: not known. */
  memory?: number | undefined;
  /** Layers that graphics cards have room for, where the model's options set no number and not all fit; absent: all, or there is no card. */
  gpu_layers?: number | undefined;
  /** Where the state of idle conversations is kept; absent: nowhere. */
  kv_cache?: KvCache | undefined;
  /** Called now and then while the load makes progress; `done` from 0 to 1. */
  onProgress?: (done: number) => void;
}

/**
 * A thread that waits for another one spins, `briefly` before it sleeps or `long`: the former is better where other programs want its core, the
 * latter may be where none does.
 */
export type ThreadWaiting = "briefly" | "long";

/** The embedded engine and llama-server save the state of conversations; other engines leave this alone. */
export interface KvCache {
  /** Absolute path of this model's own folder, made when there is something to keep; those of other models are beside it. */
  folder: string;
  /** Bytes that all these folders may take together. */
  bytes: number;
  /**
   * The data folder, in which they lie, and its `folderIdOf`: where it is gone, and where another one stands at its path, nothing is
   * made. Absent: not known.
   */
  within?: { folder: string; id: string } | undefined;
}
