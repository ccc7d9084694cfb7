// Why a model cannot be loaded: a sentence of ours for what llama.cpp prints, in whichever engine it runs. Clients are told the sentence, in
// which nothing is quoted but a name; what was printed may hold paths, or what a stranger has written into a file, and is for the owner.
import { AdapterError } from "../adapter.ts";

export interface LoadFailureOptions {
  /** Of the model. */
  id: string;
  /** Of its file, which the owner need not be told again. */
  path: string;
  /** What llama.cpp has printed, without prefixes of a log. */
  lines: readonly string[];
  /** What is known where the lines do not say why, as a clause. */
  otherwise: string;
}

export function loadFailure({ id, path, lines, otherwise }: LoadFailureOptions): AdapterError {
  const sentence = (reason: string): string => `Model "${id}" cannot be loaded: ${reason}.`;
  const printed = (some: readonly string[]): string => some.join("; ").replaceAll(path, "its file").slice(0, LONGEST_PRINTED);
  const cause = findCause(lines);
  if (cause !== undefined) {
    const { reason, line } = cause;
    return failed(sentence(`${reason} (${printed([line])})`), sentence(reason));
  }
  if (lines.length === 0) return failed(sentence(otherwise));
  return failed(sentence(printed(lines.slice(0, 2))), `${sentence(otherwise)} The server's log says why.`);
}

const failed = (message: string, public_message?: string): AdapterError =>
  new AdapterError("model_load_failed", message, { public_message });

const LONGEST_PRINTED = 300;

const SAFE_NAME = /^[\w./-]{1,64}$/;

/** The first line that says why: those behind it are what follows from it. */
function findCause(lines: readonly string[]): { reason: string; line: string } | undefined {
  for (const line of lines)
    for (const [pattern, reasonOf] of CAUSES) {
      const found = pattern.exec(line);
      if (found === null) continue;
      const name = found.slice(1).find((group) => group !== undefined) ?? "";
      return { line, reason: reasonOf(SAFE_NAME.test(name) ? ` "${name}"` : "") };
    }
  return undefined;
}

const NEWER = "A newer release of it may";

/** The more particular come first. A reason takes the name, quoted and with a space before it, or nothing. */
const CAUSES: [RegExp, (name: string) => string][] = [
  [
    /(?:unknown|unsupported) model architecture: '([^']*)/,
    (name) => `the engine does not know its architecture${name}. ${NEWER}`,
  ],
  [/unknown (?:pre-)?tokenizer(?: type)?: '([^']*)/, (name) => `the engine does not know its tokenizer${name}. ${NEWER}`],
  [/unknown (?:\w+ )?projector type:? (\S+)/, (name) => `the engine does not know the kind${name} of its projector. ${NEWER}`],
  [/mismatch between text model .* and mmproj/, () => "its projector is that of another model"],
  [/CLIP cannot be used as main model/, () => "its file is a projector, which goes beside a model"],
  [
    /missing tensor '([^']*)|tensor '([^']*)' not found|(?:unable|failed) to find tensor (\S+)/,
    (name) => `its file lacks weights that it needs${name && `:${name}`}`,
  ],
  [/tensor '([^']*)' has wrong shape/, (name) => `the weights${name} in its file have another shape than its header says`],
  [
    /wrong number of tensors|too many tensors created|corrupted model: \d+ tensors expected/,
    () => "its file has other weights than its header says",
  ],
  [
    /tensor '([^']*)' (?:of type \d+ \([^)]*\) has|has invalid ggml type)|Invalid type or block size/,
    (name) => `the engine does not know how its weights${name} are quantised. ${NEWER}`,
  ],
  [/[Kk]ey not found(?: in model)?: (\S+)/, (name) => `its header lacks a value that it needs${name && `:${name}`}`],
  [
    /key (\S+) has wrong|(?:expected scalar, found array|array length \d+) for key:? (\S+)|(?:invalid gguf type for|> \d+ for key) (\S+)|^.*?(\S+) (?:is not a string\/float32|has wrong array element type)/,
    (name) => `its header has a value of the wrong kind${name && `:${name}`}`,
  ],
  [/cannot find tokenizer/, () => "its file lacks its vocabulary, or a part of it"],
  [/error loading model vocabulary|charsmap|id_to_token/, () => "its vocabulary is damaged"],
  [/error loading model hyperparameters|GGML_ASSERT\(hparams/, () => "the numbers in its header contradict each other"],
  [
    /(?:failed|unable) to (?:allocate|reserve)|[Oo]ut ?of ?(?:device ?)?memory|bad_alloc|Cannot allocate memory|too large for the available|Not enough VRAM/,
    () => "there is too little memory for it. A shorter context and fewer slots take less",
  ],
  [/GGUF file version|bad GGUF version|GGUFv1/, () => "its file is a GGUF of a version that the engine does not read"],
  [/(?:invalid|Invalid GGUF) magic/, () => "its file is not GGUF"],
  [
    /(?:invalid|illegal) split|(?:load|in) GGUF split|incomplete split/,
    () => "one of its files is not there, or belongs to another model",
  ],
  [
    /failed to (?:read|seek)|has offset \d+, expected|end of file|within the file bounds|invalid data|duplicate|string length \d+ exceeds|Array buffer allocation failed|std::out_of_range/,
    () => "its file is damaged or cut",
  ],
  [/failed to load (?:CLIP|multimodal) model/, () => "its projector cannot be read"],
  [/couldn't (?:bind|start) HTTP/, () => "the engine could not listen on a port of this machine"],
  [/no (?:CPU )?backends?\b/, () => "the engine lacks the part that computes on this machine"],
];
