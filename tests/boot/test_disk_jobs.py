"""What is done to a disk while its guest writes to it: external snapshots, jobs, other media."""
import hashlib
import json
import os
import subprocess

from guest import Failed, linux, need_tinamou, need_tool
from modules import with_modules
from test_monitor import Qmp, want

MIB = 1 << 20
WRITER = ("w() { i=0; while [ ! -e /tmp/stop ]; do dd if=/dev/urandom of=/dev/vda bs=64k count=3"
          " seek=$((i * 37 % 1000)) conv=notrunc,fsync 2>/dev/null; i=$((i+1)); echo $i >/tmp/c; mv /tmp/c /tmp/count; done; }; { w & }")


def qemu_img(*args):
    r = subprocess.run([need_tool("qemu-img")] + list(args), capture_output=True, text=True)
    if r.returncode:
        raise Failed("qemu-img %s: %s%s" % (" ".join(args), r.stdout, r.stderr))
    return r.stdout


def host_sum(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def start(more, name="disk.qcow2", device="virtio-blk-device", snapshot=False):
    """A guest with one disk of 64 MiB, /dev/vda, and a QMP client."""
    need_tinamou()
    args = ["-drive", "file=%s,if=none,id=d,format=qcow2,snapshot=%s" % (name, "on" if snapshot else "off"),
            "-device", device + ",drive=d"]
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


def ends(q, error=None):
    """Wait for the end of the one job."""
    end = q.event("BLOCK_JOB_COMPLETED")
    want((error is None) == ("error" not in end) and (error or "") in end.get("error", ""), "the job's end: %r" % end)
    want(q.ok("query-block-jobs") == [], "the job is still there")


def test_commits_and_streams_while_the_guest_writes():
    qemu_img("create", "-q", "-f", "qcow2", "disk.qcow2", "64M")
    with start([]) as g:
        q = Qmp("q")
        begin_writing(g)
        for i in range(3):
            q.ok("blockdev-snapshot-sync", device="d", snapshot_file="s%d.qcow2" % i)
            has_gone_on(g, count(g))
        want("not below" in q.fails("block-commit", device="d", top="s0.qcow2", base="s1.qcow2"), "a base above")
        q.ok("block-commit", device="d", top="s1.qcow2", base="s0.qcow2", job_id="mid")
        ends(q)
        want(q.ok("query-block")[0]["inserted"]["backing_file"] == "s0.qcow2", "s1 is gone")
        has_gone_on(g, count(g))
        q.ok("block-commit", device="d", job_id="active")
        q.event("BLOCK_JOB_READY")
        want("in use by block job" in q.fails("blockdev-snapshot-sync", device="d", snapshot_file="x.qcow2"), "a busy disk")
        has_gone_on(g, count(g))
        q.ok("block-job-complete", device="active")
        ends(q)
        want(q.ok("query-block")[0]["inserted"]["file"] == "disk.qcow2", "back on the first image")
        has_gone_on(g, count(g))
        q.ok("blockdev-snapshot-sync", device="d", snapshot_file="s3.qcow2")
        q.ok("block-stream", device="d")
        ends(q)
        has_gone_on(g, count(g))
        wanted = stop_writing(g)
        finish(g)
    if chain("s3.qcow2") != ["s3.qcow2"]:
        raise Failed("the chain is %r" % chain("s3.qcow2"))
    check_contents("s3.qcow2", wanted)
    for old in ("disk.qcow2", "s0.qcow2"):
        qemu_img("check", "-q", old)


test_commits_and_streams_while_the_guest_writes.limit = 400


def test_changes_since_snapshot_on_are_committed():
    """With snapshot=on the image changes when it is told to, at once or by a job, and only then."""
    qemu_img("create", "-q", "-f", "qcow2", "disk.qcow2", "64M")
    qemu_img("create", "-q", "-f", "raw", "other.raw", "1M")
    with start(["-drive", "file=other.raw,if=none,id=o,format=raw"], snapshot=True) as g:
        q = Qmp("q")
        empty = host_sum("disk.qcow2")
        begin_writing(g)
        has_gone_on(g, count(g))
        want(host_sum("disk.qcow2") == empty, "snapshot=on writes to the image")
        for name in ("d", "all"):
            want(q.hmp("commit " + name) == "", "commit " + name)
            has_gone_on(g, count(g))
        for bad, words in (("o", "neither snapshot=on nor a backing file"), ("dd", "dd"), ("disk.qcow2", "disk.qcow2")):
            want(words in q.hmp("commit " + bad), "commit " + bad)
        first = stop_writing(g)
        want(q.hmp("commit all") == "", "the last changes")
        qemu_img("convert", "-U", "-O", "raw", "disk.qcow2", "out.raw")
        want(host_sum("out.raw") == first, "the image lacks what was committed")
        g.run("rm /tmp/stop; " + WRITER)
        q.ok("block-commit", device="d", job_id="active")
        q.event("BLOCK_JOB_READY")
        want("in use by block job" in q.hmp("commit d"), "a busy disk")
        has_gone_on(g, count(g))
        q.ok("block-job-cancel", device="active")
        q.event("BLOCK_JOB_COMPLETED")
        has_gone_on(g, count(g))
        q.ok("block-commit", device="d", job_id="active")
        q.event("BLOCK_JOB_READY")
        has_gone_on(g, count(g))
        q.ok("block-job-complete", device="active")
        ends(q)
        want(q.ok("query-block")[0]["inserted"]["drv"] == "qcow2", "the guest writes to the image itself")
        has_gone_on(g, count(g))
        wanted = stop_writing(g)
        finish(g)
    check_contents("disk.qcow2", wanted)


test_changes_since_snapshot_on_are_committed.limit = 400


def test_commit_of_a_backing_chain_at_once():
    qemu_img("create", "-q", "-f", "qcow2", "base.qcow2", "64M")
    qemu_img("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "disk.qcow2", "64M")
    with start([]) as g:
        q = Qmp("q")
        begin_writing(g)
        has_gone_on(g, count(g))
        want(q.hmp("commit d") == "", "commit d")
        has_gone_on(g, count(g))
        wanted = stop_writing(g)
        want(q.hmp("commit d") == "", "commit d again")
        finish(g)
    want(not any(e["depth"] == 0 and e["present"] for e in json.loads(qemu_img("map", "--output=json", "disk.qcow2"))), "the top is empty")
    check_contents("disk.qcow2", wanted)
    check_contents("base.qcow2", wanted)


test_commit_of_a_backing_chain_at_once.limit = 300


def test_commit_makes_no_image_of_a_disk_whose_format_was_guessed():
    qemu_img("create", "-q", "-f", "raw", "disk.raw", "1M")
    qemu_img("create", "-q", "-f", "qcow2", "head.qcow2", "1M")
    with open("head.qcow2", "rb") as f:
        header = f.read(512).hex()
    args = ["-drive", "file=disk.raw,if=none,id=d,snapshot=on", "-device", "virtio-blk-device,drive=d", "-qmp", "unix:q,server=on,wait=off"]
    with linux(args, initrd="initrd.cpio.gz") as g:
        q = Qmp("q")
        g.shell()
        text = "".join("\\x" + header[i:i + 2] for i in range(0, 256, 2))
        g.run("printf '%s' >/tmp/head; dd if=/tmp/head of=/dev/vda conv=notrunc,fsync 2>/dev/null; sync" % text)
        answer = q.hmp("commit d")
        want("not permitted" in answer, "a guest makes the host open files: %r" % answer)
        finish(g)
    with open("disk.raw", "rb") as f:
        want(f.read(4) == bytes(4), "the image is untouched")


def test_mirror_while_the_guest_writes():
    qemu_img("create", "-q", "-f", "qcow2", "disk.qcow2", "64M")
    with start([]) as g:
        q = Qmp("q")
        begin_writing(g)
        q.ok("drive-mirror", device="d", target="m.qcow2", sync="full", format="qcow2", speed=1000000, job_id="m")
        has_gone_on(g, count(g))
        q.ok("job-pause", id="m")
        want(q.event("JOB_STATUS_CHANGE")["status"] == "created", "the first status")
        want("cannot be completed" in q.fails("job-complete", id="m"), "not ready yet")
        q.ok("job-resume", id="m")
        q.ok("block-job-set-speed", device="m", speed=0)
        q.event("BLOCK_JOB_READY")
        has_gone_on(g, count(g))
        q.ok("job-complete", id="m")
        ends(q)
        want(q.ok("query-block")[0]["inserted"]["file"] == "m.qcow2", "the disk is the copy")
        has_gone_on(g, count(g))
        q.ok("blockdev-snapshot-sync", device="d", snapshot_file="top.qcow2")
        has_gone_on(g, count(g))
        q.ok("drive-mirror", device="d", target="t.qcow2", sync="top", job_id="t")
        q.event("BLOCK_JOB_READY")
        wanted = stop_writing(g)
        q.ok("block-job-cancel", device="t") # leaves a copy of now
        ends(q)
        finish(g)
    for image in ("top.qcow2", "t.qcow2"):
        if chain(image) != [image, "m.qcow2"]:
            raise Failed("the chain is %r" % chain(image))
        check_contents(image, wanted)
    qemu_img("check", "-q", "disk.qcow2")


test_mirror_while_the_guest_writes.limit = 400


def test_backup_has_the_disk_as_it_was():
    qemu_img("create", "-q", "-f", "qcow2", "disk.qcow2", "64M")
    with start([]) as g:
        q = Qmp("q")
        begin_writing(g)
        before = stop_writing(g)
        q.ok("drive-backup", device="d", target="b.qcow2", sync="full", speed=2000000, job_id="b", compress=True)
        g.run("rm /tmp/stop")
        g.run(WRITER)
        has_gone_on(g, count(g))
        want(q.ok("query-block-jobs")[0]["status"] == "running", "the guest writes while it is copied")
        q.ok("block-job-set-speed", device="b", speed=0)
        ends(q)
        backup = {"type": "drive-backup", "data": {"device": "d", "target": "n.qcow2", "sync": "full", "job-id": "n"}}
        want("abort" in q.fails("transaction", actions=[backup, {"type": "abort", "data": {}}]), "a transaction")
        want(q.event("BLOCK_JOB_CANCELLED")["device"] == "n", "which job")
        top = {"type": "blockdev-snapshot-sync", "data": {"device": "d", "snapshot-file": "x.qcow2"}}
        want("twice" in q.fails("transaction", actions=[top, backup]), "one disk for two actions")
        q.event("BLOCK_JOB_CANCELLED")
        q.ok("transaction", actions=[backup])
        ends(q)
        qemu_img("check", "-q", "n.qcow2")
        wanted = stop_writing(g)
        finish(g)
    check_contents("b.qcow2", before)
    check_contents("disk.qcow2", wanted)


test_backup_has_the_disk_as_it_was.limit = 400


def test_a_mirror_whose_target_fails_leaves_the_disk_alone():
    nbd = need_tool("qemu-nbd")
    qemu_img("create", "-q", "-f", "qcow2", "disk.qcow2", "64M")
    qemu_img("create", "-q", "-f", "raw", "t.raw", "64M")
    server = subprocess.Popen([nbd, "-f", "raw", "-k", os.path.abspath("n"), "-t", "t.raw"])
    try:
        with start([]) as g:
            q = Qmp("q")
            begin_writing(g)
            q.ok("blockdev-add", driver="raw", node_name="t", file={"driver": "nbd", "server.type": "unix", "server.path": os.path.abspath("n")})
            q.ok("blockdev-mirror", device="d", target="t", sync="full", job_id="m", speed=1000000)
            has_gone_on(g, count(g))
            server.kill()
            server.wait()
            ends(q, "")
            want(q.event("JOB_STATUS_CHANGE")["id"] == "m", "which job")
            has_gone_on(g, count(g))
            q.ok("blockdev-del", node_name="t")
            wanted = stop_writing(g)
            finish(g)
    finally:
        server.kill()
        server.wait()
    check_contents("disk.qcow2", wanted)


test_a_mirror_whose_target_fails_leaves_the_disk_alone.limit = 400


def await_size(g, disk, sectors):
    g.run("n=0; until [ $(cat /sys/block/%s/size) = %d ]; do n=$((n+1)); [ $n -lt 30 ] || exit 1; sleep 1; done"
          % (disk, sectors))


def test_disks_grow_under_the_guest():
    need_tinamou()
    for name in ("v", "s"):
        qemu_img("create", "-q", "-f", "qcow2", name + ".qcow2", "16M")
    args = ["-qmp", "unix:q,server=on,wait=off", "-device", "virtio-scsi-device"]
    for name, device in (("v", "virtio-blk-device"), ("s", "scsi-hd")):
        args += ["-drive", "file=%s.qcow2,if=none,id=%s" % (name, name), "-device", device + ",drive=" + name]
    with linux(args, with_modules(["virtio_blk", "virtio_scsi", "sd_mod"])) as g:
        q = Qmp("q")
        load(g, "/dev/vda", "/dev/sda")
        for disk, name in (("vda", "v"), ("sda", "s")):
            want("multiple" in q.fails("block_resize", device=name, size=1000), "an odd size")
            q.ok("block_resize", device=name, size=24 * MIB)
            await_size(g, disk, 24 * 2048)
            g.run("echo end | dd of=/dev/%s bs=512 seek=49151 conv=fsync 2>/dev/null" % disk)
        finish(g)
    for name in ("v", "s"):
        qemu_img("check", "-q", name + ".qcow2")


def load(g, *devices):
    """Load the drivers and wait for what they drive."""
    g.shell()
    g.run("sh /extra/load")
    for d in devices:
        g.run("n=0; until [ -b %s ]; do n=$((n+1)); [ $n -lt 30 ] || exit 1; sleep 1; done" % d)


def test_discs_are_changed():
    """What a guest finds in its drive after eject, change, and a walk through each step of it."""
    need_tinamou()
    for name, mib in (("one", 4), ("two", 6), ("three", 8)):
        with open(name + ".iso", "wb") as f:
            f.write(name.encode().ljust(2048, b"\0") + bytes((mib << 20) - 2048))
    args = ["-qmp", "unix:q,server=on,wait=off", "-device", "virtio-scsi-device", "-drive",
            "file=one.iso,if=none,format=raw,id=cd,media=cdrom", "-device", "scsi-cd,drive=cd,id=dev",
            "-drive", "if=none,id=empty,media=cdrom", "-device", "scsi-cd,drive=empty"]
    found = "head -c5 /dev/sr0 2>/dev/null | tr -d '\\0'; echo"
    with linux(args, with_modules(["virtio_scsi", "sr_mod"])) as g:
        q = Qmp("q")
        load(g, "/dev/sr0")
        want("one" in g.run(found), "the first disc")
        g.run("exec 5</dev/sr0") # Linux locks the tray of what is open
        want("locked" in q.fails("eject", device="cd"), "a locked tray")
        q.ok("blockdev-open-tray", id="dev")
        q.ok("eject", device="cd", force=True)
        want(q.event("DEVICE_TRAY_MOVED") == {"device": "cd", "id": "dev", "tray-open": True}, "the event")
        g.run("exec 5<&-")
        want(all("inserted" not in b for b in q.ok("query-block")), "empty drives")
        g.run("! dd if=/dev/sr0 bs=2048 count=1 of=/dev/null 2>/dev/null")
        q.ok("blockdev-change-medium", id="dev", filename="two.iso", format="raw")
        want("two" in g.run(found) and g.run("cat /sys/block/sr0/size").split()[0] == "12288", "the second disc")
        want("could not open" in q.fails("blockdev-change-medium", id="dev", filename="none.iso"), "no such file")
        want("two" in g.run(found), "the second disc, still")
        for command, more in (("open-tray", {}), ("remove-medium", {}), ("insert-medium", {"node_name": "n3"}), ("close-tray", {})):
            if more:
                q.ok("blockdev-add", driver="raw", node_name="n3", read_only=True, file={"driver": "file", "filename": "three.iso"})
            q.ok("blockdev-" + command, id="dev", **more)
        want("three" in g.run(found), "the third disc")
        want("in use" in q.fails("blockdev-del", node_name="n3"), "blockdev-del of what is used")
        want(q.hmp("change cd one.iso raw") == "", "change")
        want("one" in g.run(found), "the first disc again")
        q.ok("blockdev-del", node_name="n3")
        want(q.hmp("eject cd") == "" and "[not inserted]" in q.hmp("info block"), "eject")
        q.hmp("eject empty")
        want(q.hmp("change empty three.iso raw") == "", "change of a drive that began empty")
        want("three" in g.run("head -c5 /dev/sr1 2>/dev/null"), "its disc")
        want("not removable" in q.hmp("eject nope") or "not found" in q.hmp("eject nope"), "no such drive")
        finish(g)
