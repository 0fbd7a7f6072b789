"""The advanced interrupt architecture of the RISC-V virt board: Linux's drivers on an APLIC, and on IMSICs."""
import re
import time

from guest import alone
from netguest import bring_up, fail_unless, net_guest
from test_monitor import Qmp


def counts(g, pattern):
    """The sums of the interrupts whose lines match."""
    lines = [l for l in g.run("cat /proc/interrupts").split("\n") if re.search(pattern, l)]
    return sum(int(n) for l in lines for n in re.findall(r"\s(\d+)(?=\s)", l.split(":")[1])[:2])


def use(g, wires, cards):
    fail_unless(bring_up(g) == "10.0.2.15", g, "no lease")
    g.run("ping -c 3 10.0.2.2")
    fail_unless(counts(g, wires) > 0, g, "no interrupt of the serial line came through the APLIC")
    fail_unless(counts(g, cards) > 0, g, "no interrupt of the network card came")
    fail_unless(counts(g, "IPI[0-9]") > 0, g, "no interrupt between processors came")


def card():
    return ["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]


@alone
def test_wires_by_an_aplic():
    """Direct delivery; the card falls back to its wire, for there is nobody to send messages to."""
    with net_guest(card(), smp=2, machine="virt,aia=aplic") as g:
        use(g, "APLIC.*ttyS0|APLIC.*serial", "APLIC.*virtio")
        g.send("exit\n")
        g.wait_exit(0)


@alone
def test_messages_to_imsics():
    """MSI-X of the card and what the APLIC forwards; the state is saved and gone on with."""
    with net_guest(card() + ["-qmp", "unix:q,server=on,wait=off"], smp=2, machine="virt,aia=aplic-imsic,aia-guests=1") as g:
        use(g, "APLIC.*ttyS0|APLIC.*serial", "MSI.*virtio")
        q = Qmp("q")
        q.ok("migrate", uri="file:state")
        while q.ok("query-migrate").get("status") not in ("completed", "failed"):
            time.sleep(0.1)
        q.ok("quit")
        g.wait_exit(0)
    more = ["-qmp", "unix:q2,server=on,wait=off", "-incoming", "file:state"]
    with net_guest(card() + more, smp=2, machine="virt,aia=aplic-imsic,aia-guests=1") as g:
        q = Qmp("q2")
        while not q.ok("query-status")["running"]:
            time.sleep(0.1)
        g.send("\n")
        g.expect("# ")
        before = counts(g, "MSI.*virtio")
        g.run("ping -c 2 10.0.2.2")
        fail_unless(counts(g, "MSI.*virtio") > before, g, "no interrupt of the card after the load")
        g.send("exit\n")
        g.wait_exit(0)
