"""Scoring: a token classifier with two labels over 16 sequences of 128 tokens, no gradient."""

import torch
from common import arguments, build, ids, measure
from transformers import Qwen2ForTokenClassification

ROWS, COLUMNS = 16, 128


def main():
    args = arguments(__doc__)
    model = build(Qwen2ForTokenClassification, num_labels=2, use_cache=False).eval()
    batch = ids(model.config.vocab_size, ROWS, COLUMNS)

    def score():
        with torch.inference_mode():
            return model(input_ids=batch).logits.softmax(-1)[..., 1]

    assert score().shape == (ROWS, COLUMNS)
    measure("score", args, ROWS * COLUMNS, score)


if __name__ == "__main__":
    main()
