"""What the five peer benchmarks share: arguments, the model, timing, one JSON line."""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import transformers
from transformers import Qwen2Config

FOLDER = Path(__file__).resolve().parent
# The two models and how many parameters each has.
PARAMETERS = {"config.json": 6_559_488, "nano.json": 382_464}
SEED = 1


def arguments(description, repeats=10, warmup=2, flags=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default 2)")
    parser.add_argument("--repeats", type=int, default=repeats, help="timed rounds, at least 5")
    parser.add_argument("--warmup", type=int, default=warmup, help="rounds before timing starts")
    for flag, text in (flags or {}).items():
        parser.add_argument(flag, action="store_true", help=text)
    args = parser.parse_args()
    if args.repeats < 5:
        parser.error("--repeats must be at least 5")
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    transformers.utils.logging.set_verbosity_error()
    return args


def build(cls, config="config.json", **changes):
    """A freshly initialised f32 model of the size that `config` names, with SDPA attention."""
    values = {k: v for k, v in json.loads((FOLDER / config).read_text()).items() if k != "torch_dtype"}
    settings = Qwen2Config(**{**values, **changes})
    settings._attn_implementation = "sdpa"
    model = cls(settings)
    assert model.dtype == torch.float32 and model.config._attn_implementation == "sdpa"
    extra = sum(p.numel() for n, p in model.named_parameters() if n.startswith("score"))
    assert sum(p.numel() for p in model.parameters()) - extra == PARAMETERS[config]
    return model


def ids(vocab, rows, columns):
    return torch.randint(0, vocab, (rows, columns), generator=torch.Generator().manual_seed(SEED))


def measure(bench, args, tokens, round_):
    """Times `round_` and prints the JSON line. `tokens` is what one round handles."""
    for _ in range(args.warmup):
        round_()
    rates = []
    wall, busy = time.perf_counter(), time.process_time()
    for _ in range(args.repeats):
        start = time.perf_counter()
        round_()
        rates.append(tokens / (time.perf_counter() - start))
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    report(bench, args, tokens, rates, busy / wall)


def report(bench, args, tokens, rates, cores, config="config.json", **more):
    """Prints the JSON line: `rates` are the tokens per second of each round, `more` comes last."""
    line = {
        "bench": bench,
        "tokens_per_second": {
            "median": round(statistics.median(rates), 1),
            "min": round(min(rates), 1),
            "max": round(max(rates), 1),
        },
        # Processor time over elapsed time: well under `threads`, others had the cores.
        "cores": round(cores, 2),
        "tokens": tokens,
        "repeats": args.repeats,
        "parameters": PARAMETERS[config],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": args.threads,
        **more,
    }
    print(json.dumps(line), flush=True)
