"""Scores a large file in parts on a Ray cluster, each by the command line:

    python score_ray.py models/prm solutions.jsonl scores --parts 64 --cpus 8

Model, rows and output lie where every node finds them. What is done already is not done again.
"""

import argparse
import os
import subprocess

import ray


def score(row, model, rows, out, parts, cpus):
    part = row["id"] + 1
    command = ["minform", "prm", "score", "--prm", model, "--data", rows, "--shard", f"{part}/{parts}"]
    command += ["--out", os.path.join(out, f"part-{part:05}.jsonl"), "--resume"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(cpus)})
    return {"part": part, "exit_code": done.returncode, "message": done.stderr.strip().splitlines()[-1:]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("rows")
    parser.add_argument("out")
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--cpus", type=int, default=8)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    work = ray.data.range(args.parts, override_num_blocks=args.parts)
    kept = {"model": args.model, "rows": args.rows, "out": args.out, "parts": args.parts, "cpus": args.cpus}
    for result in work.map(score, fn_kwargs=kept, num_cpus=args.cpus).iter_rows():
        if result["exit_code"]:
            print(f"part {result['part']}: {' '.join(result['message'])}")


if __name__ == "__main__":
    main()
