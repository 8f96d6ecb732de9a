"""Processes of one trial: start them, find them, signal them, and see what they leave.

Every process of a trial carries the trial's name in its environment, which children inherit, so that it is found even when its parent has changed.
"""
import hashlib
import json
import os
import re
import select
import signal
import subprocess
import time
import uuid

MARK = "LOCKSTEP_FAULT_TRIAL"


class Failure(Exception):
    """What a trial saw that must not happen."""


class Trial:
    """One trial's directory, random numbers, processes, and the programs under test."""

    def __init__(self, programs, directory, random):
        self.programs, self.directory, self.random = programs, directory, random
        self.mark = uuid.uuid4().hex
        self.temporary = os.path.join(directory, "tmp")
        self.output = os.path.join(directory, "run")
        os.makedirs(self.temporary)
        self.environment = dict(
            os.environ, **{MARK: self.mark}, TMPDIR=self.temporary, NO_COLOR="1", SWIFT_BACKTRACE="enable=no",
            OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        self.longest = 0.0
        self.jobs = []

    def lockstep(self, *arguments):
        return self.start([os.path.join(self.programs, "lockstep"), *arguments])

    def mpirun(self, ranks, *arguments):
        command = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        return self.start([*command, os.path.join(self.programs, "lockstep-worker"), *arguments])

    def start(self, command):
        job = Job(command, self)
        self.jobs.append(job)
        return job

    def processes(self):
        """Identifier and name of each living process of this trial."""
        found = []
        needle = f"{MARK}={self.mark}".encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if needle not in file.read():
                        continue
                with open(f"/proc/{entry}/stat") as file:
                    name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
                if rest.split()[0] not in "ZX":
                    found.append((int(entry), name))
            except (OSError, IndexError):
                continue
        return found

    def workers(self):
        """The ranks, in the order of their identifiers: not the processes that watch them."""
        ranks = []
        for identifier, name in self.processes():
            if name.startswith("lockstep-worke"):
                try:
                    with open(f"/proc/{identifier}/environ", "rb") as file:
                        environment = file.read()
                    with open(f"/proc/{identifier}/cmdline", "rb") as file:
                        is_watcher = b"--watch" in file.read()
                except OSError:
                    continue
                rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", environment)
                if rank and not is_watcher:
                    ranks.append((int(rank.group(1)), identifier))
        return [identifier for _, identifier in sorted(ranks)]

    def expect_gone(self, limit):
        """Every process of the trial ends within this many seconds."""
        deadline = time.monotonic() + limit
        while self.processes():
            if time.monotonic() > deadline:
                raise Failure(f"left after {limit} s: {self.processes()}")
            time.sleep(0.02)

    def expect_clean(self):
        """No shared memory and no session directory is left. /dev/shm is this campaign's own where it runs as root."""
        shared = [name for name in os.listdir("/dev/shm") if os.environ.get("LOCKSTEP_OWN_SHM")]
        if shared or os.listdir(self.temporary):
            held = [os.path.join(folder, name) for name in shared for folder, _, names in os.walk(f"/dev/shm/{name}") for name in names]
            raise Failure(f"litter: {shared + os.listdir(self.temporary)} {held}")

    def end(self):
        """Kills what is left, so that a failed trial does not disturb the next."""
        for identifier, _ in self.processes():
            try:
                os.kill(identifier, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for job in self.jobs:
            job.close()


class Job:
    """A command whose output goes to a file that can be read while it runs."""

    def __init__(self, command, trial):
        self.trial = trial
        self.path = os.path.join(trial.directory, f"output-{len(trial.jobs)}.txt")
        self.file = open(self.path, "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.file, stderr=subprocess.STDOUT, env=trial.environment)

    @property
    def text(self):
        with open(self.path, errors="replace") as file:
            return file.read()

    @property
    def tail(self):
        return " | ".join(self.text.strip().splitlines()[-3:])

    def is_running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.is_running():
            self.process.send_signal(number)

    def wait_until(self, condition, limit):
        """Whether `condition` came true before the limit; false as soon as the job has ended without it."""
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline or not self.is_running():
                return bool(condition())
            time.sleep(0.002)
        return True

    def finish(self, limit):
        """The exit code; a job that outlives the limit is a failure."""
        began = time.monotonic()
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {limit} s: {self.tail}") from None
        self.trial.longest = max(self.trial.longest, time.monotonic() - began)
        return code

    def close(self):
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        self.file.close()


KNOWN = re.compile(
    r"(experiment\.toml|environment\.json|(metrics|ranks|evaluations|incidents)\.jsonl|report\.(json|html)|events\.out\.tfevents.*"
    r"|final\.safetensors|checkpoints|logs|stalls|interrupted-\d+)$")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def expect_whole_run(directory, weights, steps, extra=None):
    """The directory holds a finished run: the reference's weights, every step once and in order, and no temporary files."""
    path = os.path.join(directory, "final.safetensors")
    if not os.path.exists(path):
        raise Failure(f"no final weights; there are {sorted(os.listdir(directory))}")
    if digest(path) != weights:
        raise Failure("the final weights are not the uninterrupted run's")
    with open(os.path.join(directory, "metrics.jsonl"), errors="replace") as file:
        try:
            recorded = [json.loads(line)["step"] for line in file]
        except (ValueError, KeyError) as error:
            raise Failure(f"metrics.jsonl has a line that cannot be read: {error}") from None
    if recorded != list(range(1, steps + 1)):
        raise Failure(f"metrics.jsonl has {len(recorded)} lines for {steps} steps, or not in order")
    with open(os.path.join(directory, "report.json")) as file:
        report = json.load(file)
    if report["steps"] != steps:
        raise Failure(f"report.json says {report['steps']} of {steps} steps")
    strange = [name for name in os.listdir(directory) if not KNOWN.match(name) and not (extra and extra(name))]
    strange += [
        name for name in os.listdir(os.path.join(directory, "checkpoints")) if not re.match(r"step-\d{8}$", name) and not (extra and extra(name))]
    if strange:
        raise Failure(f"left in the run directory: {strange}")
