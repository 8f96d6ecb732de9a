"""JAX (XLA on one CPU thread) on a workload of `lockstep bench`, one process: a jitted step with a global-norm clip at 1.

usage: jax_single.py WORKLOAD STEPS
Prints one line of JSON: the median and the least time of a step, from a batch that is ready to updated weights.
"""
import json
import math
import os
import statistics
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np

WARM_UP = 5
VOCABULARY = 96
random = np.random.default_rng(0)


def normal(*shape, deviation):
    return jnp.array(random.normal(size=shape) * deviation, jnp.float32)


def dense(inputs, outputs):
    return {"w": normal(outputs, inputs, deviation=1 / math.sqrt(inputs)), "b": jnp.zeros(outputs)}


def apply(layer, x):
    return x @ layer["w"].T + layer["b"]


def images():
    return jnp.array(random.random((64, 784), np.float32)), jnp.array(random.integers(0, 10, 64))


def texts(samples, context):
    def draw():
        rows = random.integers(0, VOCABULARY, (samples, context + 1))
        return jnp.array(rows[:, :-1]), jnp.array(rows[:, 1:])

    return draw


def mlp(*widths):
    def logits(layers, x):
        for layer in layers[:-1]:
            x = jax.nn.relu(apply(layer, x))
        return apply(layers[-1], x)

    return [dense(a, b) for a, b in zip(widths, widths[1:])], logits, images


def cnn():
    def convolve(p, x):
        y = jax.lax.conv_general_dilated(x, p["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jax.lax.reduce_window(jax.nn.relu(y + p["b"]), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def logits(p, x):
        x = convolve(p["2"], convolve(p["1"], x.reshape(-1, 28, 28, 1)))
        return apply(p["4"], jax.nn.relu(apply(p["3"], x.reshape(len(x), -1))))

    parameters = {
        "1": {"w": normal(3, 3, 1, 32, deviation=1 / 3), "b": jnp.zeros(32)},
        "2": {"w": normal(3, 3, 32, 64, deviation=1 / 17), "b": jnp.zeros(64)},
        "3": dense(3136, 128), "4": dense(128, 10)}
    return parameters, logits, images


def lstm(embedding=64, hidden=256, samples=32, context=64):
    parameters = {
        "e": normal(VOCABULARY, embedding, deviation=1), "x": dense(embedding, 4 * hidden), "h": dense(hidden, 4 * hidden)["w"],
        "head": dense(hidden, VOCABULARY)}

    def logits(p, tokens):
        sums = apply(p["x"], p["e"][tokens]).transpose(1, 0, 2)

        def cell(state, row):
            h, c = state
            i, f, g, o = jnp.split(row + h @ p["h"].T, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((samples, hidden))
        return apply(p["head"], jax.lax.scan(cell, (zeros, zeros), sums)[1].transpose(1, 0, 2))

    return parameters, logits, texts(samples, context)


def gpt(layers, heads, width, context, samples):
    def matrix(inputs, outputs):
        return normal(outputs, inputs, deviation=0.02)

    parameters = {
        "wte": matrix(width, VOCABULARY), "wpe": matrix(width, context), "ln": jnp.ones(width),
        "h": [{
            "ln_1": jnp.ones(width), "ln_2": jnp.ones(width), "mix": matrix(width, 3 * width), "unmix": matrix(width, width),
            "widen": matrix(width, 4 * width), "narrow": matrix(4 * width, width)} for _ in range(layers)]}
    mask = jnp.tril(jnp.ones((context, context), bool))

    def norm(x, weight):
        return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * weight

    def logits(p, tokens):
        x = p["wte"][tokens] + p["wpe"]
        for b in p["h"]:
            q, k, v = (
                y.reshape(samples, context, heads, -1).transpose(0, 2, 1, 3) for y in jnp.split(norm(x, b["ln_1"]) @ b["mix"].T, 3, -1))
            scores = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) / math.sqrt(width // heads), -1e9)
            y = (jax.nn.softmax(scores, -1) @ v).transpose(0, 2, 1, 3).reshape(samples, context, width)
            x = x + y @ b["unmix"].T
            x = x + jax.nn.gelu(norm(x, b["ln_2"]) @ b["widen"].T, approximate=False) @ b["narrow"].T
        return norm(x, p["ln"]) @ p["wte"].T

    return parameters, logits, texts(samples, context)


WORKLOADS = {
    "mlp-small": lambda: mlp(784, 128, 10),
    "mlp": lambda: mlp(784, 1024, 1024, 10),
    "cnn": cnn,
    "lstm": lstm,
    "gpt-cpu": lambda: gpt(4, 4, 128, 64, 12),
    "gpt-baby": lambda: gpt(6, 6, 384, 256, 4),
}


def main(workload, steps):
    parameters, logits, batch = WORKLOADS[workload]()
    uses_adam = workload.startswith("gpt")

    def loss(p, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(logits(p, x)), y[..., None], -1).mean()

    def step(p, moments, count, x, y):
        value, g = jax.value_and_grad(loss)(p, x, y)
        norm = jnp.sqrt(sum(jnp.vdot(a, a) for a in jax.tree.leaves(g)))
        g = jax.tree.map(lambda a: a * jnp.minimum(1, 1 / (norm + 1e-6)), g)
        if not uses_adam:
            v = jax.tree.map(lambda v, a: 0.9 * v + a, moments[0], g)
            return jax.tree.map(lambda w, v: w - 0.05 * v, p, v), [v], value, norm
        m = jax.tree.map(lambda m, a: 0.9 * m + 0.1 * a, moments[0], g)
        s = jax.tree.map(lambda s, a: 0.999 * s + 0.001 * a * a, moments[1], g)
        one, two = 1 - 0.9**count, 1 - 0.999**count
        update = lambda w, m, s: w * (1 - 1e-5) - 1e-3 * (m / one) / (jnp.sqrt(s / two) + 1e-8)
        return jax.tree.map(update, p, m, s), [m, s], value, norm

    step = jax.jit(step, donate_argnums=(0, 1))
    moments = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2 if uses_adam else 1)]
    times = []
    for count in range(1, WARM_UP + steps + 1):
        x, y = batch()
        start = time.perf_counter()
        parameters, moments, value, norm = step(parameters, moments, float(count), x, y)
        jax.block_until_ready((parameters, value, norm))
        times.append(time.perf_counter() - start)
    times = times[WARM_UP:]
    print(json.dumps({
        "peer": "jax", "workload": workload, "ranks": 1, "step_ms": statistics.median(times) * 1e3, "min_ms": min(times) * 1e3,
        "loss": float(value), "norm": float(norm)}))


main(sys.argv[1], int(sys.argv[2]))
