"""The kinds of trials: what is done to a run, and what must be true after it."""
import json
import os
import re
import signal
import subprocess
import time

from jobs import Failure, digest, expect_whole_run

STEPS = 300
EXPERIMENT = f"""name = "trial"
[model]
kind = "mlp"
hidden = [32]
[data]
kind = "blobs"
samples = 1000
spread = 6.0
[training]
global_batch = 32
micro_batch = 8
steps = {STEPS}
reproducible = true
[optimizer]
kind = "adamw"
learning_rate = 0.01
[clip]
rule = "zscore"
[checkpoint]
every = 10
keep = 3
"""
# A long run, for faults that are looked for while it trains.
LONG = EXPERIMENT.replace(f"steps = {STEPS}", "steps = 10000000").replace("every = 10\n", "every = 100000\n")
CODES = {0, 64, 65, 70, 75, 78}
# No fault may keep a run from ending for longer than this: a killed coordinator's ranks end in 3 s, a restart waits for 4 s.
LIMIT = 60


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def make_reference(trial):
    """The weights of the run that nothing disturbs."""
    experiment = write(os.path.join(trial.directory, "experiment.toml"), EXPERIMENT)
    job = trial.lockstep("run", experiment, "-n", "2", "--quiet", "--output", trial.output)
    if job.finish(LIMIT) != 0:
        raise Failure(f"the undisturbed run failed: {job.tail}")
    return digest(os.path.join(trial.output, "final.safetensors"))


def finish_by_resuming(trial, experiment, weights):
    """Resumes until the run is whole, as a person or a queue would, and looks at everything."""
    ranks = str(trial.random.randint(1, 3))
    # A run that was ended before it made its directory is simply started.
    resume = ["--resume"] if os.path.isdir(trial.output) and os.listdir(trial.output) else []
    job = trial.lockstep("run", experiment, "-n", ranks, "--quiet", *resume, "--output", trial.output)
    code = job.finish(LIMIT)
    if code != 0:
        raise Failure(f"the resume on {ranks} ranks ended with {code}: {job.tail}")
    trial.expect_gone(5)
    trial.expect_clean()
    expect_whole_run(trial.output, weights, STEPS)


def wait_for_instant(trial, job, within_checkpoint):
    """Until a random instant of the run, or until a checkpoint is being written."""
    if not within_checkpoint:
        instant = trial.random.uniform(0.02, 3.0)
        job.wait_until(lambda: time.monotonic() - job.started > instant, 10)
        return
    folder = os.path.join(trial.output, "checkpoints")
    after = trial.random.randint(1, 20)
    seen = set()

    def is_writing():
        try:
            unfinished = {name for name in os.listdir(folder) if not name.startswith("step-")}
        except OSError:
            return False
        seen.update(unfinished)
        return bool(unfinished) and len(seen) >= after

    job.wait_until(is_writing, 20)


def kill(trial, weights):
    """SIGKILL of a worker, of mpirun, of the coordinator, or of all at once; 3 in 10 while a checkpoint is written."""
    experiment = write(os.path.join(trial.directory, "experiment.toml"), EXPERIMENT)
    restarts = trial.random.choice([0, 3])
    ranks = trial.random.choice([2, 3])
    job = trial.lockstep(
        "run", experiment, "-n", str(ranks), "--max-restarts", str(restarts), "--output", trial.output)
    wait_for_instant(trial, job, trial.random.random() < 0.3)
    target = trial.random.choice(["worker", "mpirun", "coordinator", "group"])
    alive = trial.processes()
    chosen = {
        "worker": trial.workers(), "mpirun": [i for i, name in alive if name == "mpirun"],
        "coordinator": [job.process.pid], "group": [i for i, _ in alive]}[target]
    if target == "worker" and chosen:
        chosen = [trial.random.choice(chosen)]
    for identifier in chosen:
        try:
            os.kill(identifier, signal.SIGKILL)
        except ProcessLookupError:
            pass
    code = job.finish(LIMIT)
    trial.expect_gone(8)
    if target in ("worker", "mpirun") and code not in CODES:
        raise Failure(f"{target} killed: exit code {code}: {job.tail}")
    if target == "worker" and chosen and code not in (0, 70):
        raise Failure(f"worker killed: exit code {code}: {job.tail}")
    finish_by_resuming(trial, experiment, weights)
    return target


def signals(trial, weights):
    """TERM, INT or HUP to the coordinator, or to a rank under plain mpirun, half of them in the first second; one in four twice."""
    experiment = write(os.path.join(trial.directory, "experiment.toml"), EXPERIMENT)
    under_coordinator = trial.random.random() < 0.7
    number = trial.random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    early = trial.random.random() < 0.5
    instant = trial.random.uniform(0.0, 1.0) if early else trial.random.uniform(1.0, 3.0)
    if under_coordinator:
        job = trial.lockstep("run", experiment, "-n", "2", "--output", trial.output)
    else:
        job = trial.mpirun(2, experiment, "--output", trial.output)
    job.wait_until(lambda: time.monotonic() - job.started > instant, 10)
    twice = under_coordinator and trial.random.random() < 0.25
    sent = True
    if under_coordinator:
        job.signal(number)
    else:
        workers = trial.workers()
        sent = bool(workers)
        for identifier in workers[:1]:
            os.kill(identifier, number)
    if twice:
        time.sleep(trial.random.uniform(0.0, 0.2))
        job.signal(number)
    code = job.finish(3 + 1 if twice else 10)
    trial.expect_gone(3)
    allowed = {0, 75} if not early else {0, 75, 128 + number}
    if twice:
        allowed |= {70, 75, 128 + number, -number}
    if early and under_coordinator and instant < 0.05:
        # Before the program has run its first instruction the shell's rule holds: the signal itself ends it.
        allowed.add(-number)
    if not under_coordinator and early:
        allowed.add(1)
    if sent and code not in allowed and not (instant < 1.5 and code == 128 + number):
        raise Failure(f"signal {number} after {instant:.2f} s{' twice' if twice else ''}: exit code {code}: {job.tail}")
    finish_by_resuming(trial, experiment, weights)
    return signal.Signals(number).name


def corrupt(trial, weights):
    """One file of a stopped run is damaged: bytes changed, cut off, added, emptied, removed, or exchanged with another checkpoint's."""
    experiment = write(os.path.join(trial.directory, "experiment.toml"), EXPERIMENT)
    job = trial.lockstep("run", experiment, "-n", "2", "--output", trial.output)
    folder = os.path.join(trial.output, "checkpoints")
    # Enough of it that there are several checkpoints to fall back to.
    if not job.wait_until(lambda: os.path.isdir(folder) and len([n for n in os.listdir(folder) if n.startswith("step-")]) >= 3, 30):
        raise Failure(f"no three checkpoints: {job.tail}")
    job.signal(signal.SIGTERM)
    if job.finish(20) not in (0, 75):
        raise Failure(f"could not be stopped: {job.tail}")
    files = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]
    files += [os.path.join(trial.output, name) for name in ("metrics.jsonl", "ranks.jsonl", "report.json", "environment.json")]
    path = trial.random.choice([file for file in files if os.path.exists(file)])
    how = trial.random.choice(["flip", "cut", "append", "empty", "remove", "zeros", "exchange"])
    damage(path, how, trial.random)
    step = os.path.relpath(path, trial.output)
    before = sorted(os.listdir(folder))
    job = trial.lockstep("run", experiment, "-n", "2", "--resume", "--output", trial.output)
    code = job.finish(LIMIT)
    trial.expect_gone(5)
    if code not in (0, 65):
        raise Failure(f"{how} {step}: the resume ended with {code}: {job.tail}")
    if code == 65:
        if not set(before) <= set(os.listdir(folder)):
            raise Failure(f"{how} {step}: refused, and a checkpoint is gone")
        return f"{how}, refused"
    try:
        expect_whole_run(trial.output, weights, STEPS, extra=lambda name: "damaged" in name or "unreadable" in name)
    except Failure as failure:
        # Records that were damaged or removed are set aside and named; steps that only they held are gone.
        said = os.path.basename(path) in job.text
        if os.path.basename(path) != "metrics.jsonl" or not str(failure).startswith("metrics.jsonl has") or not said:
            raise Failure(f"{how} {step}: {failure}") from None
    return how


def damage(path, how, random):
    with open(path, "rb") as file:
        content = bytearray(file.read())
    if how == "flip" and content:
        for _ in range(random.choice([1, 1, 8])):
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    elif how == "cut":
        del content[random.randrange(len(content) + 1):]
    elif how == "append":
        content += random.randbytes(random.randint(1, 100))
    elif how == "empty":
        content.clear()
    elif how == "zeros" and content:
        start = random.randrange(len(content))
        end = min(len(content), start + 512)
        content[start:end] = bytes(end - start)
    elif how == "exchange":
        parts = path.split("/")
        others = [d for d in os.listdir("/".join(parts[:-2])) if d.startswith("step-") and d != parts[-2]]
        if parts[-3] == "checkpoints" and others:
            with open("/".join([*parts[:-2], random.choice(others), parts[-1]]), "rb") as file:
                content = bytearray(file.read())
    if how == "remove":
        os.remove(path)
        return
    with open(path, "wb") as file:
        file.write(content)


def stop(trial, weights):
    """SIGSTOP of a random rank at a random instant: named with its collective within 15 s; then it continues, or two signals end the job in 5 s."""
    experiment = write(os.path.join(trial.directory, "long.toml"), LONG)
    ranks = trial.random.choice([2, 3, 4])
    under_coordinator = trial.random.random() < 0.7
    if under_coordinator:
        job = trial.lockstep("run", experiment, "-n", str(ranks), "--output", trial.output)
    else:
        job = trial.mpirun(ranks, experiment, "--output", trial.output)
    if not job.wait_until(lambda: len(trial.workers()) == ranks and re.search(r"step +\d", job.text), 30):
        raise Failure(f"did not start: {job.tail}")
    time.sleep(trial.random.uniform(0, 1))
    rank = trial.random.randrange(ranks)
    stopped = trial.workers()[rank]
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    named = re.compile(rf"rank {rank}\b.*(step|collective|all)", re.IGNORECASE)
    if not job.wait_until(lambda: named.search(job.text), 15):
        raise Failure(f"rank {rank} of {ranks} not named in 15 s: {job.tail}")
    trial.longest = max(trial.longest, time.monotonic() - began)
    if trial.random.random() < 0.5:
        os.kill(stopped, signal.SIGCONT)
        step = len(job.text)
        if not job.wait_until(lambda: len(job.text) > step + 40, 15):
            raise Failure(f"did not go on after SIGCONT: {job.tail}")
        end_of_warnings = "went on"
    else:
        end_of_warnings = "ended"
    job.signal(signal.SIGTERM)
    job.signal(signal.SIGINT)
    if under_coordinator and end_of_warnings == "ended":
        time.sleep(0.1)
        job.signal(signal.SIGINT)
    code = job.finish(5.5)
    trial.expect_gone(1)
    if under_coordinator and code not in (70, 75, 128 + 15, 128 + 2):
        raise Failure(f"{end_of_warnings}: exit code {code}: {job.tail}")
    incidents = os.path.join(trial.output, "incidents.jsonl")
    with open(incidents) as file:
        found = [json.loads(line) for line in file]
    if not any(record["kind"] == "stall" and record.get("rank") == rank for record in found):
        raise Failure(f"incidents.jsonl names another rank than {rank}: {found}")
    return end_of_warnings


def full_disk(trial, weights):
    """The run directory's disk is full at a random size: the cause comes last, checkpoints stay good, and with room the run is whole."""
    experiment = write(os.path.join(trial.directory, "experiment.toml"), EXPERIMENT)
    disk = os.path.join(trial.directory, "disk")
    os.mkdir(disk)
    size = trial.random.randint(16, 400) * 1024
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    try:
        trial.output = os.path.join(disk, "run")
        job = trial.lockstep("run", experiment, "-n", "2", "--output", trial.output)
        code = job.finish(LIMIT)
        trial.expect_gone(5)
        last = job.text.strip().splitlines()[-1]
        if code != 0 and not re.search(r"space|full", last):
            raise Failure(f"{size} bytes: exit code {code}, and the last line is not the cause: {last}")
        subprocess.run(["mount", "-o", f"remount,size={64 << 20}", disk], check=True)
        finish_by_resuming(trial, experiment, weights)
        return "full" if code else "fitted"
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def slow_steps(trial, weights, minutes):
    """No false alarm: a rank is delayed now and then, for up to five times a step, for this many minutes."""
    experiment = write(os.path.join(trial.directory, "long.toml"), LONG.replace("hidden = [32]", "hidden = [2048, 2048]"))
    job = trial.lockstep("run", experiment, "-n", "2", "--output", trial.output)
    if not job.wait_until(lambda: len(trial.workers()) == 2 and re.search(r"step +\d", job.text), 30):
        raise Failure(f"did not start: {job.tail}")
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end and job.is_running():
        held = trial.random.choice(trial.workers())
        os.kill(held, signal.SIGSTOP)
        time.sleep(trial.random.uniform(0.01, 0.25))
        os.kill(held, signal.SIGCONT)
        time.sleep(trial.random.uniform(0.1, 2))
    if os.path.exists(os.path.join(trial.output, "incidents.jsonl")):
        raise Failure("an alarm without a cause: " + open(os.path.join(trial.output, "incidents.jsonl")).read()[:400])
    if not job.is_running():
        raise Failure(f"ended by itself: {job.tail}")
    job.signal(signal.SIGTERM)
    if job.finish(20) != 75:
        raise Failure(f"did not stop: {job.tail}")
    return "quiet"


KINDS = {"kills": kill, "signals": signals, "corruptions": corrupt, "stops": stop, "disks": full_disk}
# How many of each a full campaign makes.
FULL = {"kills": 200, "signals": 100, "corruptions": 100, "stops": 40, "disks": 20}
