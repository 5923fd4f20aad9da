"""Generation: 16 prompts of 32 tokens, 64 sampled tokens each, with a key-value cache.

Sampling is from the whole distribution at temperature 1. Only new tokens are
counted; reading the prompts is part of the time.
"""

import torch
from common import arguments, build, ids, measure
from transformers import GenerationConfig, Qwen2ForCausalLM

ROWS, PROMPT, NEW = 16, 32, 64


def main():
    args = arguments(__doc__.splitlines()[0], repeats=7)
    model = build(Qwen2ForCausalLM).eval()
    prompts = ids(model.config.vocab_size, ROWS, PROMPT)
    mask = torch.ones_like(prompts)
    settings = GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_new_tokens=None,
        max_new_tokens=NEW,
        use_cache=True,
        eos_token_id=None,
        pad_token_id=0,
    )

    def generate():
        with torch.inference_mode():
            return model.generate(prompts, attention_mask=mask, generation_config=settings)

    assert generate().shape == (ROWS, PROMPT + NEW)
    measure("generate", args, ROWS * NEW, generate)


if __name__ == "__main__":
    main()
