// `npm run bench:prefix`: how long the second turn of a long conversation takes to its first token: from its slot, from the disk
// after another conversation had the slot, from the disk after a restart, and cold. Rounds are interleaved; the table holds medians.
import { rmSync } from "node:fs";
import { answerTo, folderWithModel, longQuestion, type Answered, type Said } from "../support/conversation.ts";
import { RUNTIME } from "../support/program.ts";
import { startServer } from "../support/server.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const CASES = ["cold", "in its slot", "from the disk", "after a restart"] as const;
type Case = (typeof CASES)[number];
const ONE_TOKEN = { max_tokens: 1 };

const data = await folderWithModel();
const start = () => startServer(RUNTIME, ["--slots", "1", "--context", "4096", "--kv-cache", "2GB"], { data });
let server = await start();
const seen = new Map<Case, Answered[]>(CASES.map((name) => [name, []]));
try {
  for (let round = 0; round < ROUNDS; round++) await measure(1000 * (round + 1));
} finally {
  await server.stop();
  rmSync(data, { recursive: true });
}
report();

// A conversation for each case: what is there is the first turn alone.
async function measure(number: number): Promise<void> {
  note("in its slot", await answerTo(server.url, await firstTurn(number), ONE_TOKEN));
  const second = await firstTurn(number + 100);
  // As long, with other numbers: nothing of it can be reused, and it takes the slot.
  note("cold", await answerTo(server.url, [longQuestion(number + 200), ...second.slice(1)], ONE_TOKEN));
  note("from the disk", await answerTo(server.url, second, ONE_TOKEN));
  const third = await firstTurn(number + 300);
  await server.stop();
  server = await start();
  // Loads the model.
  await answerTo(server.url, [{ role: "user", content: "Hello." }], ONE_TOKEN);
  note("after a restart", await answerTo(server.url, third, ONE_TOKEN));
}

async function firstTurn(number: number): Promise<Said[]> {
  const question = longQuestion(number);
  const { text } = await answerTo(server.url, [question]);
  return [question, { role: "assistant", content: text }, { role: "user", content: "Say more of the river." }];
}

function note(name: Case, answer: Answered): void {
  seen.get(name)!.push(answer);
  console.error(`${name}: ${answer.first_ms.toFixed(0)} ms, ${answer.cached_tokens} of ${answer.prompt_tokens} tokens cached`);
}

function report(): void {
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
  console.table(rows);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
