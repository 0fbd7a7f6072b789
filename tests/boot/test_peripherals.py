"""Keyboard, mouse, tablet, balloon and serial ports of a Linux guest, driven from outside."""
import os
import socket
import time

from guest import Failed, linux, need_tinamou
from modules import devtool, with_modules
from test_monitor import Qmp

QMP = ["-qmp", "unix:qmp.sock,server=on,wait=off"]


def finish(g):
    g.send("exit\n")
    g.wait_exit(0)


def resident(g):
    """MiB of host memory that the emulator holds."""
    with open("/proc/%d/statm" % g.process.pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def key(name, down):
    return {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": name}}}


def button(name, down):
    return {"type": "btn", "data": {"down": down, "button": name}}


def move(kind, axis, value):
    return {"type": kind, "data": {"axis": axis, "value": value}}


def use_input(suffix):
    args = ["-global", "virtio-mmio.force-legacy=off"] # Linux's driver needs virtio 1
    for name in ("keyboard", "mouse", "tablet"):
        args += ["-device", "virtio-%s-%s" % (name, suffix)]
    with linux(args + QMP, with_modules(["virtio_input", "evdev"], files=[devtool()])) as g:
        g.shell()
        q = Qmp("qmp.sock")
        g.run("sh /extra/load && sleep 1")
        names = g.run("cat /sys/class/input/event*/device/name").split("\n")
        at = ["/dev/input/event%d" % names.index("QEMU Virtio " + n) for n in ("Keyboard", "Mouse", "Tablet")]
        g.send("/extra/devtool events 6 %s\n" % " ".join(at))
        g.expect("ready")
        q.ok("input-send-event", events=[key("shift", True), key("a", True)])
        g.expect(r"0: 1 42 1\r?\n0: 1 30 1\r?\n0: 0 0 0")
        q.ok("input-send-event", events=[key("a", False), key("shift", False)])
        g.expect(r"0: 1 30 0\r?\n0: 1 42 0\r?\n0: 0 0 0")
        q.ok("input-send-event", events=[move("rel", "x", 5), move("rel", "y", -3)])
        g.expect(r"1: 2 0 5\r?\n1: 2 1 -3\r?\n1: 0 0 0")
        q.ok("input-send-event", events=[move("abs", "x", 16384), move("abs", "y", 40000)])
        g.expect(r"2: 3 0 16384\r?\n2: 3 1 32767\r?\n2: 0 0 0")
        q.ok("send-key", keys=[{"type": "qcode", "data": "ret"}], **{"hold-time": 20})
        g.expect(r"0: 1 28 1\r?\n0: 0 0 0\r?\n0: 1 28 0\r?\n0: 0 0 0")
        g.expect("over")
        q.fails("send-key", keys=[{"type": "qcode", "data": "ret"}, {"type": "number", "data": 9999}])
        g.expect("~ # ")
        g.send("/extra/devtool events 2 %s\n" % " ".join(at))
        g.expect("ready")
        q.ok("input-send-event", events=[button("left", True), button("wheel-up", True)])
        g.expect(r"\d: 1 272 1\r?\n\d: 2 8 1\r?\n\d: 0 0 0")
        q.ok("input-send-event", events=[button("left", False)])
        g.expect(r"\d: 1 272 0\r?\n\d: 0 0 0")
        g.expect("over")
        g.expect("~ # ")
        g.run("/extra/devtool led %s 1 1" % at[0]) # the driver hands the LED to the device
        finish(g)


def test_input_devices():
    need_tinamou()
    use_input("device")


def test_input_devices_behind_pci():
    need_tinamou()
    use_input("pci")


# Memory to fill: what / takes at most is the kernel's choice.
FILL = "mkdir /fill && mount -t tmpfs -o size=90% fill /fill"


def test_balloon_takes_and_gives_memory():
    need_tinamou()
    args = ["-device", "virtio-balloon-device,id=b,guest-stats-polling-interval=1"] + QMP
    with linux(args, with_modules(["virtio_balloon"])) as g:
        g.shell()
        q = Qmp("qmp.sock")
        if q.ok("query-balloon")["actual"] != 512 << 20:
            g.fail("query-balloon does not say 512 MiB at first")
        g.run("sh /extra/load; %s; dd if=/dev/zero of=/fill/x bs=1M count=250 2>/dev/null; rm /fill/x" % FILL, 120)
        full = resident(g)
        q.ok("balloon", value=128 << 20)
        for _ in range(300):
            if q.ok("query-balloon")["actual"] == 128 << 20:
                break
            time.sleep(0.1)
        else:
            g.fail("the guest did not give 384 MiB")
        if resident(g) > full - 150:
            g.fail("the emulator held %d MiB, and with the balloon %d" % (full, resident(g)))
        if int(g.run("grep MemTotal /proc/meminfo").split()[1]) > 200 << 10:
            g.fail("the guest still sees its memory")
        g.run("for i in 1 2 3 4 5; do sleep 1; done")
        if "stat-free-memory" not in q.hmp("info balloon"):
            g.fail("no statistics: " + q.hmp("info balloon"))
        q.ok("balloon", value=512 << 20)
        for _ in range(300):
            if q.ok("query-balloon")["actual"] == 512 << 20:
                break
            time.sleep(0.1)
        g.run("dd if=/dev/urandom of=/fill/x bs=1M count=100 2>/dev/null && cp /fill/x /fill/y && cmp /fill/x /fill/y", 120)
        finish(g)


def test_free_pages_are_reported():
    need_tinamou()
    args = ["-device", "virtio-balloon-pci,free-page-reporting=on"]
    with linux(args, with_modules(["virtio_balloon"]), append="page_reporting.page_reporting_order=9") as g:
        g.shell()
        g.run("sh /extra/load; " + FILL)
        g.run("dd if=/dev/zero of=/fill/x bs=1M count=200 2>/dev/null", 120)
        full = resident(g)
        g.run("rm /fill/x")
        for _ in range(20):
            g.run("sleep 1")
            if resident(g) < full - 120:
                break
        else:
            g.fail("the emulator held %d MiB, and after the guest freed 200 still %d" % (full, resident(g)))
        g.run("dd if=/dev/urandom of=/fill/x bs=1M count=100 2>/dev/null && cp /fill/x /fill/y && cmp /fill/x /fill/y", 120)
        finish(g)


def read_line(s):
    text = b""
    while not text.endswith(b"\n"):
        part = s.recv(4096)
        if not part:
            raise Failed("the port was closed after %r" % text)
        text += part
    return text.decode()


def test_a_guest_agent_talks_through_a_named_port():
    args = ["-device", "virtio-serial-device,max_ports=5", "-chardev", "socket,id=a,path=agent.sock,server=on,wait=off",
            "-device", "virtserialport,chardev=a,name=org.example.agent,nr=3", "-device",
            "virtserialport,name=org.example.idle"]
    agent = r"while read -r line; do echo got $line; done <>$P >&0" # a port can be opened once
    with linux(args, "initrd.cpio.gz") as g:
        g.shell()
        g.run("P=/dev/$(basename $(dirname $(grep -l org.example.agent /sys/class/virtio-ports/*/name))); echo $P | grep -q p3$")
        g.run("[ $(ls /sys/class/virtio-ports | wc -l) = 2 ]")
        if g.run("timeout 1 head -c1 $P | wc -c").strip() != "0":
            g.fail("there is input though nobody is connected")
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect("agent.sock")
        g.run("(%s) & sleep 1" % agent)
        for n in range(3):
            s.sendall(b"hello %d\n" % n)
            if read_line(s) != "got hello %d\n" % n:
                g.fail("the agent answered something else")
        s.sendall(b"x" * 3000 + b"\n") # longer than one buffer of the driver's
        if len(read_line(s)) != 3005:
            g.fail("a long line arrived cut")
        s.close()
        g.run("sleep 1; kill $!; wait; true")
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect("agent.sock")
        g.run("(%s) & sleep 1" % agent)
        s.sendall(b"again\n")
        if read_line(s) != "got again\n":
            g.fail("the agent does not answer after a reconnect")
        s.close()
        finish(g)
