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
  const unasked = questions[Symbol.iterator]();
  const begun: Promise<Answer>[] = [];
  const begin = (): void => {
    const question = unasked.next();
    if (question.done) return;
    const answer = ask(question.value, either);
    // Each answer makes room, also one that comes before its turn. A client that leaves early hears of none that fails later.
    answer.then(
      () => either.aborted || begin(),
      () => {},
    );
    begun.push(answer);
  };
  try {
    for (let asked = 0; asked < ahead; asked++) begin();
    while (begun.length > 0) {
      const answer = await begun.shift()!;
      signal.throwIfAborted();
      yield answer;
    }
  } finally {
    left.abort(signal.reason);
  }
}
