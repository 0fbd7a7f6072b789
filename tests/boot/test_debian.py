"""A Debian system with systemd, built from packages, on the devices that users give it."""
import os
import socket
import subprocess

from guest import PROMPT, Failed, Guest, alone, arch_args, debian_system, need_tinamou, need_tool
from migrate import Qmp


def boot(disk, more=(), smp=2):
    """A Guest at the prompt of root's shell."""
    d = debian_system()
    args = arch_args() + ["-M", "virt", "-m", "1G", "-smp", str(smp), "-nographic", "-kernel", d + "/kernel", "-initrd",
                          d + "/initrd.cpio.gz", "-append", "console=ttyS0 root=/dev/vda quiet"]
    return Guest(args + [a.replace("ROOTFS", d + "/rootfs.ext4") for a in disk] + list(more))


RAW = ["-drive", "file=ROOTFS,format=raw,if=virtio", "-snapshot"]


def login(g):
    g.expect(r"debian login: ", 200)
    g.send("root\n")
    g.expect(PROMPT, 100)


@alone
def test_systemd_reaches_a_login_from_a_virtio_disk():
    with boot(RAW) as g:
        login(g)
        state = g.run("systemctl is-system-running --wait", 100).strip()
        if state != "running":
            raise Failed("systemd is '%s':\n%s" % (state, g.run("systemctl --no-pager --failed")))
        if "systemd 2" not in g.run("systemctl --version") or "/dev/vda on / type ext4" not in g.run("mount"):
            raise Failed("another system than was built")
        g.run("dd if=/dev/urandom of=/root/noise bs=64k count=64 && sync && cksum /root/noise >/root/sum")
        g.run('echo 3 >/proc/sys/vm/drop_caches; [ "$(cksum /root/noise)" = "$(cat /root/sum)" ]')
        g.send("poweroff\n")
        g.wait_exit(0, 100)


test_systemd_reaches_a_login_from_a_virtio_disk.limit = 400


def overlay():
    """A qcow2 image of this test's own, on top of the file system that all share; -drive for it."""
    subprocess.run([need_tool("qemu-img"), "create", "-q", "-f", "qcow2", "-F", "raw", "-b", debian_system() + "/rootfs.ext4", "disk.qcow2"],
                   check=True)
    return ["-drive", "file=disk.qcow2,format=qcow2,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def echo(port, text):
    """What the guest's service (tools/get_rootfs) sends back."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as c:
        c.sendall(text)
        c.shutdown(socket.SHUT_WR)
        while True:
            data = c.recv(65536)
            if not data:
                return got
            got += data


@alone
def test_qcow2_dhcp_a_forwarded_port_and_a_share():
    port, noise = free_port(), os.urandom(300000)
    os.mkdir("share")
    with open("share/file", "w") as f:
        f.write("from the host\n")
    more = ["-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:%d-:7000" % port, "-device", "virtio-net-pci,netdev=n",
            "-virtfs", "local,path=share,mount_tag=share,security_model=none"]
    with boot(overlay(), more) as g:
        login(g)
        g.run("until networkctl --no-pager | grep -q ether.*routable; do sleep 0.2; done", 100)
        if "10.0.2.15" not in g.run("hostname -I").split():
            raise Failed("no address by DHCP: " + g.run("networkctl --no-pager status"))
        if echo(port, noise) != noise:
            raise Failed("300000 bytes through the forwarded port came back changed")
        g.run("mount -t 9p -o trans=virtio,version=9p2000.L share /mnt && grep 'from the host' /mnt/file")
        g.run("echo from the guest >/mnt/answer && umount /mnt")
        g.run("cp /usr/bin/bash /root/copy && sync && sum=$(cksum </root/copy) && [ \"$sum\" = \"$(cksum </usr/bin/bash)\" ]")
        g.send("poweroff\n")
        g.wait_exit(0, 100)
    with open("share/answer") as f:
        if f.read() != "from the guest\n":
            raise Failed("the guest's file is wrong")
    subprocess.run([need_tool("qemu-img"), "check", "-q", "disk.qcow2"], check=True)


test_qcow2_dhcp_a_forwarded_port_and_a_share.limit = 400


def network(port):
    return ["-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:%d-:7000" % port, "-device", "virtio-net-pci,netdev=n",
            "-qmp", "unix:qmp,server=on,wait=off"]


def check_back(g, port):
    """What was there at savevm is there again, and works: files, processes, the clock, the network."""
    g.run('[ "$(cat /root/mark)" = before ] && [ ! -e /root/later ]')
    g.run('kill -0 $(cat /root/pid) && a=$(cat /run/ticks) && sleep 2 && [ "$(cat /run/ticks)" -gt "$a" ]')
    g.run("[ \"$(cksum </root/copy)\" = \"$(cksum </usr/bin/bash)\" ] && systemctl is-active systemd-networkd")
    noise = os.urandom(100000)
    if echo(port, noise) != noise:
        raise Failed("the forwarded port is not what it was")


@alone
def test_savevm_and_loadvm_of_a_whole_system():
    need_tinamou()
    port = free_port()
    disk = overlay()
    with boot(disk, network(port)) as g:
        login(g)
        q = Qmp("qmp")
        g.run("until networkctl --no-pager | grep -q ether.*routable; do sleep 0.2; done", 100)
        g.run("echo before >/root/mark; cp /usr/bin/bash /root/copy; sync")
        g.run("(i=0; while :; do i=$((i+1)); echo $i >/run/ticks; sleep 0.1; done) & echo $! >/root/pid")
        g.run("sleep 1; sync")
        said = q.hmp("savevm one")
        if said or "one" not in q.hmp("info snapshots"):
            raise Failed("savevm: %s" % said)
        g.run("echo after >/root/mark; touch /root/later; rm /root/copy; kill $(cat /root/pid); sync")
        said = q.hmp("loadvm one")
        if said:
            raise Failed("loadvm: %s" % said)
        g.send("\n")
        g.expect(PROMPT)
        check_back(g, port)
        g.run("echo lost >/root/mark; touch /root/later; sync")
        g.process.kill()
        g.process.wait()
    port = free_port()
    with boot(disk, network(port) + ["-loadvm", "one"]) as g:
        g.send("\n")
        g.expect(PROMPT, 100)
        check_back(g, port)
        Qmp("qmp").hmp("delvm one")
        g.send("poweroff\n")
        g.wait_exit(0, 100)
    subprocess.run([need_tool("qemu-img"), "check", "-q", "disk.qcow2"], check=True)


test_savevm_and_loadvm_of_a_whole_system.limit = 400
