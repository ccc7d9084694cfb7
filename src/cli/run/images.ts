// Images beside a question, as parts of its message.
import { readFileSync } from "node:fs";
import { splitAtCommas } from "../../server/read-config.ts";
import { CliError } from "../error.ts";
import { pathArgument } from "../path-argument.ts";

export type ImagePart = { type: "image_url"; image_url: { url: string } };

/** How files begin, in latin1: https://en.wikipedia.org/wiki/List_of_file_signatures */
const SIGNATURES: [type: string, isBegin: (text: string) => boolean][] = [
  ["png", (text) => text.startsWith("\u0089PNG")],
  ["jpeg", (text) => text.startsWith("\u00ff\u00d8\u00ff")],
  ["gif", (text) => text.startsWith("GIF8")],
  ["webp", (text) => text.startsWith("RIFF") && text.endsWith("WEBP")],
  ["bmp", (text) => text.startsWith("BM")],
];

/** The images of files whose paths have commas between them. Throws `CliError`. */
export function readImages(paths: string): ImagePart[] {
  return splitAtCommas(paths).map((path) => {
    const bytes = readImage(pathArgument(path, "--image"));
    const [type] = SIGNATURES.find(([, isBegin]) => isBegin(bytes.toString("latin1", 0, 12))) ?? [];
    if (type === undefined) throw new CliError(`"${path}" is no image that can be read. Give a PNG, JPEG, GIF, WebP or BMP.`, 2);
    return { type: "image_url", image_url: { url: `data:image/${type};base64,${bytes.toString("base64")}` } };
  });
}

function readImage(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`The image ${path} cannot be read: ${(error as Error).message}.`, 2, { cause: error });
  }
}
