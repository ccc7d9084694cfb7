// A part of `npm run test:structured` that is quick: what the native engines say to the same requests.
import { describe, expect, test } from "bun:test";
import type { TokenLogprob } from "../../adapters/adapter.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { tinyModel } from "../support/models.ts";
import { realModel } from "../support/real-model.ts";
import { parityOf } from "./parity.ts";
import { NEAR, sameGreedy } from "./parity/greedy.ts";
import { greedyRequests, repeatedRequests } from "./parity/requests.ts";
import type { SideAnswer } from "./parity/sides.ts";

const { path, skip } = await realServer();

describe.skipIf(skip !== undefined)(`the native engines${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  test("have the same logprobs of 32-bit floats, and each says the same twice", async () => {
    const model = await tinyModel({ context_length: 2048 });
    const { faults, repeated } = await parityOf({
      ...{ model, binary: path!, apart: 0.05, greedy: [] },
      repeated: repeatedRequests,
    });
    expect(faults).toEqual([]);
    expect(repeated).toBe(2 * repeatedRequests.length);
  });

  test("read the same tokens of a real model, and say the same where no two are as likely", async () => {
    const greedy = greedyRequests.slice(0, 4).map((request) => ({ ...request, max_tokens: 12 }));
    const { faults, same, near_ties } = await parityOf({
      ...{ model: await realModel(), binary: path!, apart: NEAR, greedy, repeated: [] },
    });
    expect(faults).toEqual([]);
    expect(same + near_ties).toBe(greedy.length);
  });
});

describe("two greedy answers", () => {
  const entry = (token: string, logprob: number, rival: string, further: number): TokenLogprob => ({
    ...{ token, logprob, bytes: [...Buffer.from(token)] },
    top_logprobs: [
      { token, logprob, bytes: [...Buffer.from(token)] },
      { token: rival, logprob: logprob - further, bytes: [...Buffer.from(rival)] },
    ],
  });
  const answer = (logprobs: TokenLogprob[], prompt = [1, 2]): SideAnswer => ({
    ...{ prompt, logprobs, said: [logprobs.map(({ token }) => token).join("")] },
    usage: { prompt_tokens: prompt.length, completion_tokens: logprobs.length, cached_tokens: 0 },
  });
  const yes = answer([entry("So", -0.1, "No", 3), entry(" yes", -0.5, " no", 0.4)]);

  test("may differ where both engines find the two tokens nearly as likely", () => {
    expect(sameGreedy(yes, yes)).toBe("same");
    expect(sameGreedy(yes, answer([entry("So", -0.1, "No", 3), entry(" no", -0.6, " yes", 0.3)]))).toBe("near tie");
    const ends = answer([entry("So", -0.1, "No", 3)]);
    expect(sameGreedy(ends, answer([...ends.logprobs, entry(" no", -0.6, "", 0.3)]))).toBe("near tie");
  });

  test.each([
    ["one engine is sure", answer([entry("So", -0.1, "No", 3), entry(" no", -0.1, " yes", 2)])],
    ["it is none of the rivals", answer([entry("So", -0.1, "No", 3), entry(" well", -0.6, " yes", 0.3)])],
    ["one of them ends", answer([entry("So", -0.1, "No", 3)])],
    ["their prompts differ", answer(yes.logprobs, [1, 3])],
  ])("differ where %s", (_, other) => {
    expect(sameGreedy(yes, other)).toEqual({ differs: expect.any(String) });
  });
});
