#!/usr/bin/env python3
"""The peers that CityCode is measured against: how each is installed, built, started and stopped.

    python3 bench/peers/peers.py --check [NAME...]   install, build, start, ask once, stop

A server peer is started by `start(port, tls_port, core, workdir)` on loopback, pinned to `core`.
`workdir` is prepared by `prepare(workdir, answer, certificate, key)`; scan peers also read
`workdir/epoch-keys.json` (epoch_keys.py) and `peer.people`. The rest runs to an end and returns a
dictionary of rates: `openssl_speed`, `redis_rates`, `lmdb_rates`.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, ".build")


def output(*command, **options):
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}")
    return done.stdout


def install(packages):
    """Installs Debian packages that are missing; their services are not started."""
    missing = []
    for package in packages:
        state = subprocess.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        if state != "installed":
            missing.append(package)
    if not missing:
        return
    print("installing", *missing, flush=True)
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    # RUNLEVEL=1: the services that Debian would start take memory and ports from the measurement.
    command = sudo + ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]
    output(*command, "update", "-q")
    output(*command, "install", "-y", "-q", "--no-install-recommends", *missing)


def require(name, program):
    if shutil.which(program) is None:
        raise RuntimeError(f"{name} is not {'built' if '/' in program else 'installed'}")


def prepare(workdir, answer, certificate, key):
    """Lays what every server needs into `workdir`; `answer` is bytes, the others PEM files."""
    os.makedirs(workdir, exist_ok=True)
    os.chmod(workdir, 0o755)
    with open(os.path.join(workdir, "answer"), "wb") as file:
        file.write(answer)
    for source, name in ((certificate, "cert.pem"), (key, "key.pem")):
        target = os.path.join(workdir, name)
        if os.path.abspath(source) != target:
            shutil.copyfile(source, target)
        os.chmod(target, 0o644)


def children(pid):
    """The process and all that came from it, for the accounting of CPU time."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children") as file:
                found += [int(word) for word in file.read().split()]
        except FileNotFoundError:
            pass
    return found


class Peer:
    """A server. `methods` are those it answers with 200; `path` is where."""
    name = ""
    packages = ()
    path = "/answer"
    methods = ("GET", "POST")
    h2c = True
    tls = True
    ready_seconds = 10
    people = 0

    def __init__(self):
        self.processes = []

    def build(self):
        pass

    def command(self, port, tls_port, workdir):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def environment(self):
        return None

    def start(self, port, tls_port, core, workdir):
        self.port, self.tls_port = port, tls_port
        commands = self.command(port, tls_port, workdir)
        for command in commands:
            require(self.name, command[0])
        log = open(os.path.join(workdir, f"{self.name}.log"), "wb")
        try:
            for command in commands:
                self.processes.append(subprocess.Popen(
                    ["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env=self.environment(), start_new_session=True))
            self.wait_ready(log.name)
        except BaseException:
            self.stop()
            raise
        finally:
            log.close()
        return self.processes[0]

    def ports(self):
        return [self.port] * self.h2c + [self.tls_port] * self.tls

    def wait_ready(self, log):
        end = time.monotonic() + self.ready_seconds
        waiting = self.ports()
        while waiting:
            if any(process.poll() is not None for process in self.processes):
                with open(log, errors="replace") as file:
                    raise RuntimeError(f"{self.name} ended: {file.read()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", waiting[0]), 1).close()
                waiting.pop(0)
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError(f"{self.name}: not ready on port {waiting[0]}")
                time.sleep(0.02)

    def urls(self):
        """By "h2c" and "tls"."""
        urls = {}
        if self.h2c:
            urls["h2c"] = f"http://127.0.0.1:{self.port}{self.path}"
        if self.tls:
            urls["tls"] = f"https://127.0.0.1:{self.tls_port}{self.path}"
        return urls

    def pids(self):
        return [pid for process in self.processes for pid in children(process.pid)]

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes = []


class Nghttpd(Peer):
    name = "nghttpd"
    packages = ("nghttp2-server",)

    def command(self, port, tls_port, workdir):
        common = ["-n1", "-d", workdir, "--address=127.0.0.1"]
        return [
            ["nghttpd", "--no-tls", *common, str(port)],
            ["nghttpd", *common, str(tls_port), f"{workdir}/key.pem", f"{workdir}/cert.pem"]]

    def version(self):
        return output("nghttpd", "--version").strip()


class Nginx(Peer):
    name = "nginx"
    packages = ("nginx-light",)

    def command(self, port, tls_port, workdir):
        with open(f"{workdir}/answer", encoding="utf-8") as file:
            answer = file.read().rstrip("\n")
        # "$" begins a variable in nginx, and there is no escape for it.
        if "$" in answer:
            raise ValueError("an answer for nginx must not hold a dollar sign")
        body = answer.replace("\\", "\\\\").replace("'", "\\'")
        with open(os.path.join(HERE, "nginx.conf"), encoding="utf-8") as file:
            text = file.read()
        for name, value in {
                "@WORKDIR@": workdir, "@PORT@": str(port), "@TLS_PORT@": str(tls_port),
                "@USER@": "user root;" if os.geteuid() == 0 else "", "@BODY@": body}.items():
            text = text.replace(name, value)
        path = f"{workdir}/nginx.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return [["nginx", "-c", path, "-p", workdir, "-e", f"{workdir}/nginx-error.log"]]

    def version(self):
        return output("nginx", "-v").strip()


class H2O(Peer):
    """Serves files to GET only: 2.2.5 answers a POST to a file with 405."""
    name = "h2o"
    packages = ("h2o",)
    methods = ("GET",)

    def command(self, port, tls_port, workdir):
        with open(os.path.join(HERE, "h2o.conf"), encoding="utf-8") as file:
            text = file.read()
        for name, value in {
                "@WORKDIR@": workdir, "@PORT@": str(port), "@TLS_PORT@": str(tls_port),
                "@USER@": "user: root" if os.geteuid() == 0 else ""}.items():
            text = text.replace(name, value)
        path = f"{workdir}/h2o.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return [["h2o", "-m", "worker", "-c", path]]

    def version(self):
        return output("h2o", "--version").splitlines()[0]


class Redis(Peer):
    """Keys s:000000000000 and on, one for each of `people`, with values of 8 bytes."""
    name = "redis"
    packages = ("redis-server", "redis-tools")
    tls = False
    methods = ()
    ready_seconds = 180
    # What a key, its value and its place in the table take: 34 million are 3.3 GB.
    bytes_a_key = 100

    def command(self, port, tls_port, workdir):
        return [[
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no", "--io-threads", "1", "--dir", workdir, "--daemonize", "no",
            "--activedefrag", "no", "--rdbchecksum", "no"]]

    def urls(self):
        return {"redis": f"redis://127.0.0.1:{self.port}"}

    def version(self):
        return output("redis-server", "--version").strip()

    def start(self, port, tls_port, core, workdir):
        """Started on a snapshot of its keys: commands would take twice as long, or longer."""
        with open("/proc/meminfo") as file:
            free = int(re.search(r"MemAvailable:\s+(\d+)", file.read()).group(1)) * 1024
        if self.people * self.bytes_a_key > free * 0.8:
            raise RuntimeError(f"not enough memory for {self.people} keys")
        snapshot = os.path.join(workdir, "dump.rdb")
        write_snapshot(snapshot, self.people)
        try:
            return super().start(port, tls_port, core, workdir)
        finally:
            os.remove(snapshot)

    def wait_ready(self, log):
        """The port is open while keys are still being loaded."""
        super().wait_ready(log)
        end = time.monotonic() + self.ready_seconds
        while (answer := self.ask("ping")) != "PONG":
            if not answer.startswith("LOADING") or time.monotonic() > end:
                raise RuntimeError(f"redis is not ready: {answer}")
            time.sleep(0.1)
        if int(self.ask("dbsize")) != self.people:
            raise RuntimeError(f"redis holds {self.ask('dbsize')} keys, not {self.people}")

    def ask(self, *words):
        return output("redis-cli", "-p", str(self.port), *words).strip()

    def rate(self, pipeline, core, requests=200_000):
        """GETs of random keys a second; the load comes from `core`."""
        text = output(
            "taskset", "-c", str(core), "redis-benchmark", "-h", "127.0.0.1", "-p",
            str(self.port), "-c", "16", "-n", str(requests), "-P", str(pipeline), "-r",
            str(self.people), "--csv", "GET", "s:__rand_int__")
        return float(text.strip().splitlines()[-1].split(",")[1].strip('"'))

    def rates(self, core, requests=200_000):
        return {
            "get_pipeline_1": self.rate(1, core, requests),
            "get_pipeline_16": self.rate(16, core, requests * 5)}


def write_snapshot(path, people):
    """A snapshot of Redis: keys as redis-benchmark's -r names them, without a checksum."""
    block = 10_000

    def entries(count):
        return b"".join(
            b"\x00\x0es:HIGHHIGH%04d\x08%s" % (low, (low << 8 | 5).to_bytes(8, "little"))
            for low in range(count))

    whole = entries(block)
    with open(path, "wb") as file:
        # Database 0, and the sizes its tables will have.
        file.write(b"REDIS0009\xfe\x00\xfb\x80" + people.to_bytes(4, "big") + b"\x00")
        for first in range(0, people, block):
            some = whole if people - first >= block else entries(people - first)
            file.write(some.replace(b"HIGHHIGH", b"%08d" % (first // block)))
        file.write(b"\xff" + bytes(8))


class GoService(Peer):
    """/answer: the static answer; /v1/scans: the same job as CityCode's."""
    name = "go"
    packages = ("golang-go", "golang-golang-x-net-dev")
    methods = ("GET", "POST")
    scan_path = "/v1/scans"
    ready_seconds = 120

    def build(self):
        os.makedirs(BUILD, exist_ok=True)
        # GOPATH is Debian's: nothing is fetched.
        output(
            "go", "build", "-o", f"{BUILD}/go-scanpeer", "scanpeer.go", cwd=f"{HERE}/go",
            env={**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
                 "GOFLAGS": "", "GOCACHE": f"{BUILD}/go-cache", "GOTOOLCHAIN": "local"})

    def command(self, port, tls_port, workdir):
        return [[
            f"{BUILD}/go-scanpeer", "-port", str(port), "-tls-port", str(tls_port), "-people",
            str(self.people), "-keys", f"{workdir}/epoch-keys.json", "-answer",
            f"{workdir}/answer", "-certificate", f"{workdir}/cert.pem", "-key",
            f"{workdir}/key.pem"]]

    def environment(self):
        return {**os.environ, "GOMAXPROCS": "1"}

    def version(self):
        return output("go", "version").strip()


class Hummingbird(Peer):
    """/answer: the static answer; /v1/scans: the same job as CityCode's."""
    name = "hummingbird"
    methods = ("POST",)
    scan_path = "/v1/scans"
    ready_seconds = 180

    def build(self):
        output("swift", "build", "-c", "release", "--static-swift-stdlib", cwd=f"{HERE}/hummingbird-peer")

    def command(self, port, tls_port, workdir):
        return [[
            f"{HERE}/hummingbird-peer/.build/release/scanpeer", str(port), str(tls_port),
            str(self.people), f"{workdir}/epoch-keys.json", f"{workdir}/answer",
            f"{workdir}/cert.pem", f"{workdir}/key.pem"]]

    def version(self):
        with open(f"{HERE}/hummingbird-peer/Package.resolved", encoding="utf-8") as file:
            pins = json.load(file)["pins"]
        resolved = {pin["identity"]: pin["state"]["version"] for pin in pins}
        return ", ".join(
            f"{name} {resolved[name]}" for name in ("hummingbird", "swift-nio", "swift-crypto"))


SERVERS = [Nghttpd, Nginx, H2O, Redis, GoService, Hummingbird]


def openssl_speed(core, seconds=1):
    """Operations a second on one core."""
    def run(*arguments):
        return output(
            "taskset", "-c", str(core), "openssl", "speed", "-mr", "-seconds", str(seconds),
            *arguments)

    rates = {}
    for name, arguments in {
            "aes_256_gcm_32": ["-evp", "aes-256-gcm"], "sha256_32": ["-evp", "sha256"],
            "hmac_sha256_32": ["-hmac", "sha256"]}.items():
        last = [line for line in run("-bytes", "32", *arguments).splitlines()
                if line.startswith("+F:")][-1]
        rates[name] = float(last.split(":")[-1]) / 32
    for name, kind in (("ed25519", "ed25519"), ("ecdsap256", "ecdsap256")):
        for line in run(kind).splitlines():
            if line.startswith(("+F4:", "+F6:")):
                parts = line.split(":")
                sign, verify = float(parts[-2]), float(parts[-1])
                # Seconds an operation in the summary of -mr.
                rates[f"{name}_sign"] = sign if sign > 1 else 1 / sign
                rates[f"{name}_verify"] = verify if verify > 1 else 1 / verify
    return rates


def build_lmdb_loop():
    install(("liblmdb-dev", "gcc"))
    os.makedirs(BUILD, exist_ok=True)
    output("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", f"{BUILD}/lmdb-loop",
           f"{HERE}/lmdb-loop.c", "-llmdb")


def lmdb_rates(core, cache_directory, seconds=2):
    """Statuses of random holders a second, read from the verifier's own cache."""
    require("lmdb-loop", f"{BUILD}/lmdb-loop")
    text = output("taskset", "-c", str(core), f"{BUILD}/lmdb-loop", cache_directory, str(seconds))
    words = dict(word.split("=") for word in text.split())
    return {"reads_per_second": float(words["reads_per_second"]), "people": int(words["people"])}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificate(directory):
    """A throw-away pair of PEM files."""
    output(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem")
    return f"{directory}/cert.pem", f"{directory}/key.pem"


def ask(peer, kind, url, workdir, method, body="A"):
    command = ["curl", "-sS", "-w", "\n%{http_version} %{http_code}", "-X", method]
    command += ["--http2-prior-knowledge"] if kind == "h2c" else [
        "--http2", "--cacert", f"{workdir}/cert.pem"]
    if method == "POST":
        command += ["-H", "content-type: text/plain", "--data-binary", body]
    answer, _, status = output(*command, url).rpartition("\n")
    if status != "2 200":
        raise RuntimeError(f"{peer.name} {kind} {method}: {status}: {answer[:200]}")
    return answer


def check(kind):
    peer = kind()
    install(peer.packages)
    peer.build()
    with tempfile.TemporaryDirectory() as workdir:
        expected = '{"outcome":"accepted","pad":"' + "x" * 350 + '"}'
        prepare(workdir, expected.encode(), *certificate(workdir))
        with open(f"{workdir}/epoch-keys.json", "w") as file:
            file.write("{}")
        peer.people = 1_000
        peer.start(free_port(), free_port(), 0, workdir)
        try:
            if isinstance(peer, Redis):
                known = [peer.ask("exists", f"s:{number:012d}") for number in (0, 999, 1_000)]
                if known != ["1", "1", "0"]:
                    raise RuntimeError("redis: other keys than asked for")
                print(peer.name, peer.rates(1, 20_000))
            for scheme, url in peer.urls().items():
                for method in peer.methods:
                    if ask(peer, scheme, url, workdir, method) != expected:
                        raise RuntimeError(f"{peer.name} {scheme} {method}: another answer")
                if hasattr(peer, "scan_path"):
                    text = ask(peer, scheme, url.replace(peer.path, peer.scan_path), workdir, "POST")
                    if '"outcome":"malformed"' not in text:
                        raise RuntimeError(f"{peer.name}: {text}")
            print(f"{peer.name}: OK, processes {peer.pids()}, {peer.version()}", flush=True)
        finally:
            peer.stop()


def main(arguments):
    if not arguments or arguments[0] != "--check":
        print(__doc__)
        return 2
    names = arguments[1:]
    install(("curl", "openssl", "util-linux"))
    failed = 0
    for kind in SERVERS:
        if not names or kind.name in names:
            try:
                check(kind)
            except (RuntimeError, OSError, ValueError) as error:
                failed += 1
                print(f"{kind.name}: FAILED: {error}", flush=True)
    if not names or "openssl" in names:
        print("openssl:", openssl_speed(0), output("openssl", "version").strip())
    if not names or "lmdb" in names:
        build_lmdb_loop()
        print("lmdb: built; lmdb_rates(core, cache_directory) needs a running world")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
