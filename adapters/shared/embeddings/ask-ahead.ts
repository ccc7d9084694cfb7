// Asks for the next answers while one of them goes out.

/**
 * The answers to `questions`, in their order; `ahead`: how many are asked for at a time, and none is taken before. Leaving the iteration ends
 * those. Throws what `ask` throws.
 */
export async function* askAhead<Question, Answer>(
  questions: Iterable<Question>,
  ahead: number,
  ask: (question: Question, signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  const left_over = questions[Symbol.iterator]();
  const begun: Promise<Answer>[] = [];
  const begin = (): void => {
    const question = left_over.next();
    if (question.done) return;
    const answer = ask(question.value, either);
    // A client that leaves early hears of none that fails later.
    answer.catch(() => {});
    begun.push(answer);
  };
  try {
    for (let asked = 0; asked < ahead; asked++) begin();
    while (begun.length > 0) {
      const answer = await begun.shift()!;
      signal.throwIfAborted();
      begin();
      yield answer;
    }
  } finally {
    left.abort(signal.reason);
  }
}
