#!/usr/bin/env bash
# Runs the five peer benchmarks one after another, the last with two models; each prints one JSON line.
# Arguments go to each of them: ./run.sh --threads 2 --repeats 10
# PYTHON names the interpreter (python3 when unset).
set -euo pipefail
cd "$(dirname "$0")"
for bench in torch_train transformers_score transformers_generate rl_update trl_grpo; do
  "${PYTHON:-python3}" -B "$bench.py" "$@"
done
"${PYTHON:-python3}" -B trl_grpo.py --nano "$@"
