"""The built program as a user meets it: a `serve` process of our own, and commands that talk to it.

Only processes that this module started are ever signalled, each by its own pid.
"""

import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = "dotnet build src/OrleansFeatures.Server -c Release"

# A restart replays the whole log. At a tenth of the rate seen on one core, 100 s cover a million events.
READY_SECONDS = 120
STOP_SECONDS = 60

# Where a fixed port is looked for: below 32,768, from where on Linux takes the local ports of outgoing connections. A client that keeps trying a port of those
# while its server is down would one day connect to itself.
PORTS = range(20_000, 30_000)


class Failure(Exception):
    """The store did not do what it should; the message says what, and what it said itself."""


def free_port(chance):
    """A port that nobody listens on, and that no outgoing connection takes."""
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def built_program():
    """Where a release build puts the program."""
    return ROOT / "artifacts" / "bin" / "OrleansFeatures.Server" / "release" / "orleans-features"


# What is pushed again in the end must be known, the oldest too: ids beyond the horizon are forgotten with the first checkpoint that finds them there.
REMEMBERS_ALL = ("--dedupe-horizon", "365d")


class Store:
    """One data directory and the server process that owns it, if one runs. A context manager: leaving it kills the process."""

    def __init__(self, program, folder, definitions, options=(), port=0):
        self.program = pathlib.Path(program)
        self.folder = pathlib.Path(folder)
        self.definitions = definitions
        self.options = list(options)
        self.port = port
        self.process = None
        self.grpc = None
        self.http = None
        self._begun = 0.0
        self._line = b""
        self.errors = self.folder / "serve.err"
        if not os.access(self.program, os.X_OK):
            raise Failure(f"{self.program} is not there: build it first ({BUILD}), or name it with --program")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.kill()

    def start(self):
        """Starts the server (on free ports, unless one was given for gRPC) and returns the seconds until its `ready` line."""
        self.launch()
        seconds = self.ready_within(READY_SECONDS)
        if seconds is None:
            self.kill()
            raise Failure(f"serve was not ready within {READY_SECONDS} s; it wrote:\n{self._said()}")
        return seconds

    def launch(self):
        """Starts the server and does not wait for it."""
        self._begun, self._line = time.monotonic(), b""
        command = [self.program, "serve", "--data", self.folder / "data", "--definitions", self.definitions, "--grpc", str(self.port), "--http", "0", *self.options]
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)

    def ready_within(self, seconds):
        """The seconds from the launch until the `ready` line, or None if it has not come by then."""
        if not self._first_line(self._begun + seconds):
            return None
        took, line = time.monotonic() - self._begun, self._line.decode().strip()
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if not line.startswith("ready ") or "grpc" not in words:
            self.kill()
            raise Failure(f"serve said '{line}' where its ready line was expected; it wrote:\n{self._said()}")
        self.grpc, self.http = words["grpc"], words["http"]
        return took

    def kill(self):
        """kill -9 of our own server."""
        self.process.send_signal(signal.SIGKILL)
        self._forget()

    def stop(self):
        """SIGTERM; the server must end by itself, and cleanly."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"serve did not end within {STOP_SECONDS} s of SIGTERM") from None
        self._forget()
        if code != 0:
            raise Failure(f"serve ended with exit code {code} after SIGTERM; it wrote:\n{self._said()}")

    def begin(self, command, *arguments, **streams):
        """A command against this store as a process; standard output is a pipe with one JSON document."""
        line = [self.program, command, "--server", self.grpc, "--output", "json", *map(str, arguments)]
        return subprocess.Popen(line, stdout=subprocess.PIPE, **streams)

    def run(self, command, *arguments):
        """Runs a command to its end and returns its JSON document. Its progress bar shows when someone is watching."""
        errors = None if sys.stderr.isatty() else subprocess.PIPE
        process = self.begin(command, *arguments, stderr=errors)
        out, err = process.communicate()
        if process.returncode != 0:
            said = (out + (err or b"")).decode(errors="replace").strip()
            raise Failure(f"{command} {' '.join(map(str, arguments))}: exit code {process.returncode}\n{said}")
        return json.loads(out)

    def get(self, service, question):
        """Features from live state, over REST."""
        request = urllib.request.Request(f"{self.http}/features/v1/{service}:get", json.dumps(question).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=STOP_SECONDS) as answer:
            return json.load(answer)

    def offers(self, option):
        """Whether `serve` of this build has the option."""
        return option.encode() in subprocess.run([self.program, "serve", "--help"], stdout=subprocess.PIPE, check=True).stdout

    def history(self, stream):
        """Events of the stream in history."""
        for known in self.run("status")["streams"]:
            if known["stream"] == stream:
                return known["accepted"]
        raise Failure(f"status does not list the stream '{stream}'")

    def records(self):
        """Records on disk: one per event and entity type that it feeds."""
        return sum(partition["durable_offset"] for partition in self.run("status")["partitions"])

    def memory_mb(self):
        """The most memory that the server has held, as the kernel counts it."""
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
        return 0

    def _first_line(self, deadline):
        """Whether the first line is there by then."""
        while not self._line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return False
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                code = self.process.wait()
                self._forget()
                raise Failure(f"serve ended with exit code {code} before it was ready; it wrote:\n{self._said()}")
            self._line += byte
        return True

    def _forget(self):
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def _said(self):
        return self.errors.read_text(errors="replace")[-4000:] if self.errors.exists() else ""
