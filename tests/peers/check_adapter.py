"""Checks that PEFT reads an adapter of `minform prm train` as minform does.

    python tests/peers/check_adapter.py --base models/smollm2 --adapter runs/prm/adapter --prm runs/prm/prm

Puts the adapter on the base model with PEFT and compares the logits of a few rows with those of the whole model that
minform saved. Both hold the same weights up to the half precision of the adapter; exit code 1 if logits differ by more
than --tolerance.
"""

import argparse

import torch
from peft import PeftModel
from transformers import AutoModelForTokenClassification, AutoTokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--prm", required=True)
    parser.add_argument("--tolerance", type=float, default=0.02)
    args = parser.parse_args()
    load = lambda folder: AutoModelForTokenClassification.from_pretrained(folder, num_labels=2, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(load(args.base), args.adapter).eval()
    whole = load(args.prm).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.prm)
    worst = 0.0
    for text in ["What is 3 + 4?\n3 + 4 = 7\n", "A pen costs 2 dollars. What do 5 pens cost?\n5 * 2 = 11\n"]:
        ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
        with torch.inference_mode():
            difference = adapted(input_ids=ids).logits - whole(input_ids=ids).logits
        worst = max(worst, float(difference.abs().max()))
    print(f"largest difference of a logit: {worst:.2e}")
    if not worst <= args.tolerance:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
