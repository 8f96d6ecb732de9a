"""Times the libraries of matrix products for the shapes of the workloads, and makes a row of Lockstep's table of products.

Each round times every shape by every library that Lockstep has, and by PyTorch's (MKL, measured only) where Python has it; the median over the
rounds counts. `write` replaces the row of this kind of CPU in Sources/Models/Products/ProductTable+Measured.swift.
"""
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "Sources/Models/Products/ProductTable+Measured.swift"
INDENT = "    "

TORCH = """
import json, statistics, sys, time
import torch
torch.set_num_threads(1)
for layout, m, n, k in json.load(sys.stdin):
    a = torch.randn(k, m).t() if layout[0] == "T" else torch.randn(m, k)
    b = torch.randn(n, k).t() if layout[1] == "T" else torch.randn(k, n)
    y = torch.empty(m, n)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(a, b, out=y)
        count = max(1, int(0.003 / (time.perf_counter() - start)))
        start = time.perf_counter()
        for _ in range(count):
            torch.mm(a, b, out=y)
        times.append((time.perf_counter() - start) / count)
    print(json.dumps(2 * m * n * k / statistics.median(times) * 1e-9), flush=True)
"""


def own(environment):
    """The CPU, and each shape's GFLOP/s by library."""
    command = [".build/release/lockstep-worker", "none", "--bench-products"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return lines[0], lines[1:]


def of_torch(python, shapes, environment):
    ended = subprocess.run(
        [python, "-c", TORCH], input=json.dumps(shapes), env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def measure(python, rounds, environment):
    """The CPU, and for each shape its key, the choice now, and medians by library; the last is PyTorch's or None."""
    speeds, torch = {}, {}
    for _ in range(rounds):
        cpu, lines = own(environment)
        shapes = [(line["layout"], line["rows"], line["columns"], line["inner"]) for line in lines]
        for shape, line in zip(shapes, lines):
            for library, speed in line["gflops"].items():
                speeds.setdefault(shape, {}).setdefault(library, []).append(speed)
        if python:
            for shape, speed in zip(shapes, of_torch(python, shapes, environment)):
                torch.setdefault(shape, []).append(speed)
    chosen = {shape: line["chosen"] for shape, line in zip(shapes, lines)}
    rows = []
    for shape in shapes:
        medians = {library: statistics.median(values) for library, values in speeds[shape].items()}
        rows.append((shape, chosen[shape], medians, statistics.median(torch[shape]) if python else None))
    return cpu, rows


def best(medians):
    """The fastest library; of those within 2 % of it, which is less than they vary, the first of this order."""
    most = max(medians.values())
    order = ["onednn", "onednn-compiled", "openblas", "onednn-packed"]
    return next(library for library in order if library in medians and medians[library] >= 0.98 * most)


def name(shape):
    layout, rows, columns, inner = shape
    return f"{layout} {rows}x{columns}x{inner}"


def show(cpu, rows, say):
    libraries = list(rows[0][2])
    say(f"{cpu['cpu']}, {cpu['kind']}; oneDNN {cpu['onednn']}, OpenBLAS {cpu['openblas']}; the table's row is {cpu['row']}; GFLOP/s on one thread")
    say("  ".join(["shape".ljust(20)] + [text.rjust(15) for text in libraries + ["PyTorch"]] + ["chosen".ljust(15), "of the best", "of all"]))
    near = 0
    for shape, chosen, medians, torch in rows:
        ours = medians.get(chosen, medians["onednn"])
        of_best, of_all = ours / max(medians.values()), ours / max([*medians.values(), torch or 0])
        near += of_all >= 0.97
        cells = [name(shape).ljust(20)] + [f"{medians[library]:15.1f}" for library in libraries]
        cells += [f"{torch:15.1f}" if torch else " " * 14 + "-", chosen.ljust(15), f"{of_best:11.2f}", f"{of_all:6.2f}"]
        say("  ".join(cells))
    say(f"{near} of {len(rows)} shapes within 3 % of the best of all")


def write(cpu, rows):
    """Replaces the row of this kind of CPU, or adds one."""
    text = TABLE.read_text()
    start, end = text.index('"""\n') + 4, text.rindex(INDENT + '"""')
    blocks, block = [], []
    for line in text[start:end].splitlines():
        if line.strip().startswith("cpu ") and block:
            blocks.append(block)
            block = []
        block.append(line.strip())
    blocks.append(block)
    today = datetime.date.today().isoformat()
    mine = [f"cpu {cpu['kind']} {cpu['cpu']}, {today}"]
    mine += [f"{name(shape)} {best(medians)}" for shape, _, medians, _ in rows]
    blocks = [b for b in blocks if b[0].split()[1] != cpu["kind"]] + [mine]
    lines = [line for b in sorted(blocks, key=lambda b: b[0].split()[1]) for line in b]
    TABLE.write_text(text[:start] + "".join(f"{INDENT}{line}\n" for line in lines) + text[end:])


def run(python, rounds, writes, as_json, environment, say):
    cpu, rows = measure(python, rounds, environment)
    if as_json:
        for shape, chosen, medians, torch in rows:
            print(json.dumps({**cpu, "shape": name(shape), "chosen": chosen, "gflops": medians, "torch_gflops": torch}))
    else:
        show(cpu, rows, say)
    if writes:
        write(cpu, rows)
        say(f"wrote the row {cpu['kind']} of {TABLE.relative_to(ROOT)}: build again to use it")
