// Saves and restores the states of slots, for both engines. What fails costs a generation some reading: it goes to the log.
import { MIN_SAVED_TOKENS } from "./retention.ts";
import type { SavedState, StateFolder } from "./state-folder.ts";

export interface StateSaverOptions<Content extends object> {
  folder: StateFolder<Content>;
  tokensOf(content: Content): number;
  /** Whether the file of `older` is of no more use beside that of `newer`. */
  replaces(newer: Content, older: Content): boolean;
  /** Takes a sentence about what failed. */
  log(line: string): void;
  onSealFailure?(error: unknown): void;
}

export function createStateSaver<Content extends object>(options: StateSaverOptions<Content>) {
  const { folder, tokensOf, replaces, log, onSealFailure } = options;
  /** Digests of written files are made beside the next generations: they take as long as the writing. */
  const sealing = new Map<Content, { scope: string; done: Promise<void> }>();
  /** In tokens: a state of this length did not fit, so none as long is begun. */
  let too_long = Number.POSITIVE_INFINITY;
  return { isSavable, save, find, restore, settle };

  function isSavable(content: Content): boolean {
    return tokensOf(content) >= MIN_SAVED_TOKENS && tokensOf(content) < too_long;
  }

  /**
   * `scope`: whose it is, as `ChatRequest.cache_scope`. `write` fills the file, and answers with what that holds, undefined where it is not
   * worth keeping. Never throws.
   */
  async function save(scope: string, content: Content, write: (path: string) => Promise<Content | undefined>): Promise<void> {
    try {
      const path = await folder.begin(scope, content);
      const written = await write(path).catch(async (error) => {
        await folder.discard(path);
        throw error;
      });
      if (written === undefined) await folder.discard(path);
      else sealing.set(written, { scope, done: seal(scope, path, written) });
    } catch (error) {
      logNotSaved(error);
    }
  }

  async function seal(scope: string, path: string, content: Content): Promise<void> {
    try {
      if (!(await folder.commit(scope, path, content, (state) => replaces(content, state)))) too_long = tokensOf(content);
    } catch (error) {
      logNotSaved(error);
      onSealFailure?.(error);
    } finally {
      sealing.delete(content);
    }
  }

  function logNotSaved(error: unknown): void {
    log(`The state of a conversation could not be saved: ${(error as Error).message}`);
  }

  /** The state of the scope that spares a generation most tokens of its prompt, `least` at least. */
  async function find(
    scope: string,
    spares: (content: Content) => number,
    least: number,
  ): Promise<SavedState<Content> | undefined> {
    const own = [...sealing].filter(([, state]) => state.scope === scope);
    await Promise.all(own.map(([content, { done }]) => (spares(content) >= least ? done : undefined)));
    return folder.best(scope, spares, least);
  }

  /** Has `load` read the file of a state that is as it was sealed. Never throws. */
  async function restore(state: SavedState<Content>, load: (path: string) => Promise<void>): Promise<void> {
    const logNotUsed = (error: Error): void => log(`The state of a conversation was not used: ${error.message}`);
    await folder.restore(state, load).catch(logNotUsed);
  }

  /** Resolves when every state that was written has its name. */
  async function settle(): Promise<void> {
    await Promise.all([...sealing.values()].map(({ done }) => done));
  }
}
