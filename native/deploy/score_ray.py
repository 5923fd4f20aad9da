"""Scores a large file in parts on a Ray cluster, each by the command line:

    python score_ray.py /shared/models/prm /shared/solutions.jsonl /shared/scores --parts 64 --cpus 8
    python score_ray.py ... --parts 64 --cpus 4 --gpus 1 --device cuda --dtype f16

Options that it does not know are passed on. Model, rows and output lie where every node finds them. What is done already is not done again. The exit code is 1 if a part failed.
"""

import argparse
import os
import subprocess
import sys

import ray


def score(row, model, rows, out, parts, cpus, options):
    part = row["id"] + 1
    command = ["minform", "prm", "score", "--prm", model, "--data", rows, "--shard", f"{part}/{parts}"]
    command += ["--out", os.path.join(out, f"part-{part:05}.jsonl"), "--resume", *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(cpus)})
    return {"part": part, "exit_code": done.returncode, "message": done.stderr.strip().splitlines()[-1:]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("rows")
    parser.add_argument("out")
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--cpus", type=int, default=8)
    parser.add_argument("--gpus", type=int, default=0)
    args, options = parser.parse_known_args()
    os.makedirs(args.out, exist_ok=True)
    work = ray.data.range(args.parts, override_num_blocks=args.parts)
    kept = {"model": args.model, "rows": args.rows, "out": args.out, "parts": args.parts, "cpus": args.cpus}
    kept["options"] = options
    failed = 0
    for result in work.map(score, fn_kwargs=kept, num_cpus=args.cpus, num_gpus=args.gpus).iter_rows():
        if result["exit_code"]:
            failed += 1
            print(f"part {result['part']}: {' '.join(result['message'])}")

    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
