"""The inside of test.sh: a world of containers in namespaces of its own."""

import errno
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

USER = 10440
STATE = "/var/lib/citycode"
class Failure(Exception):
    pass


def run(*command, **options):
    options.setdefault("timeout", 60)
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def require(condition, what):
    if not condition:
        raise Failure(what)


def system_calls():
    """What the filter of deploy/systemd's units allows: the containers get the same."""
    sets, name = {}, None
    for line in run("systemd-analyze", "--no-pager", "syscall-filter").splitlines():
        if line.startswith("@"):
            name = line.strip()
            sets[name] = []
        elif line.startswith("    ") and name and not line.strip().startswith("#"):
            sets[name].append(line.strip())

    def flat(name):
        return {call for entry in sets[name] for call in
                (flat(entry) if entry.startswith("@") else {entry})}

    allowed = set()
    unit = pathlib.Path("deploy/systemd/citycode-verifier.service").read_text()
    for value in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names = value.removeprefix("~").split()
        calls = {call for name in names for call in
                 (flat(name) if name.startswith("@") else {name})}
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    require(len(allowed) > 100, f"a filter of {len(allowed)} calls only")
    return sorted(allowed)


class Container:
    """One container: its root, mounts, command, and the owner of its PID namespace."""

    def __init__(self, name, root, command, mounts, pid_of=None):
        self.name, self.root, self.command = name, root, command
        self.mounts, self.pid_of = mounts, pid_of
        self.log = None
        self.process = None

    def output(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Crun:
    """Containers by Debian's OCI runtime."""

    def __init__(self, work, hosts):
        self.work, self.hosts = work, hosts
        self.command = ["crun", "--root", str(work / "crun"), "--cgroup-manager=disabled"]
        self.calls = system_calls()
        # crun refuses hosts with both versions of cgroups; in this mount namespace there is one.
        run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
        probe = Container("probe", work_root(work, "verifier"), ["/usr/local/bin/verifier", "--help"],
                          [])
        self.start(probe)
        if probe.process.wait(timeout=20) != 0:
            raise Failure(probe.output())

    def title(self):
        return run("crun", "--version").splitlines()[0]

    def start(self, container):
        bundle = self.work / "bundles" / container.name
        bundle.mkdir(parents=True)
        container.log = bundle / "log"
        namespaces = [{"type": kind} for kind in ("mount", "ipc", "uts")]
        pid = {"type": "pid"}
        if container.pid_of:
            pid["path"] = f"/proc/{self.pid(container.pid_of)}/ns/pid"
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=64k"]},
            {"destination": "/etc/hosts", "type": "bind", "source": str(self.hosts),
             "options": ["bind", "ro"]},
        ] + [
            {"destination": inside, "type": "bind", "source": str(outside),
             "options": ["bind", mode, "nosuid", "nodev", "noexec"]}
            for outside, inside, mode in container.mounts
        ]
        config = {
            "ociVersion": "1.0.2", "hostname": container.name,
            "root": {"path": container.root, "readonly": True},
            "process": {
                "user": {"uid": USER, "gid": USER}, "cwd": "/", "args": container.command,
                "env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "noNewPrivileges": True,
                "capabilities": {},
            },
            "mounts": mounts,
            "linux": {
                "namespaces": namespaces + [pid],
                "seccomp": {
                    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.EPERM,
                    "syscalls": [{"names": self.calls, "action": "SCMP_ACT_ALLOW"}],
                },
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/sysrq-trigger"],
                "readonlyPaths": ["/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq"],
            },
        }
        (bundle / "config.json").write_text(json.dumps(config))
        with container.log.open("wb") as log:
            container.process = subprocess.Popen(
                self.command + ["run", "--bundle", str(bundle), container.name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def pid(self, container):
        deadline = time.monotonic() + 20
        while True:
            done = subprocess.run(self.command + ["state", container.name], capture_output=True,
                                  text=True, timeout=20)
            state = json.loads(done.stdout) if done.returncode == 0 else {}
            if state.get("pid") and state.get("status") == "running":
                return state["pid"]
            require(time.monotonic() < deadline and container.process.poll() is None,
                    f"{container.name} does not run: {container.output()}{done.stderr}")
            time.sleep(0.05)

    def execute(self, container, command):
        return subprocess.run(self.command + ["exec", "--no-new-privs", container.name] + command,
                              capture_output=True, text=True, timeout=20)

    def kill(self, container, number):
        run(*self.command, "kill", container.name, str(int(number)))


class Unshare:
    """The same by util-linux, where no OCI runtime works."""

    def __init__(self, work, hosts):
        self.work, self.hosts = work, hosts

    def title(self):
        return "unshare of " + run("unshare", "--version").strip().split(" ", 1)[1]

    def start(self, container):
        folder = self.work / "bundles" / container.name
        folder.mkdir(parents=True)
        container.log = folder / "log"


        steps = ["set -e", f"mount --rbind {container.root} {container.root}",
                 f"mount -t proc proc {container.root}/proc",
                 f"mount -t tmpfs -o size=64k,mode=755 tmpfs {container.root}/dev",
                 f"touch {container.root}/dev/null {container.root}/dev/urandom",
                 f"mount --bind /dev/null {container.root}/dev/null",
                 f"mount --bind /dev/urandom {container.root}/dev/urandom",
                 f"mount --bind -o ro {self.hosts} {container.root}/etc/hosts"]
        for outside, inside, mode in container.mounts:
            target = f"{container.root}{inside}"
            steps += [f"mkdir -p {target}", f"mount --bind {outside} {target}",
                      f"mount -o remount,bind,nosuid,nodev,noexec,{mode} {target}"]
        steps += [f"mount -o remount,bind,ro {container.root}",
                  f"exec chroot {container.root} setpriv --reuid {USER} --regid {USER}"
                  " --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs -- "
                  + " ".join(f"'{part}'" for part in container.command)]
        inner = ["unshare", "--mount", "--ipc", "--uts", "--propagation", "private"]
        if container.pid_of:
            outer = ["nsenter", f"--pid=/proc/{self.pid(container.pid_of)}/ns/pid", "--"]
        else:
            outer, inner = [], inner + ["--pid", "--fork", "--kill-child"]
        with container.log.open("wb") as log:
            container.process = subprocess.Popen(
                outer + inner + ["bash", "-c", "\n".join(steps)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"})

    def pid(self, container):
        """The process inside: the last of the chain of only children that chroot has become."""
        deadline = time.monotonic() + 20
        while True:
            pid = container.process.pid
            while True:
                below = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
                children = below.read_text().split() if below.exists() else []
                if len(children) != 1:
                    break
                pid = int(children[0])
            try:
                if os.readlink(f"/proc/{pid}/root") != "/":
                    return pid
            except OSError:
                pass
            require(time.monotonic() < deadline and container.process.poll() is None,
                    f"{container.name} does not run: {container.output()}")
            time.sleep(0.05)

    def execute(self, container, command):
        pid = self.pid(container)
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{pid}/ns/mnt", f"--pid=/proc/{pid}/ns/pid",
             f"--root=/proc/{pid}/root", "--", "setpriv", "--reuid", str(USER), "--regid",
             str(USER), "--clear-groups"] + command,
            capture_output=True, text=True, timeout=20)

    def kill(self, container, number):
        os.kill(self.pid(container), number)


def work_root(work, name):
    return (work / f"{name}.root").read_text().strip()


class World:
    """Two hosts with all services and one that follows, as in deploy/compose.yaml."""

    HOSTS = {"310000": ["issuer", "verifier", "relay"], "330000": ["issuer", "verifier", "relay"],
             "310000-edge": ["verifier", "relay"]}
    PORTS = {"issuer": 8440, "verifier": 8443, "relay": 8446}

    def __init__(self, work, runner_class):
        self.work = work
        self.images = {name: json.loads((work / f"{name}.json").read_text())["Docker"]
                       for name in ("issuer", "verifier", "relay", "tools")}
        self.world = work / "world"
        self.addresses = {}
        for host, services in self.HOSTS.items():
            for service in services:
                self.addresses[f"{service}-{host}"] = f"127.0.1.{len(self.addresses) + 1}"
        self.hosts = work / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n" + "".join(
            f"{address} {name}\n" for name, address in self.addresses.items()))
        self.hosts.chmod(0o644)
        self.owners, self.services = {}, {}
        self.runner = runner_class(work, self.hosts)

    def check_images(self):
        layers = {name: image["rootfs"]["diff_ids"] for name, image in self.images.items()}
        require(layers["issuer"] == layers["verifier"] == layers["relay"],
                "the three images are not the same files")
        for name in ("issuer", "verifier", "relay"):
            config = self.images[name]["config"]
            require(config["User"] == f"{USER}:{USER}", f"{name}: user {config['User']}")
            require(config["StopSignal"] in ("SIGTERM", "15"), f"{name}: stop signal")
            require(config["Entrypoint"] == [f"/usr/local/bin/{name}"], f"{name}: entry point")
            require(config["Healthcheck"]["Test"][:3] == ["CMD", f"/usr/local/bin/{name}", "health"],
                    f"{name}: health check")
            require(config["Labels"].get("org.opencontainers.image.licenses") == "Apache-2.0",
                    f"{name}: labels")
        root = pathlib.Path(work_root(self.work, "verifier"))
        sbom = json.loads((root / "usr/share/citycode/sbom.cdx.json").read_text())
        names = {component["name"] for component in sbom["components"]}
        require({"libssl3", "libnghttp2-14", "liblmdb0", "swift-nio", "swift-stdlib"} <= names,
                "the list of components lacks some")
        print(f"images: user {USER}, entry points, health checks, labels;"
              f" {len(names)} components listed")

    def prepare(self):
        self.world.mkdir()
        os.chown(self.world, USER, USER)
        os.chmod(self.work, 0o755)
        maker = Container(
            "prepare", work_root(self.work, "tools"),
            ["/bin/bash", "/etc/citycode/prepare.sh", STATE, "2000"],
            [(self.world, STATE, "rw"), (pathlib.Path("deploy/compose").resolve(), "/etc/citycode", "ro")])
        self.runner.start(maker)
        require(maker.process.wait(timeout=90) == 0, f"prepare.sh: {maker.output()}")
        print(maker.output().strip().splitlines()[-1])

    def service(self, name, pid_of, label=None):
        service, host = name.split("-", 1)
        folder = self.world / host
        config = self.images[service]["config"]
        address = self.addresses[name]
        mounts = [(folder / "etc" / service, "/etc/citycode", "ro"),
                  (folder / "cache", f"{STATE}/cache", "rw")]
        if service == "issuer":
            mounts.append((folder / "data", f"{STATE}/data", "rw"))
        if service == "verifier":
            mounts.append((folder / "journal", f"{STATE}/journal", "rw"))
        command = config["Entrypoint"] + config["Cmd"] + [
            "--set", f"listen={address}:{self.PORTS[service]}",
            "--set", f"admin_listen={address}:{self.PORTS[service] + 1000}",
            "--set", "drain_seconds=2", "--set", "loops=1"]
        return Container(label or name, work_root(self.work, "verifier"), command, mounts, pid_of)

    def start(self):
        for host, services in self.HOSTS.items():
            owner = Container(f"host-{host}", work_root(self.work, "tools"),
                              ["/bin/sleep", "300"], [])
            self.runner.start(owner)
            self.owners[host] = owner
            for service in services:
                name = f"{service}-{host}"
                self.services[name] = self.service(name, owner)
                self.runner.start(self.services[name])
        for name, container in self.services.items():
            self.await_health(name, container)
        print(f"{len(self.services)} services answer their health command inside the containers")

    def await_health(self, name, container):
        service = name.split("-", 1)[0]
        test = self.images[service]["config"]["Healthcheck"]["Test"][1:]
        local = f"http://127.0.0.1:{self.PORTS[service] + 1000}"
        require(test[-1] == local, f"{name}: the health check asks {test[-1]}, not {local}")
        command = test[:-1] + [f"http://{self.addresses[name]}:{self.PORTS[service] + 1000}"]
        deadline = time.monotonic() + 45
        while (done := self.runner.execute(container, command)).returncode != 0:
            require(container.process.poll() is None,
                    f"{name} ended {container.process.poll()}: {container.output()}")
            require(time.monotonic() < deadline,
                    f"{name} is not healthy: {done.stdout}{done.stderr}{container.output()}")
            time.sleep(0.3)

    def check_confinement(self):
        for name, container in self.services.items():
            pid = self.runner.pid(container)
            status = dict(line.split(":\t", 1) for line in
                          pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
            require(status["Uid"].split() == [str(USER)] * 4, f"{name}: uid {status['Uid']}")
            for kind in ("CapPrm", "CapEff", "CapBnd"):
                require(int(status[kind], 16) == 0, f"{name}: {kind} {status[kind]}")
            require(status["NoNewPrivs"].strip() == "1", f"{name}: may gain privileges")
            if isinstance(self.runner, Crun):
                require(status["Seccomp"].strip() == "2", f"{name}: no seccomp filter")
            for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
                fields = line.split()
                if fields[4] in ("/", "/etc/citycode"):
                    require("ro" in fields[5].split(","), f"{name}: {fields[4]} can be written")
            root = f"/proc/{pid}/root"
            try:
                # Even the machine's own root user cannot: the mount is read-only.
                open(f"{root}/usr/share/citycode/stray", "w").close()
                raise Failure(f"{name}: its root can be written")
            except OSError as error:
                require(error.errno == errno.EROFS, f"{name}: {error}")
            if not name.startswith("issuer"):
                for secret in ("region-secret", "pepper", "sealer.pem"):
                    require(not os.path.exists(f"{root}/etc/citycode/{secret}"),
                            f"{name} sees the issuer's {secret}")
                require(not os.listdir(f"{root}{STATE}/data"), f"{name} sees the issuer's data")
            owner = self.owners[name.split("-", 1)[1]]
            require(os.readlink(f"/proc/{pid}/ns/pid")
                    == os.readlink(f"/proc/{self.runner.pid(owner)}/ns/pid"),
                    f"{name}: another PID namespace than its host")
        print("each runs as its user, without capabilities, on a read-only root, in its host's PID"
              " namespace, without sight of what is the issuer's (P-59)")
        if isinstance(self.runner, Crun):
            print(f"with the units' filter of {len(self.runner.calls)} system calls")

    def check_foreign_namespace(self):
        """A verifier in a PID namespace of its own must not open its host's cache."""
        other = Container("alone-310000", work_root(self.work, "tools"), ["/bin/sleep", "60"], [])
        self.runner.start(other)
        stray = self.service("verifier-310000", other, label="stray-310000")
        (self.world / "stray").mkdir()
        os.chown(self.world / "stray", USER, USER)
        stray.mounts[-1] = (self.world / "stray", f"{STATE}/journal", "rw")
        self.runner.start(stray)
        require(stray.process.wait(timeout=20) != 0, "a stray verifier was let in")
        require("PID namespace" in stray.output(), f"unclear refusal: {stray.output()}")
        self.runner.kill(other, signal.SIGKILL)
        print("a verifier of another PID namespace is refused by name")

    def talk(self):
        variables = dict(
            line.removeprefix("export ").split("=", 1)
            for line in (self.world / "env").read_text().splitlines() if line.startswith("export"))
        resolve = []
        for name, address in self.addresses.items():
            port = self.PORTS[name.split("-", 1)[0]]
            resolve += ["--resolve", f"{name}:{port}:{address}"]

        def call(token, url, kind, body, *more):
            return run("curl", "-sS", "--fail-with-body", "--http2", "--max-time", "10", "--cacert",
                       str(self.world / "ca/ca.pem"), "-H",
                       f"authorization: Bearer {variables[token]}", "-H", f"content-type: {kind}",
                       "--data-binary", body, *more, *resolve, url)

        people = run(work_root(self.work, "verifier") + "/usr/local/bin/issuer", "sample",
                     "--people", "1", "--seed", "1").splitlines()[1].split(",")
        holder = json.loads(call(
            "CHANNEL_TOKEN", variables["ISSUER_URL"] + "/v1/holders", "application/json",
            json.dumps({"document": {"type": people[0], "number": people[1]}, "kind": people[2]})))
        code = call("CHANNEL_TOKEN", variables["ISSUER_URL"] + "/v1/codes?as=text",
                    "application/json", json.dumps({"handle": holder["handle"]}))
        for token, url, who in (
                ("POINT_TOKEN", variables["VERIFIER_URL"], "its host's verifier"),
                ("POINT_TOKEN", variables["EDGE_VERIFIER_URL"], "a host that follows the feed"),
                ("PARTNER_POINT_TOKEN", variables["PARTNER_VERIFIER_URL"], "the partner region")):
            answer = json.loads(call(token, url + "/v1/scans", "text/plain", code, "-H",
                                     "citycode-scene: health_gate"))
            require(answer["outcome"] == "accepted", f"{who}: {answer}")
            print(f"a code of region 310000 is accepted at {who}")
        for name, address in self.addresses.items():
            admin = f"http://{address}:{self.PORTS[name.split('-', 1)[0]] + 1000}"
            for path in ("/livez", "/startupz", "/readyz"):
                run("curl", "-sS", "--fail", "--max-time", "5", admin + path)
            page = run("curl", "-sS", "--fail", "--max-time", "5", admin + "/metrics")
            require("citycode_connections " in page, f"{name}: no metrics")
        print("all probes and /metrics answer")

    def stop(self):
        slowest = 0
        for kind in ("verifier", "relay", "issuer"):
            for name in [name for name in self.services if name.startswith(kind)]:
                container = self.services[name]
                started = time.monotonic()
                self.runner.kill(container, signal.SIGTERM)
                status = container.process.wait(timeout=15)
                slowest = max(slowest, time.monotonic() - started)
                require(status == 0, f"{name} ended with {status}: {container.output()[-2000:]}")
        for owner in self.owners.values():
            self.runner.kill(owner, signal.SIGKILL)
            owner.process.wait(timeout=10)
        print(f"SIGTERM ended each with status 0, within {slowest:.1f} s")


def main():
    work, way = pathlib.Path(sys.argv[1]), sys.argv[2]
    run("ip", "link", "set", "lo", "up")
    refusal = None
    try:
        if way == "unshare":
            raise Failure("asked for")
        world = World(work, Crun)
    except (Failure, FileNotFoundError, subprocess.TimeoutExpired) as failure:
        if way == "crun":
            raise
        refusal = str(failure).strip().splitlines()[-1]
        shutil.rmtree(work / "bundles", ignore_errors=True)
        world = World(work, Unshare)
    world.check_images()
    world.prepare()
    world.start()
    world.check_confinement()
    world.talk()
    world.check_foreign_namespace()
    world.stop()
    because = f" (crun: {refusal})" if refusal else ""
    print(f"passed, containers run by {world.runner.title()}{because}")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"image test: {failure}")
