// `npm run bench:prefix`: how long the second turn of a long conversation takes to its first token: from its slot, from the disk
// after another conversation had the slot, from the disk after a restart, and cold. Rounds are interleaved; the tables hold medians, one
// for each engine of this machine. `ENGINE=llama-server` takes that one alone.
import { rmSync } from "node:fs";
import { answerTo, longQuestion, type Answered, type Said } from "../support/conversation.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { RUNTIME } from "../support/program.ts";
import { folderWithModel } from "../support/real-model.ts";
import { startServer, type Server } from "../support/server.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const CASES = ["cold", "in its slot", "from the disk", "after a restart"] as const;
type Case = (typeof CASES)[number];
const ONE_TOKEN = { max_tokens: 1 };

const { path, skip } = await realServer();
const ENGINES: Record<string, string[] | undefined> = {
  "node-llama-cpp": [],
  "llama-server": path === undefined ? undefined : ["--llama-server", path],
};
for (const [name, args] of Object.entries(ENGINES)) {
  if (args === undefined) console.error(`${name} is left out: ${skip}`);
  else if ((process.env.ENGINE ?? name) === name) await bench(name, ["--adapter", name, ...args]);
}

async function bench(engine: string, args: string[]): Promise<void> {
  const data = await folderWithModel();
  const start = () => startServer(RUNTIME, ["--slots", "1", "--context", "4096", "--kv-cache", "2GB", ...args], { data });
  const seen = new Map<Case, Answered[]>(CASES.map((name) => [name, []]));
  const note = (name: Case, answer: Answered): void => {
    seen.get(name)!.push(answer);
    const { first_ms, cached_tokens, prompt_tokens } = answer;
    console.error(`${engine}, ${name}: ${first_ms.toFixed(0)} ms, ${cached_tokens} of ${prompt_tokens} tokens cached`);
  };
  let server = await start();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      server = await measure(1000 * (round + 1), server, start, note);
    }
  } finally {
    await server.stop();
    rmSync(data, { recursive: true });
  }
  report(engine, seen);
}

// A conversation for each case: what is there is the first turn alone.
async function measure(
  number: number,
  server: Server,
  start: () => Promise<Server>,
  note: (name: Case, answer: Answered) => void,
): Promise<Server> {
  const { url } = server;
  note("in its slot", await answerTo(url, await firstTurn(url, number), ONE_TOKEN));
  const second = await firstTurn(url, number + 100);
  // As long, with other numbers: nothing of it can be reused, and it takes the slot.
  note("cold", await answerTo(url, [longQuestion(number + 200), ...second.slice(1)], ONE_TOKEN));
  note("from the disk", await answerTo(url, second, ONE_TOKEN));
  const third = await firstTurn(url, number + 300);
  await server.stop();
  const next = await start();
  // Loads the model.
  await answerTo(next.url, [{ role: "user", content: "Hello." }], ONE_TOKEN);
  note("after a restart", await answerTo(next.url, third, ONE_TOKEN));
  return next;
}

async function firstTurn(url: string, number: number): Promise<Said[]> {
  const question = longQuestion(number);
  const { text } = await answerTo(url, [question]);
  return [question, { role: "assistant", content: text }, { role: "user", content: "Say more of the river." }];
}

function report(engine: string, seen: Map<Case, Answered[]>): void {
  const ms = (name: Case): number => median(seen.get(name)!.map(({ first_ms }) => first_ms));
  const rows = CASES.map((name) => {
    const { cached_tokens, prompt_tokens } = seen.get(name)![0]!;
    return {
      "second turn": name,
      "ms to first token": Math.round(ms(name)),
      "of cold": (ms(name) / ms("cold")).toFixed(3),
      cached_tokens,
      prompt_tokens,
    };
  });
  console.log(engine);
  console.table(rows);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
