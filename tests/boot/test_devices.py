"""Disks, consoles and random numbers as Linux sees them."""
import fcntl
import os
import pty
import signal
import socket
import struct
import subprocess
import termios

from guest import Failed, Guest, Skipped, alone, arch_args, debian, is_tinamou, linux, need_tinamou, need_tool
from modules import with_modules

MODULES = "initrd.cpio.gz"


def make_disk(path, size="64M", block=4096):
    """An ext4 image with files of the Debian guest's packages in it; made without root."""
    tree = debian() + "/tree"
    os.makedirs("root/data", exist_ok=True)
    with open("root/data/hello", "w") as f:
        f.write("hello from the host\n")
    for top, _, files in os.walk(tree + "/usr/share/doc"):
        for name in files:
            with open(os.path.join(top, name), "rb") as src, open("root/data/doc-" + name, "wb") as dst:
                dst.write(src.read())
    with open(tree + "/usr/bin/busybox", "rb") as src, open("root/data/busybox", "wb") as dst:
        dst.write(src.read())
    r = subprocess.run([need_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", str(block), "-d", "root", path, size], capture_output=True, text=True)
    if r.returncode:
        raise Failed("mke2fs: " + r.stderr)


def read_from_image(image, name):
    """A file's text out of an ext4 image, by the host's debugfs."""
    r = subprocess.run([need_tool("debugfs"), "-R", "cat " + name, image], capture_output=True, text=True)
    return r.stdout


def fsck(image):
    r = subprocess.run([need_tool("e2fsck"), "-f", "-n", image], capture_output=True, text=True)
    if r.returncode:
        raise Failed("e2fsck: %s%s" % (r.stdout, r.stderr))


def host_sum(path):
    return subprocess.run(["sha256sum", path], capture_output=True, text=True).stdout.split()[0]


def use_disk(g, shell=True):
    """Mount, compare with the host's bytes, write, remount, compare again."""
    if shell:
        g.shell()
    g.run("mount -t ext4 /dev/vda /mnt")
    if g.run("cat /mnt/data/hello").strip() != "hello from the host":
        g.fail("the host's file reads wrong")
    if host_sum("root/data/busybox") not in g.run("sha256sum /mnt/data/busybox"):
        g.fail("busybox has another checksum in the guest")
    g.run("echo hello from the guest >/mnt/data/reply")
    g.run("dd if=/dev/urandom of=/mnt/data/big bs=64k count=160 2>/dev/null && sync", 120)
    before = g.run("sha256sum /mnt/data/big", 60).split()[0]
    g.run("umount /mnt && echo 3 >/proc/sys/vm/drop_caches && mount -t ext4 /dev/vda /mnt")
    if g.run("sha256sum /mnt/data/big", 60).split()[0] != before:
        g.fail("10 MiB read back differently after a remount")
    g.run("umount /mnt")
    g.send("exit\n")
    g.wait_exit(0)


def check_image(image):
    fsck(image)
    if read_from_image(image, "/data/reply") != "hello from the guest\n":
        raise Failed("the guest's file is not in the image")


def test_ext4_on_virtio_blk():
    make_disk("disk.img")
    with linux(["-drive", "file=disk.img,if=none,format=raw,id=d0", "-device", "virtio-blk-device,drive=d0"], MODULES) as g:
        use_disk(g)
    check_image("disk.img")


@alone
def test_ext4_on_modern_virtio():
    make_disk("disk.img")
    with linux(["-global", "virtio-mmio.force-legacy=false", "-drive", "file=disk.img,if=none,format=raw,id=d0",
                "-device", "virtio-blk-device,drive=d0,bus=virtio-mmio-bus.0"], MODULES, smp=2) as g:
        use_disk(g)
    check_image("disk.img")


def test_snapshot_leaves_the_image_alone():
    make_disk("disk.img")
    before = host_sum("disk.img")
    with linux(["-snapshot", "-drive", "file=disk.img,if=none,format=raw,id=d0", "-device", "virtio-blk-device,drive=d0"],
               MODULES) as g:
        use_disk(g)
    if host_sum("disk.img") != before:
        raise Failed("-snapshot wrote to the image")


def test_ext4_by_io_uring():
    """Passing by the host's cache, and with a flush after each write."""
    make_disk("disk.img")
    for cache in ("none", "directsync"):
        with linux(["-drive", "file=disk.img,if=none,format=raw,id=d0,aio=io_uring,discard=unmap,cache=" + cache,
                    "-device", "virtio-blk-device,drive=d0"], MODULES) as g:
            use_disk(g)
        check_image("disk.img")


test_ext4_by_io_uring.limit = 240


def test_read_only_disk():
    make_disk("disk.img")
    before = host_sum("disk.img")
    with linux(["-drive", "file=disk.img,if=none,format=raw,readonly=on,id=d0", "-device", "virtio-blk-device,drive=d0"],
               MODULES) as g:
        g.shell()
        if g.run("cat /sys/block/vda/ro").strip() != "1":
            g.fail("/sys/block/vda/ro is not 1")
        g.run("mount -t ext4 -o ro,noload /dev/vda /mnt && cat /mnt/data/hello")
        g.run("! dd if=/dev/zero of=/dev/vda bs=512 count=1")
        g.send("exit\n")
        g.wait_exit(0)
    if host_sum("disk.img") != before:
        raise Failed("a read-only image changed")


@alone
def test_a_disk_with_several_queues():
    make_disk("disk.img")
    thread = ",iothread=io" if is_tinamou() else ""
    with linux(["-drive", "file=disk.img,if=none,format=raw,id=d0", "-device",
                "virtio-blk-device,drive=d0,num-queues=2,logical_block_size=1024,physical_block_size=4096" + thread]
               + (["-object", "iothread,id=io"] if thread else []), MODULES, smp=2) as g:
        g.shell()
        if g.run("ls /sys/block/vda/mq").split() != ["0", "1"]:
            g.fail("the disk has not two queues")
        sizes = g.run("cd /sys/block/vda/queue; cat *cal_block_size; cd /").split()
        if sizes != ["1024", "4096"]:
            g.fail("block sizes are %r" % sizes)
        g.run("mount -t ext4 /dev/vda /mnt && for n in 1 2 3 4; do dd if=/mnt/data/busybox of=/mnt/c$n bs=16k 2>/dev/null & done; wait; sync")
        g.run("for n in 1 2 3 4; do cmp /mnt/c$n /mnt/data/busybox || exit 1; done; umount /mnt")
        g.send("exit\n")
        g.wait_exit(0)
    fsck("disk.img")


def test_two_disks_and_serial_numbers():
    for n, mib in ((0, 8), (1, 12)):
        with open("disk%d.img" % n, "wb") as f:
            f.truncate(mib << 20)
    with linux(["-drive", "file=disk0.img,if=none,format=raw,id=a", "-device", "virtio-blk-device,drive=a,serial=first",
                "-drive", "file=disk1.img,if=none,format=raw,id=b", "-device", "virtio-blk-device,drive=b,serial=second"],
               MODULES) as g:
        g.shell()
        sizes = {}
        for name in ("vda", "vdb"):
            sizes[g.run("cat /sys/block/%s/serial" % name).strip()] = int(g.run("cat /sys/block/%s/size" % name))
        if sizes != {"first": 8 << 11, "second": 12 << 11}:
            g.fail("disks in the guest: %r" % sizes)
        g.send("exit\n")
        g.wait_exit(0)


def test_odd_sized_image_and_flush():
    with open("disk.img", "wb") as f:
        f.write(b"x" * (1 << 20) + b"tail")
    with linux(["-drive", "file=disk.img,if=none,format=raw,id=a", "-device", "virtio-blk-device,drive=a"], MODULES) as g:
        g.shell()
        g.run("echo written | dd of=/dev/vda bs=512 seek=3 conv=sync,fsync 2>/dev/null")
        g.send("exit\n")
        g.wait_exit(0)
    with open("disk.img", "rb") as f:
        data = f.read()
    if not data[3 * 512:].startswith(b"written\n\0"):
        raise Failed("the guest's sector is not in the image")


def test_virtio_console():
    with linux(["-device", "virtio-serial-device", "-chardev", "file,id=c0,path=hvc.log", "-device", "virtconsole,chardev=c0"],
               MODULES) as g:
        g.shell()
        g.run("echo through the virtio console >/dev/hvc0")
        g.send("exit\n")
        g.wait_exit(0)
    with open("hvc.log") as f:
        if "through the virtio console" not in f.read():
            raise Failed("the text did not arrive in hvc.log")


def set_size(tty, rows, cols):
    fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def test_console_has_the_size_of_the_terminal():
    need_tinamou()
    ours, theirs = pty.openpty()
    set_size(theirs, 33, 101)
    args = arch_args() + ["-M", "virt", "-m", "512M", "-display", "none", "-serial", "null", "-monitor", "none", "-kernel",
                          debian() + "/kernel", "-initrd", debian() + "/initrd-small.cpio.gz", "-append", "console=hvc0 quiet",
                          "-device", "virtio-serial-pci", "-chardev", "stdio,id=c", "-device", "virtconsole,chardev=c"]
    with Guest(args, stdin=theirs, stdout=theirs) as g:
        g.process.stdin = g.process.stdout = os.fdopen(ours, "r+b", buffering=0)
        g.shell()
        for rows, cols in ((33, 101), (50, 132), (24, 80)):
            set_size(theirs, rows, cols)
            g.process.send_signal(signal.SIGWINCH)
            g.run("n=0; until [ \"$(stty size)\" = '%d %d' ]; do n=$((n+1)); [ $n -lt 20 ] || exit; sleep 1; done" % (rows, cols))
    os.close(theirs)


def test_virtio_serial_port():
    with linux(["-device", "virtio-serial-device", "-chardev", "file,id=p0,path=port.log", "-device",
                "virtserialport,chardev=p0,name=org.example.port"], MODULES) as g:
        g.shell()
        g.run("grep -q org.example.port /sys/class/virtio-ports/*/name")
        g.run("echo through the port >/dev/$(basename $(dirname $(grep -l org.example.port /sys/class/virtio-ports/*/name)))")
        g.send("exit\n")
        g.wait_exit(0)
    with open("port.log") as f:
        if f.read() != "through the port\n":
            raise Failed("the text did not arrive in port.log")


def use_rng(g):
    g.shell()
    if "virtio" not in g.run("cat /sys/class/misc/hw_random/rng_current"):
        g.fail("the kernel does not use the virtio device")
    a = g.run("dd if=/dev/hwrng bs=32 count=1 2>/dev/null | sha256sum")
    b = g.run("dd if=/dev/hwrng bs=32 count=1 2>/dev/null | sha256sum")
    if a == b:
        g.fail("the same 32 bytes twice")
    g.send("exit\n")
    g.wait_exit(0)


def test_virtio_rng():
    with linux(["-device", "virtio-rng-device"], MODULES) as g:
        use_rng(g)


def test_virtio_rng_from_a_file():
    with linux(["-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-device,rng=rng0"], MODULES) as g:
        use_rng(g)


def test_rtc_base():
    with linux(["-rtc", "base=2006-06-17T16:01:21"]) as g:
        g.shell()
        if "2006-06-17" not in g.run("cat /sys/class/rtc/rtc0/date"):
            g.fail("the clock chip does not start in 2006")
        g.send("exit\n")
        g.wait_exit(0)


def test_sockets_that_the_kernel_serves():
    """Without a listener in the guest, its kernel refuses what the host's kernel brings it: both queues have worked."""
    if not os.access("/dev/vhost-vsock", os.R_OK | os.W_OK):
        raise Skipped("this host has no /dev/vhost-vsock for us")
    cid = 0x10000 + os.getpid()
    initrd = with_modules(["vmw_vsock_virtio_transport"])
    with linux(["-device", "vhost-vsock-pci,guest-cid=%d" % cid], initrd=initrd) as g:
        g.shell()
        g.run("sh /extra/load", 60)
        for _ in range(3):
            with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
                s.settimeout(20)
                try:
                    s.connect((cid, 5000))
                except ConnectionResetError:
                    continue
                g.fail("nobody listens, and yet the guest answered otherwise")
