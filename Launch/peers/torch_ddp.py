"""PyTorch DistributedDataParallel (gloo) on a workload of `lockstep bench`: one thread a rank, clip_grad_norm_ at 1.

usage: torch_ddp.py WORKLOAD RANKS STEPS [--compile]
Prints one line of JSON: the median and the least time of the slowest rank's step, from a batch that is ready to updated weights.
"""
import argparse
import gzip
import json
import os
import statistics
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

IMAGES = "/usr/share/datasets/fashion-mnist/"
WARM_UP = 5


def mlp(*widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn():
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))


class LSTM(nn.Module):
    def __init__(self, vocabulary=96, embedding=64, hidden=256):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.rnn = nn.LSTM(embedding, hidden, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, x):
        return self.head(self.rnn(self.embedding(x))[0])


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.mix, self.unmix = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.widen, self.narrow = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        samples, length, width = x.shape
        q, k, v = (y.view(samples, length, self.heads, -1).transpose(1, 2) for y in self.mix(self.ln_1(x)).split(width, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(samples, length, width)
        x = x + self.unmix(y)
        return x + self.narrow(F.gelu(self.widen(self.ln_2(x))))


class GPT(nn.Module):
    """nanoGPT's shape: layer norm before each branch, no biases, the head tied to the embedding."""

    def __init__(self, layers, heads, width, context, vocabulary=96):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, x):
        h = self.wte(x) + self.wpe.weight[: x.shape[1]]
        for block in self.blocks:
            h = block(h)
        return F.linear(self.ln_f(h), self.wte.weight)


# name: model, samples a rank, tokens a sample (0: images)
WORKLOADS = {
    "mlp-small": (lambda: mlp(784, 128, 10), 64, 0),
    "mlp": (lambda: mlp(784, 1024, 1024, 10), 64, 0),
    "cnn": (cnn, 64, 0),
    "lstm": (LSTM, 32, 64),
    "gpt-cpu": (lambda: GPT(4, 4, 128, 64), 12, 64),
    "gpt-baby": (lambda: GPT(6, 6, 384, 256), 4, 256),
}


def batches(size, context, rank):
    """A function that makes a batch from the first 8192 images, or from a random text."""
    draw = torch.Generator().manual_seed(rank)
    if context == 0:
        with gzip.open(IMAGES + "train-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 784)[:8192]
        with gzip.open(IMAGES + "train-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read()[8:], np.uint8)[:8192]
        x, y = torch.tensor(pixels, dtype=torch.float32) / 255, torch.tensor(labels, dtype=torch.long)

        def images():
            chosen = torch.randint(len(x), (size,), generator=draw)
            return x[chosen], y[chosen]

        return images
    text = torch.randint(96, (1 << 20,), generator=torch.Generator().manual_seed(1))

    def texts():
        starts = torch.randint(len(text) - context - 1, (size,), generator=draw)
        rows = torch.stack([text[i : i + context + 1] for i in starts])
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()

    return texts


def resident_peak():
    """The most bytes that this process has had resident, its libraries included."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def run(rank, arguments, port):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cores = sorted(os.sched_getaffinity(0))
    if arguments.ranks <= len(cores):
        os.sched_setaffinity(0, {cores[rank]})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=arguments.ranks)
    make, size, context = WORKLOADS[arguments.workload]
    model, batch = make(), batches(size, context, rank)
    net = DistributedDataParallel(model) if arguments.ranks > 1 else model
    if arguments.compile:
        net = torch.compile(net)
    if arguments.workload.startswith("gpt"):
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    else:
        optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, foreach=True)
    times = []
    for step in range(WARM_UP + arguments.steps):
        x, y = batch()
        dist.barrier()
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        logits = net(x)
        loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), y.view(-1))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append(time.perf_counter() - start)
    peak = torch.tensor([resident_peak()])
    dist.all_reduce(peak, dist.ReduceOp.MAX)
    slowest = torch.tensor(times[WARM_UP:], dtype=torch.float64)
    dist.all_reduce(slowest, dist.ReduceOp.MAX)
    if rank == 0:
        median = statistics.median(slowest.tolist())
        print(json.dumps({
            "peer": "torch-compile" if arguments.compile else "torch", "workload": arguments.workload, "ranks": arguments.ranks,
            "params": sum(p.numel() for p in model.parameters()), "step_ms": median * 1e3, "min_ms": float(slowest.min()) * 1e3,
            "per_s": arguments.ranks * size * max(context, 1) / median, "loss": float(loss.detach()), "norm": float(norm), "peak_bytes": int(peak)}), flush=True)
    dist.destroy_process_group()


def free_port():
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("ranks", type=int)
    parser.add_argument("steps", type=int)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    mp.spawn(run, (arguments, free_port()), nprocs=arguments.ranks)
