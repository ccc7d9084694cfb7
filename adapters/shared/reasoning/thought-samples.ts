// What samples of a template have to show of its thoughts.

/** Texts from behind the last question of a conversation. */
export interface ThoughtSamples {
  /** How a prompt ends behind a question, with thoughts turned on and off. */
  opening: string;
  opening_off: string;
  /** Whether turning thoughts on and off makes a difference. */
  switches: boolean;
  /** An answer with a text alone; absent where the template takes none. */
  plain?: TextSample | undefined;
  /** An answer with thoughts; absent where the template shows none in a history. */
  thoughts?: { before: string; after: string; answered: boolean } | undefined;
  /** The prompt of a question, where turning thoughts on makes a difference; else empty. */
  instruction: string;
  /** Of an earlier answer it drops what ends with `</think>`. */
  drops_think: boolean;
}

export interface TextSample {
  before: string;
  after: string;
}
