"""Scores rows of ProcessBench with a reward model that `minform prm train` saved, and with minform, in one run.

    python tests/peers/prm_score.py --prm runs/prm/prm --data processbench/gsm8k.json --limit 60 \\
        --minform target/release/minform --threads 2

Both read the same rows of the same folder: problem and steps tokenised apart, a newline token after each step. The
transformers side sorts rows by length and pads batches of at most --tokens tokens, SDPA attention, f32. On a GPU, for
example with `--torch-device cuda --device vulkan`, minform's time holds the building of its kernels. Prints one JSON
line with tokens per second of both, counted alike, their ratio, and the largest difference of a score. The time to
load either model does not count.
"""

import argparse
import json
import os
import re
import subprocess
import time

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer


def rows_of(path, limit):
    text = open(path).read()
    rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]
    return rows[:limit]


def lay_out(tokenizer, row, newline):
    ids = tokenizer.encode(row["problem"], add_special_tokens=False)
    positions = []
    for step in row["steps"]:
        ids += tokenizer.encode(step, add_special_tokens=False) + [newline]
        positions.append(len(ids) - 1)
    return ids, positions


def batches(inputs, budget):
    order = sorted(range(len(inputs)), key=lambda index: len(inputs[index][0]))
    batch = []
    for index in order:
        longest = len(inputs[index][0])
        if batch and longest * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def score(model, inputs, budget):
    scores = [None] * len(inputs)
    for batch in batches(inputs, budget):
        longest = max(len(inputs[index][0]) for index in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, index in enumerate(batch):
            tokens = inputs[index][0]
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
            shares = logits.softmax(-1).cpu()
        for row, index in enumerate(batch):
            at = shares[row, inputs[index][1]]
            scores[index] = (at[:, 1] - at[:, 0]).tolist()
    return scores


def minform(args, count):
    command = [args.minform, "prm", "score", "--prm", args.prm, "--data", args.data, "--limit", str(count)]
    command += ["--device", args.device, "--set", f"prm.micro_batch_tokens={args.minform_tokens}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "RAYON_NUM_THREADS": str(args.threads)})
    rate = re.search(r"scoring: .* ([0-9]+) tokens/s", done.stderr)
    return [json.loads(line)["scores"] for line in done.stdout.splitlines()], float(rate.group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prm", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minform", required=True)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="flex", help="of minform")
    parser.add_argument("--minform-tokens", type=int, default=512, help="most tokens in one pass of minform")
    parser.add_argument("--torch-device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.prm)
    model = AutoModelForTokenClassification.from_pretrained(args.prm, dtype=torch.float32).eval().to(args.torch_device)
    newline = tokenizer.encode("\n", add_special_tokens=False)[-1]
    inputs = [lay_out(tokenizer, row, newline) for row in rows_of(args.data, args.limit)]
    tokens = sum(len(ids) for ids, _ in inputs)
    score(model, inputs[:2], args.tokens)
    peer, ours, ratios, worst = [], [], [], 0.0
    for _ in range(args.repeats):
        begun = time.perf_counter()
        theirs = score(model, inputs, args.tokens)
        peer.append(tokens / (time.perf_counter() - begun))
        found, rate = minform(args, len(inputs))
        ours.append(rate)
        ratios.append(rate / peer[-1])
        pairs = (pair for a, b in zip(found, theirs) for pair in zip(a, b))
        worst = max([worst] + [abs(a - b) for a, b in pairs])
    summary = {
        "bench": "prm_score", "rows": len(inputs), "tokens": tokens, "threads": args.threads,
        "device": args.device, "torch_device": args.torch_device,
        "transformers_tokens_per_second": [round(rate) for rate in peer],
        "minform_tokens_per_second": [round(rate) for rate in ours],
        "ratios": [round(ratio, 2) for ratio in ratios],
        "largest_difference": worst, "torch": torch.__version__,
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
