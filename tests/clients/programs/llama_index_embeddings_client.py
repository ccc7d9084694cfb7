"""LlamaIndex's OpenAIEmbedding with another address and name of a model, and a search in its index."""

import asyncio

import openai
from checks import MODEL, URL, check, counting, refused
from llama_index.core import Document, VectorStoreIndex
from llama_index.embeddings.openai import OpenAIEmbedding
from retrieval import DOCUMENTS, QUESTIONS, RIGHT, product

settings = {"model_name": MODEL, "api_base": URL, "api_key": "none"}
embedding = OpenAIEmbedding(**settings, http_client=counting)


@check("documents and a query")
def _():
    vectors = embedding.get_text_embedding_batch(DOCUMENTS)
    assert [len(vector) for vector in vectors] == [384] * len(DOCUMENTS)
    assert product(vectors[0], embedding.get_query_embedding(DOCUMENTS[0])) > 0.999


@check("retrieval")
def _():
    index = VectorStoreIndex.from_documents([Document(text=text) for text in DOCUMENTS], embed_model=embedding)
    retriever = index.as_retriever(similarity_top_k=1)
    assert [DOCUMENTS.index(retriever.retrieve(question)[0].text) for question in QUESTIONS] == RIGHT


@check("asynchronous")
def _():
    vectors = asyncio.run(OpenAIEmbedding(**settings).aget_text_embedding_batch(DOCUMENTS))
    assert product(vectors[1], embedding.get_text_embedding(DOCUMENTS[1])) > 0.999


@check("dimensions")
def _():
    assert len(OpenAIEmbedding(**settings, dimensions=64).get_text_embedding("a cat")) == 64


@check("refusal")
def _():
    refused(
        lambda: OpenAIEmbedding(**settings, dimensions=1_000, http_client=counting).get_text_embedding("a cat"),
        lambda error: isinstance(error, openai.BadRequestError) and error.param == "dimensions",
    )
