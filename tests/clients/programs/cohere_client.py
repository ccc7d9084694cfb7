"""Cohere's clients, the one of today and the one before it, order documents."""

import sys

import cohere
from checks import MODEL, check

settings = {"api_key": "none", "base_url": sys.argv[1], "timeout": 120}
today, before = cohere.ClientV2(**settings), cohere.Client(**settings)
QUERY = "who sleeps?"
DOCUMENTS = ["the cat sleeps", "hello world", "dogs bark"]


def indices(answer):
    return [result.index for result in answer.results]


@check("documents in their order")
def _():
    answer = today.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS)
    scores = [result.relevance_score for result in answer.results]
    assert sorted(indices(answer)) == [0, 1, 2] and scores == sorted(scores, reverse=True), answer
    assert answer.id, answer


@check("the best of them")
def _():
    all_of_them = indices(today.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS))
    answer = today.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS, top_n=2, max_tokens_per_doc=4096, priority=0)
    assert indices(answer) == all_of_them[:2], answer


@check("documents of the older client")
def _():
    all_of_them = today.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS)
    documents = [{"text": document} for document in DOCUMENTS]
    answer = before.rerank(model=MODEL, query=QUERY, documents=documents, rank_fields=["text"], return_documents=True)
    assert indices(answer) == indices(all_of_them), answer
    assert [result.document.text for result in answer.results] == [DOCUMENTS[index] for index in indices(answer)], answer


@check("refusal")
def _():
    for fields in ({"documents": []}, {"relevant_spans": cohere.RerankRelevantSpans(mode="enabled")}):
        try:
            answer = today.rerank(**{"model": MODEL, "query": QUERY, "documents": DOCUMENTS, **fields})
        except cohere.BadRequestError as error:
            assert error.body["error"]["param"] == next(iter(fields)), error
        else:
            raise AssertionError(f"answered: {answer}")
