"""RL update: one ratio-clipped policy-gradient step on 16 sequences of 96 tokens.

The first 32 tokens are the prompt; the loss is taken over the other 64. The
log-probabilities of the policy that sampled and the advantages (rewards less
their mean, over their deviation, in groups of 4) are given, as after a
rollout. All 16 x 96 tokens are counted. No reference policy, no KL term.
"""

import torch
from common import SEED, arguments, build, ids, measure
from transformers import Qwen2ForCausalLM

ROWS, COLUMNS, PROMPT, GROUP, CLIP = 16, 96, 32, 4, 0.2


def main():
    args = arguments(__doc__.splitlines()[0])
    model = build(Qwen2ForCausalLM, use_cache=False).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.0, fused=True)
    batch = ids(model.config.vocab_size, ROWS, COLUMNS)
    targets = batch[:, 1:]
    mask = torch.zeros(ROWS, COLUMNS - 1)
    mask[:, PROMPT - 1 :] = 1.0
    rewards = torch.rand(ROWS // GROUP, GROUP, generator=torch.Generator().manual_seed(SEED))
    spread = rewards.std(1, keepdim=True) + 1e-6
    advantages = ((rewards - rewards.mean(1, keepdim=True)) / spread).reshape(ROWS, 1)

    def log_probabilities():
        logits = model(input_ids=batch).logits[:, :-1]
        return logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]

    with torch.no_grad():
        old = log_probabilities()

    def update():
        optimizer.zero_grad(set_to_none=True)
        ratio = (log_probabilities() - old).exp()
        clipped = ratio.clamp(1.0 - CLIP, 1.0 + CLIP)
        gain = torch.minimum(ratio * advantages, clipped * advantages)
        loss = -(gain * mask).sum() / mask.sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    measure("rl_update", args, ROWS * COLUMNS, update)


if __name__ == "__main__":
    main()
