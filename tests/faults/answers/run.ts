// Answers of every kind on one native engine, with everything that may befall them.
import { realServer } from "../../support/llama-server-binary.ts";
import {
  type AnswerServer,
  type AnswerServerOptions,
  type EngineName,
  startAnswerServer,
  type Weights,
} from "./answer-server.ts";
import { cutEverywhere } from "./cuts.ts";
import { endServer, fillContext, reachTimeLimit, stopModel } from "./endings.ts";
import { refuseHostile } from "./hostile.ts";
import { INTERRUPTIONS, type Interruption, killAmidCrowd } from "./interruptions.ts";
import { type AnswerKind, KINDS } from "./kinds.ts";

export interface AnswerRow {
  name: string;
  runs: number;
  /** What is not as it has to be, in words. */
  violations: string[];
}

export interface AnswerExtent {
  weights: Weights;
  kinds: readonly AnswerKind[];
  /** Of so many tokens of a short answer, one is where it is cut. */
  cut_every: number;
  /** Names of rows. */
  leaves_out?: readonly string[];
}

export const WHOLE_EXTENT: AnswerExtent = { weights: "real", kinds: KINDS, cut_every: 1 };

/** Why an engine is not here, or nothing. */
export const skipOf = async (engine: EngineName): Promise<string | undefined> =>
  engine === "llama-server" ? (await realServer()).skip : undefined;

type Row = Omit<AnswerRow, "name">;

/** Yields each row as it is done. */
export async function* runAnswers(engine: EngineName, extent: AnswerExtent): AsyncGenerator<AnswerRow> {
  const { weights, kinds, cut_every, leaves_out = [] } = extent;
  const shared = await startAnswerServer(engine, weights);
  const ofEach = async (interrupt: Interruption, server = shared): Promise<Row> => {
    const violations: string[] = [];
    for (const kind of kinds) {
      const wrong = await interrupt(server, kind).catch((error: Error) => [error.message]);
      violations.push(...wrong.map((words) => `${kind.name}: ${words}`));
    }
    return { runs: kinds.length, violations };
  };
  const ofEachOn = async (options: AnswerServerOptions, interrupt: Interruption): Promise<Row> => {
    const server = await startAnswerServer(engine, weights, options);
    return ofEach(interrupt, server).finally(() => server.stop());
  };
  const once = async (befall: (server: AnswerServer) => Promise<string[]>): Promise<Row> => {
    return { runs: 1, violations: await befall(shared) };
  };
  const rows: Record<string, () => Promise<Row>> = {
    ...Object.fromEntries(Object.entries(INTERRUPTIONS).map(([name, interrupt]) => [name, () => ofEach(interrupt)])),
    "engine killed amid several clients": () => once(killAmidCrowd),
    "model stopped": () => ofEach(stopModel),
    "cut by max_tokens": () => cutEverywhere(shared, cut_every),
    "hostile tools, schemas and grammars": () => refuseHostile(shared),
    "limit of time": () => ofEachOn({ flags: ["--timeout", "3s"] }, reachTimeLimit),
    "context full": () => ofEachOn({ context: 1152 }, fillContext),
    "server ended": () => once(endServer),
  };
  try {
    for (const [name, run] of Object.entries(rows)) {
      if (leaves_out.includes(name)) continue;
      // A row that ends early is wrong, and the others go on.
      const row = await run().catch((error: Error) => ({ runs: 1, violations: [error.message] }));
      yield { name, ...row };
    }
  } finally {
    await shared.stop();
  }
}
