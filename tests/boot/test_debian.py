"""A Debian system with systemd, built from packages, on the devices that users give it."""
from guest import PROMPT, Failed, Guest, arch_args, debian_system


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


def test_systemd_reaches_a_login_from_a_virtio_disk():
    with boot(RAW) as g:
        login(g)
        state = g.run("systemctl is-system-running --wait", 100).strip()
        if state != "running":
            raise Failed("systemd is '%s':\n%s" % (state, g.run("systemctl --no-pager --failed")))
        if "systemd 257" not in g.run("systemctl --version") or "/dev/vda on / type ext4" not in g.run("mount"):
            raise Failed("another system than was built")
        g.run("dd if=/dev/urandom of=/root/noise bs=64k count=64 && sync && cksum /root/noise >/root/sum")
        g.run('echo 3 >/proc/sys/vm/drop_caches; [ "$(cksum /root/noise)" = "$(cat /root/sum)" ]')
        g.send("poweroff\n")
        g.wait_exit(0, 100)


test_systemd_reaches_a_login_from_a_virtio_disk.limit = 400
