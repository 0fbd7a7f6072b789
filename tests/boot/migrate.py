"""What tests of snapshots and migration share: a QMP client, and a guest that works all the time."""
import json
import socket
import time

from guest import Failed, Guest, arch_args, debian


class Qmp:
    """A QMP session on a unix socket; events are kept in self.events."""

    def __init__(self, path, timeout=30):
        self.events = []
        deadline = time.monotonic() + timeout
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise Failed("no QMP at %s" % path)
                time.sleep(0.02)
        self.sock.settimeout(60)
        self.file = self.sock.makefile("rw", newline="")
        self.read()
        self.run("qmp_capabilities")

    def read(self):
        line = self.file.readline()
        if not line:
            raise Failed("the QMP connection ended")
        return json.loads(line)

    def call(self, command, **args):
        """The whole answer, with "return" or "error"."""
        args = {k.replace("_", "-"): v for k, v in args.items()}
        self.file.write(json.dumps({"execute": command, "arguments": args}) + "\r\n")
        self.file.flush()
        while True:
            r = self.read()
            if "event" not in r:
                return r
            self.events.append(r)

    def run(self, command, **args):
        r = self.call(command, **args)
        if "error" in r:
            raise Failed("%s: %s" % (command, r["error"]["desc"]))
        return r["return"]

    def hmp(self, line):
        return self.run("human-monitor-command", command_line=line)

    def job(self, command, **args):
        """Run a job to its end; what query-jobs says then."""
        self.run(command, job_id="j", **args)
        deadline = time.monotonic() + 60
        while True:
            job = self.run("query-jobs")[0]
            if job["status"] == "concluded":
                self.run("job-dismiss", id="j")
                return job
            if time.monotonic() > deadline:
                raise Failed("the job did not end: %s" % job)
            time.sleep(0.02)

    def migrate(self, uri, want="completed", timeout=120):
        """Send the machine and wait for the end; what query-migrate says then."""
        self.run("migrate", uri=uri)
        return self.wait_migrated(want, timeout)

    def wait_migrated(self, want="completed", timeout=120):
        deadline = time.monotonic() + timeout
        while True:
            info = self.run("query-migrate")
            if info.get("status") in ("completed", "failed", "cancelled"):
                if info["status"] != want:
                    raise Failed("migration ended as %s, not %s" % (info, want))
                return info
            if time.monotonic() > deadline:
                raise Failed("migration did not end: %s" % info)
            time.sleep(0.02)


def args(qmp, more=(), smp=1, memory="256M", append="", initrd=None):
    """Arguments of a guest with a QMP socket and its serial line on stdio."""
    d = debian()
    initrd = initrd or d + "/initrd.cpio.gz"
    return arch_args() + ["-M", "virt", "-m", memory, "-smp", str(smp), "-display", "none", "-serial", "stdio",
                          "-monitor", "none", "-kernel", d + "/kernel", "-initrd", initrd, "-append",
                          ("console=ttyS0 quiet " + append).strip(), "-qmp", "unix:%s,server=on,wait=off" % qmp] + list(more)


WORK = r"""
(cd /tmp/w; i=0; while :; do i=$((i+1)); echo $i >n.new; mv n.new n; s=$(seq 1 200 | md5sum); [ "$s" = "$(cat want)" ] || echo BAD >bad; done) & :
(while :; do sleep 0.1; date +%s.%N >>/tmp/w/ticks; done) & :
exec 5<>/tmp/w/open; echo before >&5
"""


def start_work(g):
    """Counters, checksums, timers and an open file, all of which must go on."""
    g.run("mkdir -p /tmp/w; seq 1 200 | md5sum >/tmp/w/want; echo 0 >/tmp/w/n; : >/tmp/w/ticks")
    for line in WORK.strip().split("\n"):
        g.run(line)


def check_work(g, at_least=0):
    """It goes on: the counter grows, no checksum was wrong, timers fire.  Returns the counter."""
    a, ticks = int(g.run("cat /tmp/w/n")), int(g.run("wc -l </tmp/w/ticks"))
    if a < at_least:
        g.fail("the counter is %d, %d was seen before" % (a, at_least))
    deadline = time.monotonic() + 60
    while int(g.run("cat /tmp/w/n")) <= a + 1 or int(g.run("wc -l </tmp/w/ticks")) <= ticks:
        if time.monotonic() > deadline:
            g.fail("the work does not go on after %d rounds, %d ticks" % (a, ticks))
    g.run("! test -e /tmp/w/bad")
    g.run("echo after >&5 && grep -q before /tmp/w/open && grep -q after /tmp/w/open")
    return a


def load(uri, more=(), qmp="qmp2", **kw):
    """A guest that goes on from a state, and its QMP session, once it runs."""
    g = Guest(args(qmp, list(more) + ["-incoming", uri], **kw))
    q = Qmp(qmp)
    deadline = time.monotonic() + 60
    while q.run("query-status")["status"] != "running":
        if time.monotonic() > deadline:
            g.fail("the state was not loaded")
        time.sleep(0.02)
    return g, q
