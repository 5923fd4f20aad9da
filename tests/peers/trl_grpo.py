"""Trainer update: whole updates of TRL's GRPOTrainer, 8 prompts x 8 responses of 64 tokens.

A round is everything the trainer does from the end of one optimizer step to
the end of the next: sampling by transformers, a reward function, the
log-probabilities of a reference model, loss, backward and AdamW step. The
sampled tokens are counted. `--nano` takes the model of nano.json, the size of
minform's demo. `--write-tokenizer` writes tokenizer.json, which both sides
read, and stops.
"""

import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path

# Before the imports that read it: nothing is asked of, or told to, the hub.
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
import trl
from common import PARAMETERS, SEED, arguments, build, ids, report
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, PrinterCallback, Qwen2ForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

TOKENIZER = Path(__file__).resolve().parent / "tokenizer.json"
VOCABULARY = 512
PROMPTS, GROUP, PROMPT, NEW = 8, 8, 32, 64
BETA, CLIP = 0.001, 0.2
ROWS = PROMPTS * GROUP
# Rows of a micro-batch. On one core of a shared machine 64 x 1, 32 x 2 and 16 x 4 took the same processor time
# within 4 %, 32 x 2 the least or close to it; not yet compared on two idle cores.
BATCH = 32


def write_tokenizer():
    """Words w0 to w511 between spaces, nothing added; w0 also stands for what is unknown."""
    words = {f"w{id}": id for id in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    TOKENIZER.write_text(tokenizer.to_str() + "\n")


def read_tokenizer():
    """TRL wants an end token. Its id is one the model does not have, so no response ends early."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER), eos_token="<end>", pad_token="<end>")
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == VOCABULARY
    return tokenizer


class Clock(TrainerCallback):
    """Elapsed and processor time at the start of training and at the end of each step."""

    def __init__(self):
        self.marks = []

    def on_train_begin(self, *_, **__):
        self.marks.append((time.perf_counter(), time.process_time()))

    on_step_end = on_train_begin


class Reward:
    """The share of even ids in a response, and checks of what was sampled."""

    __name__ = "even"

    def __init__(self):
        self.calls = 0

    def __call__(self, completion_ids, **_):
        self.calls += 1
        assert len(completion_ids) == ROWS and all(len(row) == NEW for row in completion_ids)
        rewards = [sum(id % 2 == 0 for id in row) / NEW for row in completion_ids]
        assert all(len(set(rewards[at : at + GROUP])) > 1 for at in range(0, ROWS, GROUP))
        return rewards


def settings(folder, steps):
    return GRPOConfig(
        output_dir=folder,
        seed=SEED,
        use_cpu=True,
        bf16=False,
        fp16=False,
        activation_checkpointing=False,
        # Sampling.
        num_generations=GROUP,
        max_completion_length=NEW,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        use_vllm=False,
        # Loss.
        loss_type="grpo",
        beta=BETA,
        epsilon=CLIP,
        num_iterations=1,
        # One optimizer step learns from all rows.
        per_device_train_batch_size=BATCH,
        gradient_accumulation_steps=ROWS // BATCH,
        max_steps=steps,
        optim="adamw_torch_fused",
        learning_rate=1e-6,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        # Nothing is logged, saved or shown.
        report_to="none",
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        disable_tqdm=True,
    )


def main():
    flags = {"--nano": "the model of nano.json", "--write-tokenizer": "write tokenizer.json and stop"}
    args = arguments(__doc__.splitlines()[0], flags=flags)
    if args.write_tokenizer:
        return write_tokenizer()
    bench, config = ("trainer_update_nano", "nano.json") if args.nano else ("trainer_update", "config.json")
    transformers.utils.logging.disable_progress_bar()
    tokenizer = read_tokenizer()
    steps = args.warmup + args.repeats
    # Other prompts in every update: one epoch.
    words = ids(VOCABULARY, PROMPTS * steps, PROMPT).tolist()
    prompts = [" ".join(f"w{id}" for id in row) for row in words]
    assert tokenizer(prompts)["input_ids"] == words
    clock, reward = Clock(), Reward()
    with tempfile.TemporaryDirectory() as folder:
        # From a folder, since TRL loads the reference model from where the policy came from.
        build(Qwen2ForCausalLM, config).save_pretrained(folder)
        trainer = GRPOTrainer(
            model=folder,
            reward_funcs=reward,
            args=settings(folder, steps),
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer,
            callbacks=[clock],
        )
        # It prints a summary to stdout.
        trainer.remove_callback(PrinterCallback)
        policy, reference = trainer.model, trainer.ref_model
        for model in policy, reference:
            assert model.dtype == torch.float32 and model.config._attn_implementation == "sdpa"
            assert sum(p.numel() for p in model.parameters()) == PARAMETERS[config]
        before = {name: p.detach().clone() for name, p in policy.named_parameters()}
        passes = []
        reference.register_forward_hook(lambda *_: passes.append(None))
        trainer.train()
    assert len(clock.marks) == steps + 1 and reward.calls == steps
    assert len(passes) == steps * ROWS // BATCH
    assert not any(torch.equal(p, before[name]) for name, p in policy.named_parameters())
    assert all(torch.equal(p, before[name]) for name, p in reference.named_parameters())
    assert torch.get_num_threads() == args.threads

    marks = clock.marks[args.warmup :]
    tokens = ROWS * NEW
    rates = [tokens / (end - start) for (start, _), (end, _) in pairwise(marks)]
    (start, idle), (end, busy) = marks[0], marks[-1]
    report(bench, args, tokens, rates, (busy - idle) / (end - start), config, trl=trl.__version__)


if __name__ == "__main__":
    main()
