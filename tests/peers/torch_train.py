"""Training: 16 sequences of 128 tokens, f32; forward, loss, backward, AdamW step."""

import torch
from common import arguments, build, ids, measure
from transformers import Qwen2ForCausalLM

ROWS, COLUMNS = 16, 128


def main():
    args = arguments(__doc__)
    model = build(Qwen2ForCausalLM, use_cache=False).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01, fused=True)
    # One id more than is read: every one of the 128 positions has a target.
    batch = ids(model.config.vocab_size, ROWS, COLUMNS + 1)
    inputs, targets = batch[:, :-1].contiguous(), batch[:, 1:].reshape(-1)

    def step():
        optimizer.zero_grad(set_to_none=True)
        logits = model(input_ids=inputs).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    measure("train", args, ROWS * COLUMNS, step)


if __name__ == "__main__":
    main()
