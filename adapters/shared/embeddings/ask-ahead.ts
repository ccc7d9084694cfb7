// Asks for the next answers while one of them goes out.

/** The answers to `questions`, in their order; `ahead`: how many are asked for at a time. Leaving the iteration ends those. Throws what `ask` throws. */
export async function* askAhead<Question, Answer>(
  questions: readonly Question[],
  ahead: number,
  ask: (question: Question, signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  const begin = (question: Question): Promise<Answer> => {
    const answer = ask(question, either);
    // A client that leaves early hears of none that fails later.
    answer.catch(() => {});
    return answer;
  };
  const begun = questions.slice(0, ahead).map(begin);
  try {
    for (let at = 0; at < questions.length; at++) {
      const answer = await begun.shift()!;
      signal.throwIfAborted();
      if (at + ahead < questions.length) begun.push(begin(questions[at + ahead]!));
      yield answer;
    }
  } finally {
    left.abort(signal.reason);
  }
}
