"""Cards that come and go in the slots of PCI Express ports.

Debian's riscv64 kernel has no hot-plug driver, so there the shell does what the driver would: it looks at the slot's
registers, scans the bus, and switches the slot off.  A kernel that has the driver (HOTPLUG_KERNEL=Image in the
environment) is left to itself.
"""
import os
import re

from guest import Guest, arch_args, debian, linux, need_tinamou
from modules import with_modules
from test_monitor import Qmp, machine, want

MODULES = "initrd.cpio.gz"
PORT = "/sys/bus/pci/devices/0000:00:01.0"
CAP_EXPRESS, SLOT_CAP, SLOT_CONTROL, SLOT_STATUS, LINK_STATUS = 0x10, 0x14, 0x18, 0x1A, 0x12
BUTTON, PRESENCE, COMMAND, PRESENT, LINK = 1, 8, 0x10, 0x40, 0x100
POWER_OFF = 0x400


def start(more, initrd=MODULES):
    args = ["-device", "pcie-root-port,id=rp,chassis=1,slot=3", "-qmp", "unix:q,server=on,wait=off"] + more
    kernel = os.environ.get("HOTPLUG_KERNEL")
    if not kernel:
        return linux(args, initrd)
    return Guest(arch_args() + ["-M", "virt", "-m", "512M", "-nographic", "-kernel", kernel, "-initrd",
                                os.path.join(debian(), initrd), "-append", "console=ttyS0 quiet"] + args)


def wait_for(g, condition):
    g.run("n=0; until %s; do n=$((n+1)); [ $n -lt 40 ] || break; sleep 1; done; %s" % (condition, condition), timeout=90)


class Slot:
    """The slot's registers, or the guest's own driver of it."""

    def __init__(self, g):
        self.g = g
        self.has_driver = "pciehp" in g.run("ls /sys/bus/pci_express/drivers")
        g.run("r() { hexdump -s $1 -n $2 -v -e '1/1 \"%02x\"' " + PORT + "/config; echo; }")
        config = self.read(0, 256)
        self.cap = config[0x34]
        while config[self.cap] != CAP_EXPRESS:
            self.cap = config[self.cap + 1]

    def read(self, off, size):
        out = self.g.run("r %d %d" % (off, size)) # and warnings of the emulator among it
        return bytes.fromhex(re.findall(r"(?m)^[0-9a-f]{%d}$" % (2 * size), out)[-1])

    def get(self, reg, size=2):
        return int.from_bytes(self.read(self.cap + reg, size), "little")

    def put(self, reg, value):
        text = "".join("\\x%02x" % b for b in value.to_bytes(2, "little"))
        self.g.run("printf '%s' | dd of=%s/config bs=2 seek=%d conv=notrunc 2>/dev/null" % (text, PORT, (self.cap + reg) // 2))

    def want_events(self, events):
        got = self.get(SLOT_STATUS)
        want(got & ~PRESENT & ~COMMAND == events, "slot status is %#x, wanted events %#x" % (got, events))
        self.put(SLOT_STATUS, events | COMMAND)
        want(self.get(SLOT_STATUS) & ~PRESENT == 0, "events stay")

    def card_came(self):
        if self.has_driver:
            return
        self.want_events(BUTTON | PRESENCE | LINK)
        self.g.run("echo 1 >/sys/bus/pci/rescan")

    def card_is_to_go(self):
        if self.has_driver:
            return
        self.want_events(BUTTON)
        self.g.run("for d in /sys/bus/pci/devices/0000:01:*; do echo 1 >$d/remove; done")
        self.put(SLOT_CONTROL, self.get(SLOT_CONTROL) | POWER_OFF)

    def card_is_gone(self):
        if self.has_driver:
            wait_for(self.g, "[ $(cat /sys/bus/pci/slots/3/adapter) = 0 ]")
            return
        got = self.get(SLOT_STATUS)
        want(got == PRESENCE | LINK | COMMAND, "slot status is %#x with the card gone" % got)
        self.put(SLOT_STATUS, got)
        self.put(SLOT_CONTROL, self.get(SLOT_CONTROL) & ~POWER_OFF)


def test_a_disk_comes_and_goes():
    need_tinamou()
    with open("disk.img", "wb") as f:
        f.write(b"first words of the disk".ljust(8 << 20, b"\0"))
    with start(["-drive", "file=disk.img,if=none,format=raw,id=d"]) as g:
        g.shell()
        q, slot = Qmp("q"), Slot(g)
        for _ in range(2):
            q.ok("device_add", driver="virtio-blk-pci", id="h", bus="rp", drive="d")
            want("taken by 'h'" in q.fails("device_add", driver="virtio-rng-pci", bus="rp"), "one slot, two cards")
            slot.card_came()
            wait_for(g, "[ -e /sys/block/vda ]")
            want(g.run("cat /sys/block/vda/size").strip() == "16384", "size of the disk")
            want("first words" in g.run("head -c 64 /dev/vda"), "the disk's bytes")
            g.run("dd if=/dev/zero of=/dev/vda bs=1M seek=1 count=4 2>/dev/null; sync")
            q.ok("device_del", id="h")
            want("already" in q.fails("device_del", id="h"), "pressed twice")
            slot.card_is_to_go()
            want(q.event("DEVICE_DELETED")["path"] == "/machine/peripheral/h/virtio-backend", "what is inside")
            want(q.event("DEVICE_DELETED")["device"] == "h", "which device")
            slot.card_is_gone()
            g.run("[ ! -e /sys/block/vda ]")
            q.fails("device_del", "DeviceNotFound", id="h")
        q.ok("quit")
        g.wait_exit(0)


def test_a_network_card_and_a_scsi_adapter_come_and_go():
    need_tinamou()
    with open("disk.img", "wb") as f:
        f.truncate(8 << 20)
    with start(["-netdev", "user,id=n", "-drive", "file=disk.img,if=none,format=raw,id=d"],
               with_modules(["virtio_scsi", "sd_mod"])) as g:
        g.shell()
        q, slot = Qmp("q"), Slot(g)
        for driver, more in (("virtio-net-pci", {"netdev": "n", "mac": "52:54:00:12:34:99"}), ("e1000e", {"netdev": "n"})):
            q.ok("device_add", driver=driver, id="card", bus="rp", **more)
            slot.card_came()
            if driver == "virtio-net-pci":
                wait_for(g, "grep -q 52:54:00:12:34:99 /sys/class/net/*/address")
                g.run("i=$(grep -l 52:54:00:12:34:99 /sys/class/net/*/address | cut -d/ -f5); ifconfig $i 10.0.2.15 up && "
                      "ping -c1 -W5 10.0.2.2")
            else:
                wait_for(g, "[ -e /sys/bus/pci/devices/0000:01:00.0 ]")
            q.ok("device_del", id="card")
            slot.card_is_to_go()
            while q.event("DEVICE_DELETED").get("device") != "card":
                pass
            slot.card_is_gone()
        q.ok("device_add", driver="virtio-scsi-pci", id="s", bus="rp")
        slot.card_came()
        wait_for(g, "[ -e /sys/bus/pci/devices/0000:01:00.0 ]")
        if not slot.has_driver:
            g.run("sh /extra/load")
        q.ok("device_add", driver="scsi-hd", id="h", bus="s.0", drive="d")
        wait_for(g, "[ -e /sys/block/sda ]")
        q.ok("device_del", id="s")
        slot.card_is_to_go()
        want(q.event("DEVICE_DELETED")["device"] == "h", "the disk goes with its adapter")
        slot.card_is_gone()
        q.ok("query-block")
        q.ok("quit")
        g.wait_exit(0)


def test_a_slot_without_power_and_a_reset_let_the_card_go():
    need_tinamou()
    with start(["-device", "virtio-rng-pci,bus=rp,id=r"]) as g:
        g.shell()
        q, slot = Qmp("q"), Slot(g)
        want(slot.get(SLOT_CAP, 4) == 0x7B | 3 << 19, "capabilities of the slot")
        want(slot.get(SLOT_CONTROL) & 0x700 == 0x100, "a card that was there at the start has power")
        want(slot.get(LINK_STATUS) & 0x2000, "its link is active")
        control = slot.get(SLOT_CONTROL)
        if not slot.has_driver:
            g.run("echo 1 >/sys/bus/pci/devices/0000:01:00.0/remove")
            slot.put(SLOT_CONTROL, control | POWER_OFF)
            want(not slot.get(LINK_STATUS) & 0x2000, "no power, no link")
            g.run("echo 1 >/sys/bus/pci/rescan; [ ! -e /sys/bus/pci/devices/0000:01:00.0 ]")
            slot.put(SLOT_CONTROL, control)
            g.run("echo 1 >/sys/bus/pci/rescan; [ -e /sys/bus/pci/devices/0000:01:00.0 ]")
            slot.put(SLOT_CONTROL, control | POWER_OFF)
            q.ok("device_del", id="r")
            want(q.event("DEVICE_DELETED")["path"] == "/machine/peripheral/r/virtio-backend", "at once")
            q.ok("device_add", driver="virtio-rng-pci", id="r", bus="rp")
            slot.put(SLOT_CONTROL, control)
            g.run("echo 1 >/sys/bus/pci/rescan; [ -e /sys/bus/pci/devices/0000:01:00.0 ]")
            q.events.clear()
        q.ok("device_del", id="r")
        q.ok("system_reset")
        while q.event("DEVICE_DELETED").get("device") != "r":
            pass
        g.shell()
        g.run("[ ! -e /sys/bus/pci/devices/0000:01:00.0 ]")
        q.ok("quit")
        g.wait_exit(0)


def test_serial_ports_come_and_go():
    need_tinamou()
    args = ["-qmp", "unix:q,server=on,wait=off", "-device", "virtio-serial-pci,id=s,max_ports=3"]
    with linux(args, MODULES) as g:
        g.shell()
        q = Qmp("q")
        g.run("p=/sys/class/virtio-ports; ls $p; [ -z \"$(ls $p)\" ]")
        for n in range(2):
            q.ok("chardev-add", id="c", backend={"type": "file", "data": {"out": "port.log"}})
            q.ok("device_add", driver="virtserialport", id="p", bus="s.0", chardev="c", name="org.test.%d" % n)
            want("in use" in q.fails("chardev-remove", id="c"), "a port uses it")
            wait_for(g, "grep org.test.%d $p/*/name" % n)
            g.run("echo words %d >/dev/$(ls $p)" % n)
            q.ok("device_del", id="p")
            want(q.event("DEVICE_DELETED")["device"] == "p", "which device")
            wait_for(g, "[ -z \"$(ls $p)\" ]")
            q.ok("chardev-remove", id="c")
            want("words %d" % n in open("port.log").read(), "what the guest wrote")
        q.ok("quit")
        g.wait_exit(0)


def test_what_cannot_be_plugged_is_refused():
    need_tinamou()
    with machine(["-device", "pcie-root-port,id=rp", "-device", "pcie-root-port,id=cold,hotplug=off", "-device",
                  "pci-bridge,id=old", "-S"]) as g:
        q = Qmp("q")
        for words, arguments in (
                ("Bus 'pcie.0' does not support hotplugging; these do and are free: rp", {"driver": "virtio-rng-pci"}),
                ("Bus 'pcie.0' does not support", {"driver": "pcie-root-port", "bus": "pcie.0"}),
                ("Bus 'old' does not support", {"driver": "virtio-rng-pci", "bus": "old"}),
                ("unsupported by the port device 'cold' (hotplug=off)", {"driver": "virtio-rng-pci", "bus": "cold"}),
                ("no bus is named 'rq'; did you mean 'rp'?", {"driver": "virtio-rng-pci", "bus": "rq"}),
                ("wanted letters, digits", {"driver": "virtio-rng-pci", "bus": "rp", "id": "a\"b"}),
                ("no property 'vectorz', did you mean 'vectors'", {"driver": "virtio-rng-pci", "bus": "rp", "vectorz": "1"}),
                ("slots 0 to 0 only", {"driver": "virtio-rng-pci", "bus": "rp", "addr": "3"}),
                ("needs drive=ID", {"driver": "virtio-blk-pci", "bus": "rp"})):
            got = q.fails("device_add", **arguments)
            want(words in got, "%r, wanted %r" % (got, words))
        q.ok("device_add", driver="virtio-rng-pci", bus="rp", id="late", addr="0.3")
        q.ok("device_add", driver="virtio-rng", bus="rp", id="r", multifunction=True, addr="0.0")
        want("does not support hotplugging" in q.fails("device_del", id="rp"), "a port of the root complex")
        q.ok("device_del", id="late") # nothing runs: all functions of the card go at once
        gone = [q.event("DEVICE_DELETED").get("device") for _ in range(4)]
        want(gone == [None, "late", None, "r"], "functions gone: %r" % gone)
        q.ok("device_add", driver="virtio-rng-pci", bus="rp", id="r")
        q.ok("cont")
        q.ok("quit")
        g.wait_exit(0)
