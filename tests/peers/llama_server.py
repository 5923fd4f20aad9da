"""Serves a GGUF file with llama.cpp's own server, for the tests of rollouts.

    python tests/peers/llama_server.py MODEL.gguf

Takes a free port of 127.0.0.1, prints its address once it answers, and serves until standard input ends. Needs
`xllamacpp`, which carries llama.cpp.
"""

import socket
import sys

import xllamacpp


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.port = free_port()
    params.n_ctx, params.n_parallel, params.warmup = 4096, 4, False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
