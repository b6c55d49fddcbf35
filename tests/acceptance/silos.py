"""A cluster as its operator meets it: silo processes of our own over a PostgreSQL and a Redis of our own, all on loopback, and commands that talk to any of the silos.

Only processes that this module started are ever signalled, each by its own pid.
"""

import gzip
import itertools
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import store

BUILD = "dotnet build src/OrleansFeatures.Silo -c Release -p:Cluster=true"
POSTGRES_SECONDS = 60

# Silos keep pools of connections; of five silos all of them fit.
POSTGRES_SETTINGS = ["max_connections=400"]

# Lines of a file that go through one gateway before the next takes over, where their order matters.
LINES_IN_ORDER = 10_000


def built_silo():
    """Where a release build puts the program of the cluster edition."""
    return store.ROOT / "artifacts" / "cluster" / "bin" / "OrleansFeatures.Silo" / "release" / "orleans-features-silo"


def why_not(silo_program):
    """What is missing here; None when a cluster can be started."""
    if not os.access(silo_program, os.X_OK):
        return f"{silo_program} is not there: build it where Orleans's packages restore ({BUILD}), or name it with --silo"
    if postgres_binaries() is None:
        return "PostgreSQL is not installed (no initdb in /usr/lib/postgresql/*/bin or on the path)"
    if shutil.which("redis-server") is None:
        return "redis-server is not installed"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and there is no setpriv to start it as somebody else"
    return None


def postgres_binaries():
    newest = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True)
    found = newest[0] if newest else shutil.which("initdb")
    return pathlib.Path(found).parent if found else None


class Postgres:
    """A server in a folder of its own, as a user that is not root."""

    def __init__(self, chance):
        self.binaries, self.port, self.databases = postgres_binaries(), store.free_port(chance), itertools.count(1)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orleans-features-postgres-"))
        self._as, self.process = [], None
        if os.geteuid() == 0:
            user = next(user for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody"))
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]

    def start(self):
        self._run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = [word for setting in POSTGRES_SETTINGS for word in ("-c", setting)]
        with open(self.folder / "server.log", "wb") as log:
            self.process = subprocess.Popen([*self._as, self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-h", "127.0.0.1", "-c", "unix_socket_directories=", *settings],
                                            stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + POSTGRES_SECONDS
        while self._quietly("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)) != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise store.Failure(f"PostgreSQL did not start:\n{(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def database(self):
        """A new, empty one; its connection string."""
        name = f"features_{next(self.databases)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"Host=127.0.0.1;Port={self.port};Username=postgres;Database={name}"

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.folder)

    def _run(self, program, *arguments):
        done = subprocess.run([*self._as, self.binaries / program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, check=False)
        if done.returncode != 0:
            raise store.Failure(f"{program} ended with {done.returncode}:\n{done.stdout.decode(errors='replace')}")

    def _quietly(self, program, *arguments):
        return subprocess.run([self.binaries / program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


class Services:
    """What silos lean on: PostgreSQL for log and state, Redis for who is a member. A context manager; leaving it ends both."""

    def __init__(self, seed=1):
        self.chance = random.Random(seed)
        self.postgres, self.redis, self.redis_port = None, None, store.free_port(self.chance)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orleans-features-redis-"))

    def __enter__(self):
        self.postgres = Postgres(self.chance)
        try:
            self.redis = subprocess.Popen(["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.folder],
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.postgres.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.postgres.stop()
        if self.redis is not None:
            self.redis.terminate()
            self.redis.wait()
        shutil.rmtree(self.folder)


class Silo(store.Store):
    """One silo process; commands against it are those of any store."""

    def __init__(self, name, silo_program, client_program, folder, cluster):
        folder.mkdir(parents=True)
        super().__init__(client_program, folder, cluster.definitions)
        self.name, self.silo_program, self.cluster, self.asked = name, pathlib.Path(silo_program), cluster, 0
        self.silo_port = store.free_port(cluster.services.chance)

    def launch(self):
        self._begun, self._line = time.monotonic(), b""
        environment = os.environ | {"ORLEANS_FEATURES_POSTGRES": self.cluster.database, "ORLEANS_FEATURES_REDIS": f"127.0.0.1:{self.cluster.services.redis_port}",
                                    "ORLEANS_FEATURES_CLUSTER_ID": self.cluster.id, "ORLEANS_FEATURES_SERVICE_ID": self.cluster.id, "ORLEANS_FEATURES_SILO_NAME": self.name}
        command = [self.silo_program, "serve", "--silo-port", str(self.silo_port), "--grpc", "0", "--http", "0", "--definitions", self.definitions, *self.cluster.options]
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)

    def begin(self, command, *arguments, **streams):
        self.asked += 1
        return super().begin(command, *arguments, **streams)

    def get(self, service, question):
        self.asked += 1
        return super().get(service, question)

    def resident_mb(self):
        """As the kernel counts it now."""
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1_024
        return 0.0


class Cluster:
    """Silos over one new database. A context manager; leaving it kills what still runs. Questions go to the silos in turn, pushes through all of them."""

    numbers = itertools.count(1)

    def __init__(self, services, silo_program, client_program, folder, definitions, options=(), size=3):
        self.services, self.silo_program, self.client_program, self.definitions, self.options, self.size = services, silo_program, client_program, definitions, list(options), size
        self.id = f"acceptance-{os.getpid()}-{next(self.numbers)}"
        self.folder = pathlib.Path(folder) / self.id
        self.database = services.postgres.database()
        self.silos, self._names, self._turn = [], itertools.count(1), 0

        # How files are pushed: line by line through all gateways at once, every line through two of them, or in the file's order through one after the other.
        self.in_order, self.doubled = False, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for silo in self.silos:
            if silo.process is not None:
                silo.kill()

    def start(self):
        """All silos at once; returns the seconds until the last is ready."""
        begun = time.monotonic()
        started = [self.launch() for _ in range(self.size)]
        for silo in started:
            self.await_ready(silo)
        return time.monotonic() - begun

    def launch(self, program=None):
        """One more silo, which is not ready yet."""
        name = f"silo-{next(self._names)}"
        silo = Silo(name, program or self.silo_program, self.client_program, self.folder / name, self)
        silo.launch()
        self.silos.append(silo)
        return silo

    def await_ready(self, silo):
        took = silo.ready_within(store.READY_SECONDS)
        if took is None:
            raise store.Failure(f"{silo.name} was not ready within {store.READY_SECONDS} s; it wrote:\n{silo.errors.read_text(errors='replace')[-4000:]}")
        return took

    def running(self):
        return [silo for silo in self.silos if silo.process is not None]

    def any(self):
        """The silo whose turn it is."""
        running = self.running()
        self._turn += 1
        return running[self._turn % len(running)]

    def stop(self):
        """SIGTERM to one after the other, as a rolling shutdown does; each must end cleanly."""
        for silo in self.running():
            silo.stop()

    def run(self, command, *arguments):
        return self.push(*arguments) if command == "push" else self.any().run(command, *arguments)

    def get(self, service, question):
        return self.any().get(service, question)

    def history(self, stream):
        return self.any().history(stream)

    def push(self, *arguments):
        """A file through all gateways; what they were told, added up."""
        at = arguments.index("--file") + 1
        parts = self._parts(pathlib.Path(arguments[at]))
        begun, told = time.monotonic(), []
        for wave in ([[part] for part in parts] if self.in_order else [parts]):
            pushes = [(silo, silo.begin("push", *arguments[:at], part, *arguments[at + 1:], stderr=subprocess.PIPE)) for silo, part in wave]
            for silo, push in pushes:
                out, err = push.communicate()
                if push.returncode not in (0, 1):
                    raise store.Failure(f"push through {silo.name}: exit code {push.returncode}\n{(out + err).decode(errors='replace')}")
                told.append(json.loads(out))
        total = {name: sum(one[name] for one in told) for name in ("accepted", "duplicates", "late", "quarantined", "unreadable")}
        return total | {"seconds": time.monotonic() - begun}

    def _parts(self, path):
        """(silo, file): each running silo's share of the lines, or, in order, slice after slice with the silo that takes it."""
        silos = self.running()
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as source:
            lines = source.readlines()
        is_csv = ".csv" in path.name
        header, lines = (lines[:1], lines[1:]) if is_csv else ([], lines)
        if self.in_order:
            shares = [lines[first:first + LINES_IN_ORDER] for first in range(0, len(lines), LINES_IN_ORDER)]
        else:
            shares = [lines[number::len(silos)] for number in range(len(silos))]
            if self.doubled:
                # The neighbour's lines behind one's own block by block, so that both push the same events at about the same time.
                shares = [[line for pair in zip(share, itertools.chain(other, [other[-1]])) for line in pair] for share, other in zip(shares, shares[1:] + shares[:1])]
        parts = []
        for number, share in enumerate(shares):
            part = self.folder / f"part-{number}{'.csv' if is_csv else '.jsonl'}"
            part.write_bytes(b"".join(header + share))
            parts.append((silos[number % len(silos)], part))
        return parts
