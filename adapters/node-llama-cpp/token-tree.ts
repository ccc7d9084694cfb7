// Which tokens a grammar allows next, where these are few, as at each brace and key of JSON: the tokens are tried by their first bytes. The native
// sampler tries the whole vocabulary, which takes as long as one or two tokens of an answer.
import type { Addon, GrammarState } from "./addon.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

/** Undefined where these may be many. Special tokens and those that end an answer are never among them. */
export type AllowedTokens = (state: GrammarState) => readonly number[] | undefined;

/** Tokens that begin with the same bytes. */
interface Branch {
  tokens: readonly number[];
  /** Found when it is first searched. */
  parts?: BranchParts;
}

interface BranchParts {
  /** Tokens that have no further byte. */
  ended: readonly number[];
  /** The others, by their next byte. */
  further: ReadonlyMap<number, Branch>;
}

/** A text that may go on with more bytes than these is free, as within a string. */
const MOST_FIRST_BYTES = 24;

/** The native sampler is as fast as so many tries, of one to three microseconds. */
const MOST_TRIES = 1_000;

/** So many tokens are tried one by one. */
const FEW = 4;

export function createAllowedTokens(addon: Addon, vocabulary: EmbeddedVocabulary): AllowedTokens {
  let tree: ReturnType<typeof createTree> | undefined;
  return (state) => {
    tree ??= createTree(vocabulary);
    const { root, singles, partsOf } = tree;
    const allowed: number[] = [];
    let tries = 0;
    const fits = (at: GrammarState, token: number): boolean => ++tries <= MOST_TRIES && addon.canBeNext(at, token);

    /** `at`: the state behind the first `depth` bytes, which all tokens of the branch have. */
    const search = (branch: Branch, depth: number, at: GrammarState): void => {
      const open: [Branch, number][] = [];
      const { ended, further } = partsOf(branch, depth);
      for (const [byte, next] of further) {
        const single = singles.get(byte);
        if (next.tokens.length <= FEW || single === undefined) allowed.push(...next.tokens.filter((token) => fits(state, token)));
        else if (fits(at, single)) open.push([next, single]);
      }
      if (open.length > MOST_FIRST_BYTES) tries = Number.POSITIVE_INFINITY;
      for (const [next, single] of open) {
        if (tries > MOST_TRIES) return;
        const behind = addon.cloneGrammarState(at);
        addon.accept(behind, single);
        search(next, depth + 1, behind);
      }
      // A token that ends here fits, as the bytes before did.
      allowed.push(...ended);
    };
    search(root, 0, state);
    return tries > MOST_TRIES ? undefined : allowed;
  };
}

/** Takes some 100 ms for 50,000 tokens, once a model. */
function createTree(vocabulary: EmbeddedVocabulary) {
  const bytes = Array.from({ length: vocabulary.size }, (_, token) =>
    vocabulary.isSpecial(token) ? new Uint8Array() : vocabulary.bytesOf(token),
  );
  const root: Branch = { tokens: [...bytes.keys()].filter((token) => bytes[token]!.length > 0) };
  const singles = new Map<number, number>();
  for (const token of root.tokens) if (bytes[token]!.length === 1) singles.set(bytes[token]![0]!, token);
  return { root, singles, partsOf };

  function partsOf(branch: Branch, depth: number): BranchParts {
    return (branch.parts ??= split(branch.tokens, depth));
  }

  function split(tokens: readonly number[], depth: number): BranchParts {
    const ended: number[] = [];
    const groups = new Map<number, number[]>();
    for (const token of tokens) {
      const byte = bytes[token]![depth];
      const group = byte === undefined ? ended : groups.get(byte);
      if (group === undefined) groups.set(byte!, [token]);
      else group.push(token);
    }
    return { ended, further: new Map([...groups].map(([byte, group]) => [byte, { tokens: group }])) };
  }
}
