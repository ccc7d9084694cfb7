// Questions that are asked ahead of the answers that go out, answered by the test.
import { expect, test } from "bun:test";
import { askAhead } from "../../adapters/shared/embeddings/ask-ahead.ts";

function asker(questions: string[]) {
  const asked = new Map<string, PromiseWithResolvers<string>>();
  const ask = (question: string): Promise<string> => {
    asked.set(question, Promise.withResolvers<string>());
    return asked.get(question)!.promise;
  };
  const stop = new AbortController();
  const answers = askAhead(questions, 2, ask, stop.signal);
  const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 1));
  const answer = async (question: string): Promise<void> => {
    asked.get(question)!.resolve(question.toUpperCase());
    await settle();
  };
  return { asked, answers, answer, stop, settle };
}

test("answers go out in the order of their questions, whichever comes first", async () => {
  const { asked, answers, answer } = asker(["a", "b", "c", "d"]);
  const first = answers.next();
  expect([...asked.keys()]).toEqual(["a", "b"]);
  await answer("b");
  expect([...asked.keys()]).toEqual(["a", "b", "c"]);
  await answer("a");
  expect(await first).toEqual({ done: false, value: "A" });
  for (const question of ["c", "d"]) await answer(question);
  expect(await Array.fromAsync(answers)).toEqual(["B", "C", "D"]);
});

test("nothing is asked for once the iteration is left, or the signal aborts", async () => {
  const one = asker(["a", "b", "c", "d"]);
  const first = one.answers.next();
  await one.answer("a");
  await first;
  await one.answers.return(undefined);
  await one.answer("b");
  expect([...one.asked.keys()]).toEqual(["a", "b", "c"]);
  const other = asker(["a", "b", "c"]);
  const failed = other.answers.next().catch((error: Error) => error.message);
  other.stop.abort(new Error("left"));
  await other.answer("a");
  expect([await failed, [...other.asked.keys()]]).toEqual(["left", ["a", "b"]]);
});

test("a failure is thrown in its turn", async () => {
  const { asked, answers, answer, settle } = asker(["a", "b", "c"]);
  const first = answers.next();
  asked.get("b")!.reject(new Error("no"));
  await settle();
  await answer("a");
  expect((await first).value).toBe("A");
  expect(await answers.next().catch((error: Error) => error.message)).toBe("no");
});
