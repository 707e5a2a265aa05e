"""A Slurm on this machine for tests: its own configuration, key, ports and folder; nothing else is touched."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from clean_environment import clean_environment, search_path
from waiting import PATIENCE_S

GUARD = Path(__file__).with_name("slurm_guard.py")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "sinfo")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
CONFIGURATION = """\
ClusterName=liface
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
MailProg=/bin/true
# no cgroups, no accounting: works in containers
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# quick: every submission and every end of a job is followed by a look at the queue
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
EnforcePartLimits=ALL
ReturnToService=2
KillWait=2
SlurmctldParameters=node_reg_mem_percent=1
SlurmdParameters=config_overrides
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} \
ThreadsPerCore=1 RealMemory={memory_mb} State=UNKNOWN
PartitionName=debug Nodes=node1 Default=YES MaxTime=60 State=UP
PartitionName=down Nodes=node1 MaxTime=60 State=DOWN
PartitionName=drained Nodes=node1 MaxTime=60 State=DRAIN
"""


class SlurmSite:
    """A one-machine Slurm.

    Partitions: `debug` (default, at most 60 minutes), `down` (takes jobs and never starts them), `drained` (refuses
    jobs). A job that asks for more nodes, CPUs or time than there is is refused as well.

    Attributes
    ----------
    env
        What a program needs in its environment to talk to this Slurm, besides the usual.
    folder
        Configuration and logs; gone after `stop`.
    """

    def __init__(self, cpus: int | None = None):
        self.cpus = cpus or max(2, os.cpu_count() or 1)
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # sockets need a short path
        self.env = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self._guard: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> list[str]:
        """Give the programs that are not installed."""
        return [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]

    def start(self, timeout: float = PATIENCE_S) -> SlurmSite:
        """Start the daemons and wait until the node is idle."""
        command = [sys.executable, str(GUARD), str(os.getpid()), str(self.folder)]
        try:
            self._write()
            self._guard = subprocess.Popen(command, env=self.environment(), start_new_session=True)
            self._wait(
                lambda: "idle" in self.run("sinfo", "-h", "-o", "%T", check=False).stdout, "an idle node", timeout
            )
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all daemons and jobs and remove the folder."""
        if self._guard is not None:
            self._guard.terminate()
            self._guard.wait(timeout=PATIENCE_S)
            self._guard = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> SlurmSite:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self, **extra: str) -> dict[str, str]:
        """Give a whole, small environment for a program: jobs inherit it, and none of the test runner's secrets."""
        return clean_environment(**self.env, **extra)

    def run(self, *command: str, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program, usually one of Slurm's, and give what it said."""
        return subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=check, cwd=cwd, timeout=PATIENCE_S
        )

    def submit(self, folder: Path, commands: str, *options: str) -> str:
        """Submit a batch script of shell commands that runs in a folder (output: `slurm-ID.out`); give the job's id."""
        script = folder / "job.sh"
        script.write_text(f"#!/bin/bash\n{commands}\n", encoding="utf-8")
        return self.run("sbatch", "--parsable", *options, str(script), cwd=folder).stdout.strip()

    def state(self, job: str) -> str:
        """Give the state of a job, ended ones included, such as PENDING, RUNNING or COMPLETED."""
        return self.show(job)["JobState"]

    def show(self, job: str) -> dict[str, str]:
        """Give what Slurm knows of a job, as `scontrol show job` names it."""
        line = self.run("scontrol", "--oneliner", "show", "job", job).stdout
        return dict(word.split("=", 1) for word in line.split() if "=" in word)

    def wait_for(self, job: str, *states: str, timeout: float = PATIENCE_S) -> str:
        """Wait until a job is in one of the states (any that is final, where none is given); give it."""
        self._wait(lambda: self.state(job) in (states or ENDED), f"job {job} in {states or ENDED}", timeout)
        return self.state(job)

    def job_ids(self) -> list[str]:
        """Give the jobs that have not ended."""
        return self.run("squeue", "--noheader", "--format=%A").stdout.split()

    def clear(self, timeout: float = PATIENCE_S) -> None:
        """Cancel every job and wait until the machine is free."""
        if jobs := self.job_ids():
            self.run("scancel", *jobs, check=False)
            self.run("scancel", "--signal=KILL", *jobs, check=False)
            self._wait(lambda: not self.job_ids(), "an empty queue", timeout)

    def _write(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        text = CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            ports=_free_ports(2),
            cpus=self.cpus,
            memory_mb=memory_mb,
        )
        Path(self.env["SLURM_CONF"]).write_text(text, encoding="utf-8")

    def _wait(self, done: Callable[[], bool], what: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while not done():
            if self._guard is None or self._guard.poll() is not None:
                raise RuntimeError(f"Slurm has ended:\n{self._logs()}")
            if time.monotonic() > end:
                raise TimeoutError(f"waited {timeout:g} s for {what}:\n{self._logs()}")
            time.sleep(0.1)

    def _logs(self) -> str:
        files = [*self.folder.glob("*.out"), *self.folder.glob("*log")]
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in files)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
