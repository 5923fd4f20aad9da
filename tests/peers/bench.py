"""Times scoring, generation and an update with transformers, for `minform bench --peer "python tests/peers/bench.py"`.

The model has the shape of --config and random weights. Scoring: one pass of a token classifier in batches of
--score-tokens, logits of every position read back. Generation: `generate` with SDPA and a dynamic cache, --new-tokens
after every prompt. Update: cross-entropy of every token but the first, in micro-batches of --update-tokens, AdamW.
With bf16 or f16 the weights that learn are f32 and products are formed under autocast. --torch-device cuda takes a
card. Prints one JSON object: the seconds of each repetition by phase, after one that is not timed.
"""

import argparse
import json
import time

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForTokenClassification

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def timed(work, repeats, device):
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds[1:])


def batches(ids, budget):
    return ids.split(max(1, budget // ids.shape[1]))


def scoring(config, ids, args):
    model = AutoModelForTokenClassification.from_config(config, attn_implementation="sdpa")
    model = model.to(args.torch_device, DTYPES[args.dtype]).eval()

    def work():
        with torch.inference_mode():
            return [model(input_ids=batch, use_cache=False).logits.float().cpu() for batch in batches(ids, args.score_tokens)]

    return timed(work, args.repeats, args.torch_device)


def generation(config, ids, args):
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    model = model.to(args.torch_device, DTYPES[args.dtype]).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0

    def work():
        with torch.inference_mode():
            return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=args.new_tokens, do_sample=True)

    return timed(work, args.repeats, args.torch_device)


def update(config, ids, args):
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").to(args.torch_device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    half = DTYPES[args.dtype] if args.dtype != "f32" else None
    scaler = torch.amp.GradScaler(args.torch_device, enabled=args.dtype == "f16")

    def work():
        for batch in batches(ids, args.update_tokens):
            with torch.autocast(args.torch_device, dtype=half, enabled=half is not None):
                logits = model(input_ids=batch, use_cache=False).logits[:, :-1]
            losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten(), reduction="sum")
            scaler.scale(losses / (ids.numel() - len(ids))).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()

    return timed(work, args.repeats, args.torch_device)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    for size in ["rows", "tokens", "new-tokens", "repeats", "score-tokens", "update-tokens"]:
        parser.add_argument(f"--{size}", type=int, required=True)
    parser.add_argument("--dtype", choices=list(DTYPES), required=True)
    parser.add_argument("--torch-device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(args.config)
    config.num_labels = 2
    ids = torch.randint(config.vocab_size, (args.rows, args.tokens), device=args.torch_device)
    phases = {"scoring": scoring, "generation": generation, "update": update}
    print(json.dumps({name: phase(config, ids, args) for name, phase in phases.items()}))


if __name__ == "__main__":
    main()
