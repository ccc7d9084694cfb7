"""What the embeddings of each client are tried on: of four documents, the one that answers a question is found."""

DOCUMENTS = [
    "The Eiffel Tower was finished in 1889 for the world's fair in Paris.",
    "Photosynthesis turns sunlight, water and carbon dioxide into sugar and oxygen.",
    "A sourdough loaf rises by wild yeast and bacteria instead of baker's yeast.",
    "The heart of an adult beats about seventy times a minute at rest.",
]
QUESTIONS = ["How do plants make their food?", "Which bread needs no bought yeast?", "When was that iron landmark of France built?"]
RIGHT = [1, 2, 0]


def product(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))
