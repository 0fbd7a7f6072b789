"""Disks for others by NBD: the server in the monitor, and tinamou-nbd, with qemu-img and our own image tool as clients."""
import os
import shutil
import signal
import subprocess
import time

from guest import Failed, Guest, Skipped, arch_args, await_listener, need_tinamou, need_tool
from netguest import free_port
from test_images import TOOL, pattern, run
from test_monitor import Qmp

SERVER = os.path.join(os.path.dirname(TOOL), "tinamou-nbd")


def need_tools():
    need_tinamou()
    if not os.path.exists(TOOL) or not os.path.exists(SERVER):
        raise Skipped("tinamou-img or tinamou-nbd was not built beside the emulator")


def url(name="", sock="nbd.sock"):
    return "nbd+unix:///%s?socket=%s" % (name, os.path.abspath(sock))


def refused(q, command, why, **args):
    error = q.fails(command, **args)
    if why not in error:
        raise Failed("%s: '%s' is not in '%s'" % (command, why, error))


def test_monitor_gives_access_to_disks():
    """Exports of a disk in use, by both families of commands; a client keeps one from being removed."""
    need_tools()
    pattern("disk.raw", 4 << 20, 1)
    run(TOOL, "convert", "-f", "raw", "-O", "qcow2", "disk.raw", "disk.qcow2")
    run(TOOL, "create", "-f", "qcow2", "free.qcow2", "4M")
    args = ["-S", "-nographic", "-M", "virt", "-monitor", "none", "-serial", "null", "-qmp", "unix:q,server=on,wait=off",
            "-drive", "if=none,id=d0,file=disk.qcow2", "-device", "virtio-blk-device,drive=d0",
            "-blockdev", "driver=qcow2,node-name=free,file.driver=file,file.filename=free.qcow2"]
    with Guest(arch_args("riscv64") + args) as g:
        q = Qmp("q")
        refused(q, "nbd-server-add", "nbd-server-start", device="d0")
        q.ok("nbd-server-start", addr={"type": "unix", "data": {"path": os.path.abspath("nbd.sock")}})
        refused(q, "nbd-server-start", "already", addr={"type": "inet", "data": {"host": "::1", "port": "0"}})
        q.ok("nbd-server-add", device="d0")
        refused(q, "nbd-server-add", "cannot be writable", device="d0", name="w", writable=True)
        q.ok("block-export-add", type="nbd", id="e", node_name="free", name="f", writable=True)
        refused(q, "blockdev-del", "in use by an export", node_name="free")
        if [e["id"] for e in q.ok("query-block-exports")] != ["d0", "e"]:
            raise Failed("query-block-exports does not list both")
        run(TOOL, "compare", "-f", "raw", "-F", "raw", "disk.raw", url("d0"))
        q.ok("block-set-write-threshold", node_name="free", write_threshold=1 << 20)
        run(TOOL, "convert", "-n", "-f", "raw", "-O", "raw", "disk.raw", url("f"))
        over = q.event("BLOCK_WRITE_THRESHOLD")
        if over["node-name"] != "free" or over["write-threshold"] != 1 << 20 or not 0 < over["amount-exceeded"] <= 3 << 20:
            raise Failed("the threshold was exceeded by %r" % over)
        nodes = {n["node-name"]: n["write_threshold"] for n in q.ok("query-named-block-nodes")}
        if nodes["free"] != 0:
            raise Failed("the threshold is still there")
        q.ok("block-export-del", id="e")
        if q.event("BLOCK_EXPORT_DELETED") != {"id": "e"}:
            raise Failed("another export is said to be gone")
        q.ok("nbd-server-remove", name="d0", mode="hard")
        q.hmp("nbd_server_stop")
        if os.path.exists("nbd.sock"):
            raise Failed("the socket is still there")
        answer = q.hmp("nbd_server_start -a unix:nbd.sock")
        if answer or "d0" not in run(SERVER, "--list", "-k", "nbd.sock"):
            raise Failed("nbd_server_start -a: %s" % answer)
        q.ok("blockdev-del", node_name="free")
        q.ok("quit")
        g.wait_exit(0)
    run(TOOL, "compare", "disk.raw", "free.qcow2")


class Served:
    """tinamou-nbd on nbd.sock while the block runs."""

    def __init__(self, *args):
        self.p = subprocess.Popen([SERVER, "-k", "nbd.sock"] + list(args))

    def __enter__(self):
        await_listener("nbd.sock", self.p)
        return self

    def __exit__(self, *exc):
        self.p.send_signal(signal.SIGTERM)
        if self.p.wait(timeout=20) != 0:
            raise Failed("tinamou-nbd ended with status %d" % self.p.returncode)


def test_server_of_an_image():
    """What the tool of either project writes through the server is in the image; a snapshot, an offset, read-only."""
    need_tools()
    qemu = shutil.which("qemu-img")
    pattern("in.raw", 3 << 20, 2)
    run(TOOL, "create", "-f", "qcow2", "a.qcow2", "3M")
    with Served("-f", "qcow2", "-t", "-e", "4", "a.qcow2"):
        for tool in [TOOL] + ([qemu] if qemu else []):
            run(tool, "convert", "-n", "-f", "raw", "-O", "raw", "in.raw", url())
            run(tool, "compare", "-f", "raw", "-F", "raw", "in.raw", url())
    run(TOOL, "check", "-q", "a.qcow2")
    run(TOOL, "compare", "in.raw", "a.qcow2")
    run(TOOL, "snapshot", "-c", "then", "a.qcow2")
    with Served("-f", "qcow2", "-t", "-s", "a.qcow2"):
        run(TOOL, "convert", "-n", "-f", "raw", "-O", "raw", "in.raw", url())
    with Served("-f", "qcow2", "-l", "then", "-t", "a.qcow2"):
        run(TOOL, "compare", "-U", "in.raw", url())
    with Served("-f", "raw", "-r", "-t", "-o", "1M", "in.raw"):
        run(TOOL, "convert", "-f", "raw", "-O", "raw", url(), "part.raw")
    with open("in.raw", "rb") as f, open("part.raw", "rb") as p:
        if f.read()[1 << 20:] != p.read():
            raise Failed("not the part that begins at the offset")


def test_disks_move_with_their_machine():
    """A mirror to the writable export of a machine that waits for its state, then the state."""
    need_tools()
    pattern("in.raw", 4 << 20, 5)
    run(TOOL, "convert", "-f", "raw", "-O", "qcow2", "in.raw", "from.qcow2")
    run(TOOL, "create", "-f", "qcow2", "to.qcow2", "4M")

    def args(disk, sock):
        return arch_args("riscv64") + ["-S", "-nographic", "-M", "virt", "-m", "64M", "-bios", "none", "-monitor", "none", "-serial", "null",
                                       "-qmp", "unix:%s,server=on,wait=off" % sock, "-drive", "if=none,id=d0,file=" + disk,
                                       "-device", "virtio-blk-device,drive=d0"]

    with Guest(args("from.qcow2", "a")) as g, Guest(args("to.qcow2", "b") + ["-incoming", "defer"]) as h:
        a, b = Qmp("a"), Qmp("b")
        b.ok("nbd-server-start", addr={"type": "unix", "data": {"path": os.path.abspath("nbd.sock")}})
        b.ok("nbd-server-add", device="d0", writable=True)
        a.ok("drive-mirror", device="d0", job_id="j", sync="full", mode="existing", format="raw", target=url("d0"))
        if a.event("BLOCK_JOB_READY")["device"] != "j":
            raise Failed("another job is ready")
        b.ok("migrate-incoming", uri="unix:state")
        a.ok("block-job-cancel", device="j")
        a.event("BLOCK_JOB_COMPLETED")
        a.ok("migrate", uri="unix:state")
        while a.ok("query-migrate")["status"] not in ("completed", "failed"):
            time.sleep(0.05)
        if a.ok("query-migrate")["status"] != "completed":
            raise Failed("the machine did not move: %s" % a.ok("query-migrate"))
        b.ok("nbd-server-stop")
        refused(b, "nbd-server-add", "no NBD server", device="d0")
        for q, m in (a, g), (b, h):
            q.ok("quit")
            m.wait_exit(0)
    run(TOOL, "compare", "in.raw", "to.qcow2")


def certificates(names):
    """An authority's, and one for each name: server, client."""
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run(*new, "-x509", "-keyout", "ca-key.pem", "-out", "ca-cert.pem", "-subj", "/CN=authority", "-days", "2",
        "-addext", "keyUsage=critical,keyCertSign")
    for name in names:
        with open("ext", "w") as f:
            f.write("subjectAltName=DNS:localhost\nextendedKeyUsage=%sAuth\nbasicConstraints=critical,CA:FALSE\n" % name)
        run(*new, "-keyout", name + "-key.pem", "-out", "request", "-subj", "/CN=" + name)
        run("openssl", "x509", "-req", "-in", "request", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
            "-out", name + "-cert.pem", "-days", "2", "-extfile", "ext")


def test_clients_show_certificates_over_tls():
    """The monitor's server with X.509 credentials, which our tool and qemu-img reach, and a client without any does not."""
    need_tools()
    need_tool("openssl")
    qemu = shutil.which("qemu-img")
    for sub, names in (("good", ("server", "client")), ("other", ("client",))):
        os.mkdir(sub)
        os.chdir(sub)
        certificates(names)
        os.chdir("..")
    pattern("in.raw", 1 << 20, 4)
    run(TOOL, "create", "-f", "qcow2", "a.qcow2", "1M")
    args = ["-S", "-nographic", "-M", "virt", "-monitor", "none", "-serial", "null", "-qmp", "unix:q,server=on,wait=off",
            "-object", "tls-creds-x509,id=tls,dir=good,endpoint=server",
            "-blockdev", "driver=qcow2,node-name=a,file.driver=file,file.filename=a.qcow2"]
    with Guest(arch_args("riscv64") + args) as g:
        q = Qmp("q")
        port = free_port()
        refused(q, "nbd-server-start", "there are no TLS credentials 'tsl'", tls_creds="tsl",
                addr={"type": "inet", "data": {"host": "localhost", "port": str(port)}})
        q.ok("nbd-server-start", tls_creds="tls", addr={"type": "inet", "data": {"host": "localhost", "port": str(port)}})
        q.ok("block-export-add", type="nbd", id="e", node_name="a", name="disk", writable=True)
        refused(q, "object-del", "in use by the NBD server", id="tls")
        opts = "driver=raw,file.driver=nbd,file.server.type=inet,file.server.host=localhost,file.server.port=%d,file.export=disk" % port
        for tool in [TOOL] + ([qemu] if qemu else []):
            creds = ["--object", "tls-creds-x509,id=c,dir=good,endpoint=client", "--image-opts"]
            run(tool, "convert", "-n", "--object", creds[1], "--target-image-opts", "-f", "raw", "in.raw", opts + ",file.tls-creds=c")
            run(tool, "compare", *creds, "driver=raw,file.driver=file,file.filename=in.raw", opts + ",file.tls-creds=c")
            for more in ([], ["--object", "tls-creds-x509,id=c,dir=other,endpoint=client"]):
                r = subprocess.run([tool, "info"] + more + ["--image-opts", opts + (",file.tls-creds=c" if more else "")],
                                   capture_output=True, text=True, timeout=20)
                if r.returncode != 1:
                    raise Failed("let in with %s: %s" % (more, r.stdout))
        q.ok("nbd-server-stop")
        q.ok("object-del", id="tls")
        q.ok("quit")
        g.wait_exit(0)


def test_server_goes_when_its_client_does():
    """--fork, the pid file, the end after the last client; wrong options."""
    need_tools()
    pattern("in.raw", 1 << 20, 3)
    run(SERVER, "--fork", "--pid-file=pid", "-r", "-f", "raw", "-k", "nbd.sock", "-x", "name", "-D", "text", "in.raw")
    with open("pid") as f:
        os.kill(int(f.read()), 0)
    listing = run(SERVER, "-L", "-k", "nbd.sock")
    if "export: 'name'" not in listing or "description: text" not in listing or "base:allocation" not in listing:
        raise Failed("listed: " + listing)
    run(TOOL, "compare", "-f", "raw", "-F", "raw", "in.raw", url("name"))
    for _ in range(200):
        if not os.path.exists("pid") and not os.path.exists("nbd.sock"):
            break
        time.sleep(0.05)
    else:
        raise Failed("the server is still there after its last client")
    for args, why in ((["--tls-creds=x", "in.raw"], "no TLS credentials 'x'"), (["-c", "/dev/nbd0", "in.raw"], "nbd-client"),
                      (["--formt=raw", "in.raw"], "did you mean '--format'"), ([], "wanted one image"), (["none.raw"], "none.raw")):
        r = subprocess.run([SERVER] + args, capture_output=True, text=True, timeout=20)
        if r.returncode != 1 or why not in r.stderr or r.stderr.count("\n") != 1:
            raise Failed("%s: status %d, %s" % (args, r.returncode, r.stderr))
