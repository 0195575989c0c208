#!/usr/bin/env python3
"""Decoding steps of llama.cpp on Qwen3's shapes with random bf16 weights: a peer of `bench_model`.

Asks for Python packages that come as wheels: xllamacpp (llama.cpp's server in this process), gguf,
numpy. The wheel's llama.cpp is compiled for AVX2, not for AVX-512 or AMX; one that was compiled
here would be faster. Its keys and values are fp16.

Prints tab-separated lines: `versions`, and for each case `decode`, threads, batch, context, and the
seconds of a step: one token for every sequence, counted from when the last sequence has its first
token to when the first sequence has its last.
"""

import argparse
import contextlib
import os
import tempfile
import threading
import time

import gguf
import numpy
import xllamacpp

STEPS = 64


def write_model(path, options):
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_context_length(40_960)
    writer.add_embedding_length(options.hidden)
    writer.add_block_count(options.layers)
    writer.add_feed_forward_length(options.mlp)
    writer.add_head_count(options.query_heads)
    writer.add_head_count_kv(options.key_heads)
    writer.add_key_length(options.head_size)
    writer.add_value_length(options.head_size)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    # A vocabulary of made-up tokens behind the 256 of the bytes.
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in visible]
    letters = [chr(byte) for byte in visible] + [chr(256 + i) for i in range(len(others))]
    tokens = letters + [f"t{i}" for i in range(options.vocab - len(letters))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    writer.add_token_merges(["t 0"])
    writer.add_eos_token_id(options.vocab - 1)

    random = numpy.random.default_rng(1)

    def matrix(name, outputs, inputs):
        values = random.standard_normal((outputs, inputs), dtype=numpy.float32) / inputs**0.5
        words = (values.view(numpy.uint32) >> 16).astype(numpy.uint16)
        writer.add_tensor(name, words.view(numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)

    def ones(name, size):
        writer.add_tensor(name, numpy.ones(size, dtype=numpy.float32))

    queries = options.query_heads * options.head_size
    keys = options.key_heads * options.head_size
    matrix("token_embd.weight", options.vocab, options.hidden)
    ones("output_norm.weight", options.hidden)
    for layer in range(options.layers):
        at = f"blk.{layer}."
        ones(at + "attn_norm.weight", options.hidden)
        matrix(at + "attn_q.weight", queries, options.hidden)
        matrix(at + "attn_k.weight", keys, options.hidden)
        matrix(at + "attn_v.weight", keys, options.hidden)
        matrix(at + "attn_output.weight", options.hidden, queries)
        ones(at + "attn_q_norm.weight", options.head_size)
        ones(at + "attn_k_norm.weight", options.head_size)
        ones(at + "ffn_norm.weight", options.hidden)
        matrix(at + "ffn_gate.weight", options.mlp, options.hidden)
        matrix(at + "ffn_up.weight", options.mlp, options.hidden)
        matrix(at + "ffn_down.weight", options.hidden, options.mlp)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def server_of(path, threads, batch, context):
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = batch * (context + 2 * STEPS)
    params.n_parallel = batch
    params.n_batch = 2048
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.warmup = True
    return xllamacpp.Server(params)


def token_times(server, batch, context, vocab):
    """Per sequence, when each of its tokens came."""
    times = [[] for _ in range(batch)]
    random = numpy.random.default_rng(2)
    prompts = random.integers(256, vocab - 1, (batch, max(1, context - STEPS // 2)))

    def play(index):
        def on_token(_):
            times[index].append(time.perf_counter())
            return False

        server.handle_completions(
            {"prompt": prompts[index].tolist(), "max_tokens": STEPS,
             "ignore_eos": True, "cache_prompt": False, "temperature": 1.0, "top_k": 1,
             "stream": True}, on_token)

    players = [threading.Thread(target=play, args=(index,)) for index in range(batch)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    return times


@contextlib.contextmanager
def without_log():
    """llama.cpp's own lines would come in the middle of ours."""
    kept = [os.dup(stream) for stream in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    try:
        yield
    finally:
        for stream, old in zip((1, 2), kept):
            os.dup2(old, stream)
            os.close(old)


def step_s_of(path, case, vocab):
    threads, batch, context = case
    server = server_of(path, threads, batch, context)
    times = token_times(server, batch, context, vocab)
    del server
    start = max(own[0] for own in times)
    end = min(own[-1] for own in times)
    tokens = sum(sum(start < at <= end for at in own) for own in times)
    return (end - start) * batch / tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", required=True, metavar="THREADS,BATCH,CONTEXT")
    for size in ("vocab", "hidden", "layers", "query-heads", "key-heads", "head-size", "mlp"):
        parser.add_argument(f"--{size}", type=int, required=True)
    options = parser.parse_args()
    print("versions", f"llama.cpp of xllamacpp {xllamacpp.__version__}", sep="\t", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.gguf")
        write_model(path, options)
        for case in options.cases:
            numbers = [int(number) for number in case.split(",")]
            with without_log():
                seconds = step_s_of(path, numbers, options.vocab)
            print("decode", *numbers, f"{seconds:.6f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
