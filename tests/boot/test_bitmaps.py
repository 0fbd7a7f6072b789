"""Dirty bitmaps: our image tool and qemu-img read what the other wrote; the monitor's commands, backups, NBD."""
import json
import os
import shutil

from guest import Failed, Guest, arch_args, need_tool
from test_images import TOOL, need_both, pattern, run
from test_monitor import Qmp
from test_nbd import need_tools, refused, url


def listed(tool, path):
    """{name: (flags, granularity)} as `info` tells it."""
    data = json.loads(run(tool, "info", "--output=json", path))["format-specific"]["data"]
    return {b["name"]: (b["flags"], b["granularity"]) for b in data.get("bitmaps", [])}


def same(path, want):
    for tool in (TOOL, need_tool("qemu-img")):
        run(tool, "check", "-q", path)
        if listed(tool, path) != want:
            raise Failed("%s: %r, not %r" % (tool, listed(tool, path), want))


def test_both_tools_agree_on_bitmaps():
    qemu = need_both()
    for tool, other in ((TOOL, qemu), (qemu, TOOL)):
        run(tool, "create", "-f", "qcow2", "a.qcow2", "10M")
        run(tool, "bitmap", "--add", "-g", "4k", "a.qcow2", "one")
        run(other, "bitmap", "--add", "--disable", "a.qcow2", "two")
        same("a.qcow2", {"one": (["auto"], 4096), "two": ([], 65536)})
        pattern("a.raw", 10 << 20, 5)
        run(tool, "convert", "-n", "-f", "raw", "-O", "qcow2", "a.raw", "a.qcow2")
        run(other, "bitmap", "--merge", "one", "a.qcow2", "two")
        run(tool, "bitmap", "--enable", "a.qcow2", "two")
        run(other, "resize", "a.qcow2", "12M")
        run(tool, "convert", "--bitmaps", "-f", "qcow2", "-O", "qcow2", "a.qcow2", "b.qcow2")
        same("b.qcow2", {"one": (["auto"], 4096), "two": (["auto"], 65536)})
        run(other, "bitmap", "--remove", "b.qcow2", "one")
        run(tool, "bitmap", "--clear", "b.qcow2", "two")
        same("b.qcow2", {"two": (["auto"], 65536)})
    if run(TOOL, "info", "b.qcow2") != run(qemu, "info", "b.qcow2"):
        raise Failed("info differs: %s" % run(TOOL, "info", "b.qcow2"))
    run(TOOL, "bitmap", "--add", "-g", "1000", "b.qcow2", "x", status=1)
    run(TOOL, "bitmap", "b.qcow2", "x", status=1)
    run(TOOL, "bitmap", "--clear", "b.qcow2", "none", status=1)


def bitmaps(q):
    """{name: bitmap} of the disk."""
    return {b["name"]: b for b in q.ok("query-block")[0]["inserted"].get("dirty-bitmaps", [])}


def write(q, data):
    """Let a client write all of the disk."""
    q.ok("block-export-add", type="nbd", id="w", node_name="disk", name="w", writable=True)
    with open("new.raw", "wb") as f:
        f.write(data)
    run(TOOL, "convert", "-n", "-f", "raw", "-O", "raw", "new.raw", url("w"))
    q.ok("block-export-del", id="w", mode="hard")


def test_incremental_backups_by_the_monitor():
    need_tools()
    size = 4 << 20
    run(TOOL, "create", "-f", "qcow2", "disk.qcow2", str(size))
    for name in ("full.raw", "inc.raw"):
        with open(name, "wb") as f:
            f.truncate(size)
    args = ["-S", "-nographic", "-M", "virt", "-monitor", "none", "-serial", "null", "-qmp", "unix:q,server=on,wait=off",
            "-blockdev", "driver=qcow2,node-name=disk,file.driver=file,file.filename=disk.qcow2"]
    with Guest(arch_args("riscv64") + args) as g:
        q = Qmp("q")
        q.ok("nbd-server-start", addr={"type": "unix", "data": {"path": os.path.abspath("nbd.sock")}})
        write(q, b"1" * size)
        q.ok("transaction", actions=[
            {"type": "block-dirty-bitmap-add", "data": {"node": "disk", "name": "b", "persistent": True}},
            {"type": "drive-backup", "data": {"device": "disk", "job-id": "full", "target": "full.raw", "format": "raw",
                                              "sync": "full", "mode": "existing"}}])
        q.event("BLOCK_JOB_COMPLETED")
        refused(q, "transaction", "no dirty bitmap 'c'", actions=[
            {"type": "block-dirty-bitmap-add", "data": {"node": "disk", "name": "undone"}},
            {"type": "block-dirty-bitmap-clear", "data": {"node": "disk", "name": "c"}}])
        write(q, b"1" * (1 << 20) + b"2" * (3 << 20))
        if set(bitmaps(q)) != {"b"} or not bitmaps(q)["b"]["persistent"]:
            raise Failed("bitmaps: %r" % bitmaps(q))
        refused(q, "drive-backup", "wants bitmap=NAME", device="disk", job_id="i", target="inc.raw", sync="incremental")
        q.ok("block-export-add", type="nbd", id="e", node_name="disk", name="e", bitmaps=["b"])
        refused(q, "block-dirty-bitmap-clear", "in use", node="disk", name="b")
        if "qemu:dirty-bitmap:b" not in run(os.path.join(os.path.dirname(TOOL), "tinamou-nbd"), "-L", "-k", "nbd.sock"):
            raise Failed("the bitmap is not among the export's contexts")
        nbdinfo = shutil.which("nbdinfo")
        if nbdinfo and "dirty" not in run(nbdinfo, "--map=qemu:dirty-bitmap:b", url("e")):
            raise Failed("nbdinfo sees nothing dirty")
        q.ok("block-export-del", id="e", mode="hard")
        q.ok("drive-backup", device="disk", job_id="i", target="inc.raw", format="raw", sync="incremental", bitmap="b",
             mode="existing")
        q.event("BLOCK_JOB_COMPLETED")
        if bitmaps(q)["b"]["count"]:
            raise Failed("after the backup the bitmap is not empty")
        q.ok("quit")
        g.wait_exit(0)
    with open("inc.raw", "rb") as f, open("full.raw", "rb") as full:
        if f.read()[1 << 20:] != b"2" * (3 << 20) or full.read() != b"1" * size:
            raise Failed("the backups do not have what the disk had")
    if listed(TOOL, "disk.qcow2") != {"b": (["auto"], 65536)}:
        raise Failed("the image has %r" % listed(TOOL, "disk.qcow2"))
    run(TOOL, "check", "-q", "disk.qcow2")
