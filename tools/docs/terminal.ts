// `npm run docs:picture`: docs/terminal.svg, the picture of the README, from a server that is started and asked for it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "../..");
const COLUMNS = 112;
/** In pixels: of one character in a 14 px monospaced font, of one line, around the text. */
const [WIDTH, HEIGHT, MARGIN] = [8.43, 20, 24];

type Piece = [colour: "typed" | "printed", text: string];

const BODY =
  '{"messages": [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}], "temperature": 0}';

await writeFile(join(ROOT, "docs/terminal.svg"), svgOf(await recordSession()));

/** Starts the server in a data folder of its own, asks it once, and answers with what a person types and sees. */
async function recordSession(): Promise<Piece[]> {
  const data = await mkdtemp(join(tmpdir(), "ingle-picture-"));
  const env = { ...process.env, INGLE_DATA: data };
  const server = spawn("npm", ["start", "--silent"], { cwd: ROOT, env, detached: true });
  try {
    const [first] = (await once(createInterface(server.stdout), "line")) as [string];
    const url = /http:\S+/.exec(first)![0];
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: BODY });
    const { choices } = (await answer.json()) as { choices: { message: object }[] };
    const request = `curl -s ${url}/v1/chat/completions -H "Content-Type: application/json" -d '${BODY}'`;
    const loaded = execFileSync("node", ["src/ingle.mjs", "ps"], { cwd: ROOT, env, encoding: "utf8" });
    return [
      ["typed", "$ npm start"],
      ["printed", `${first}\n\n`],
      ["typed", `$ ${request} | jq ".choices[0].message"`],
      ["printed", `${JSON.stringify(choices[0]!.message, null, 2)}\n\n`],
      ["typed", "$ npx ingle ps"],
      ["printed", loaded.trimEnd()],
    ];
  } finally {
    process.kill(-server.pid!, "SIGTERM");
    await once(server, "exit");
    await rm(data, { recursive: true, force: true });
  }
}

/** Lines of at most `COLUMNS`, broken at spaces where there are some. */
function wrap(text: string): string[] {
  const piece = new RegExp(`.{1,${COLUMNS}}(?=\\s|$)|.{1,${COLUMNS}}`, "g");
  return text.split("\n").flatMap((line) => line.match(piece) ?? [""]);
}

function svgOf(pieces: Piece[]): string {
  const lines = pieces.flatMap(([colour, text]) => wrap(text).map((line) => ({ colour, line })));
  const [width, height] = [Math.ceil(COLUMNS * WIDTH) + 2 * MARGIN, lines.length * HEIGHT + 2 * MARGIN];
  const texts = lines.map(({ line, colour }, n) => {
    const escaped = line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return `  <text x="${MARGIN}" y="${MARGIN + 14 + n * HEIGHT}" class="${colour}" xml:space="preserve">${escaped}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
  <title>npm start, one request with curl, and its answer</title>
  <style>text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; } .printed { fill: #c9d1d9; } .typed { fill: #7ee787; }</style>
  <rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${texts.join("\n")}
</svg>
`;
}
