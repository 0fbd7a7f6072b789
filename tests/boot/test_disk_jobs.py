"""What is done to a disk while its guest writes to it: external snapshots, jobs, other media."""
import hashlib
import json
import os
import subprocess

from guest import Failed, linux, need_tinamou, need_tool
from test_monitor import Qmp, want

MIB = 1 << 20
WRITER = ("w() { i=0; while [ ! -e /tmp/stop ]; do dd if=/dev/urandom of=/dev/vda bs=64k count=3"
          " seek=$((i * 37 % 1000)) conv=notrunc,fsync 2>/dev/null; i=$((i+1)); echo $i >/tmp/count; done; }; { w & }")


def qemu_img(*args):
    r = subprocess.run([need_tool("qemu-img")] + list(args), capture_output=True, text=True)
    if r.returncode:
        raise Failed("qemu-img %s: %s%s" % (" ".join(args), r.stdout, r.stderr))
    return r.stdout


def start(more, name="disk.qcow2", device="virtio-blk-device"):
    """A guest with one disk of 64 MiB, /dev/vda, and a QMP client."""
    need_tinamou()
    args = ["-drive", "file=%s,if=none,id=d,format=qcow2" % name, "-device", device + ",drive=d"]
    return linux(args + ["-qmp", "unix:q,server=on,wait=off"] + list(more), initrd="initrd.cpio.gz")


def begin_writing(g):
    g.shell()
    g.run("[ -b /dev/vda ] && dd if=/dev/urandom of=/dev/vda bs=1M count=24 2>/dev/null", 120)
    g.run(WRITER)


def count(g):
    return int(g.run("cat /tmp/count 2>/dev/null || echo 0").split()[-1])


def has_gone_on(g, before):
    """The guest has written since it had made `before` turns."""
    g.run("n=0; until [ $(cat /tmp/count) -gt %d ]; do n=$((n+1)); [ $n -lt 60 ] || exit 1; sleep 1; done" % (before + 2), 120)


def stop_writing(g):
    """The checksum of the disk as the guest sees it."""
    g.run("touch /tmp/stop; wait; sync; echo 3 >/proc/sys/vm/drop_caches", 120)
    return g.run("sha256sum /dev/vda", 120).split()[0]


def finish(g):
    g.send("exit\n")
    g.wait_exit(0)


def check_contents(image, wanted):
    qemu_img("check", "-q", image)
    qemu_img("convert", "-O", "raw", image, "out.raw")
    with open("out.raw", "rb") as f:
        if hashlib.sha256(f.read()).hexdigest() != wanted:
            raise Failed("%s does not have what the guest wrote" % image)


def chain(image):
    return [os.path.basename(i["filename"]) for i in json.loads(qemu_img("info", "--backing-chain", "--output=json", image))]


def test_snapshots_while_the_guest_writes():
    qemu_img("create", "-q", "-f", "qcow2", "disk.qcow2", "64M")
    with start([]) as g:
        q = Qmp("q")
        begin_writing(g)
        for i, line in enumerate(["", "", "snapshot_blkdev d s2.qcow2"]):
            before = count(g)
            if line:
                want(q.hmp(line) == "", "snapshot_blkdev")
            else:
                q.ok("blockdev-snapshot-sync", device="d", snapshot_file="s%d.qcow2" % i, snapshot_node_name="s%d" % i)
            has_gone_on(g, before)
        qemu_img("create", "-q", "-f", "qcow2", "-b", "s2.qcow2", "-F", "qcow2", "s3.qcow2", "64M")
        q.ok("blockdev-add", driver="qcow2", node_name="s3", backing=None, file={"driver": "file", "filename": "s3.qcow2"})
        both = [{"type": "blockdev-snapshot", "data": {"node": "d", "overlay": "s3"}}]
        q.fails("transaction", actions=both + [{"type": "abort", "data": {}}])
        q.ok("transaction", actions=both)
        has_gone_on(g, count(g))
        wanted = stop_writing(g)
        node = q.ok("query-block")[0]["inserted"]
        want([node["node-name"], node["backing_file_depth"]] == ["s3", 4], "the top: %r" % node)
        qemu_img("convert", "-O", "raw", "disk.qcow2", "copy.raw") # the base of a running disk may be read
        for bad, word in (("s1.qcow2", "a file of this disk"), ("/nowhere/x", "/nowhere/x")):
            want(word in q.fails("blockdev-snapshot-sync", device="d", snapshot_file=bad), bad)
        want("qcow2" in q.fails("blockdev-snapshot-sync", device="d", snapshot_file="x", format="raw"), "raw")
        finish(g)
    if chain("s3.qcow2") != ["s3.qcow2", "s2.qcow2", "s1.qcow2", "s0.qcow2", "disk.qcow2"]:
        raise Failed("the chain is %r" % chain("s3.qcow2"))
    check_contents("s3.qcow2", wanted)


test_snapshots_while_the_guest_writes.limit = 400
