// The graphics cards that each adapter's engines see. They are asked for when a model's memory is first looked at, never at the start.
import { cardsBeside, type GraphicsCard } from "../../models/graphics-cards.ts";
import type { EngineRow } from "../inference/engine-row.ts";

/** For a minute: other programs take memory of cards too. */
const KEPT_MS = 60_000;

export interface CardReaderOptions {
  /** Asks an engine of the adapter, which starts a process. */
  read(adapter: string): Promise<readonly GraphicsCard[]>;
  /** The engines that are loaded, or load. */
  list(): readonly Pick<EngineRow, "card_bytes">[];
  /** Takes a sentence where an engine does not answer. */
  log(line: string): void;
  /** Ms since any time. */
  now(): number;
}

export interface CardReader {
  /** As they were about a minute ago, or now, without our engines, all of which may be unloaded. Never rejects. */
  all(adapter: string): Promise<readonly GraphicsCard[]>;
  /** With what our engines leave, for a load. Never rejects. */
  left(adapter: string): Promise<readonly GraphicsCard[]>;
}

export function createCardReader({ read, list, log, now }: CardReaderOptions): CardReader {
  const kept = new Map<string, { cards: Promise<readonly GraphicsCard[]>; at: number }>();
  let failed = "";

  const heldBytes = (): number => list().reduce((sum, { card_bytes }) => sum + (card_bytes ?? 0), 0);

  const readNow = (adapter: string): Promise<readonly GraphicsCard[]> =>
    read(adapter).catch(({ message }: Error) => {
      if (failed !== message)
        log(`What ${adapter} sees of graphics cards is not known: ${message}. Their memory does not count.`);
      failed = message;
      return [];
    });

  const readAnew = (adapter: string): Promise<readonly GraphicsCard[]> => {
    const cards = readNow(adapter);
    kept.set(adapter, { cards, at: now() });
    return cards;
  };

  /** Beside engines of ours, what is free says nothing of other programs. */
  const isOld = ({ at }: { at: number }): boolean => now() - at >= KEPT_MS && heldBytes() === 0;

  return {
    async all(adapter) {
      const known = kept.get(adapter);
      if (known === undefined) return readAnew(adapter);
      // Lists of models need not wait for what changes little: the next one has it.
      if (isOld(known)) void readAnew(adapter);
      return known.cards;
    },
    async left(adapter) {
      const known = kept.get(adapter);
      const cards = known === undefined || isOld(known) ? readAnew(adapter) : known.cards;
      return cardsBeside(await cards, heldBytes());
    },
  };
}
