"""Disk images: the image tool against qemu-img, each reading what the other wrote; guests on images of each kind."""
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import time

from guest import EMULATOR, Failed, Skipped, await_listener, linux, need_tinamou, need_tool

TOOL = os.path.join(os.path.dirname(EMULATOR), "tools", "tinamou-img")
KINDS = ["", "compat=v2", "cluster_size=512", "cluster_size=2M", "cluster_size=4k,refcount_bits=1", "refcount_bits=64",
         "compression_type=zstd", "extended_l2=on", "extended_l2=on,cluster_size=16k", "lazy_refcounts=on",
         "preallocation=metadata", "preallocation=falloc,cluster_size=32k", "preallocation=full",
         "data_file=data.raw,data_file_raw=on"]


def need_both():
    need_tinamou()
    if not os.path.exists(TOOL):
        raise Skipped("tinamou-img was not built beside the emulator")
    return need_tool("qemu-img")


def run(tool, *args, status=0):
    """Run an image tool; its output, or Failed when the exit status is another."""
    r = subprocess.run([tool] + list(args), capture_output=True, text=True, timeout=60)
    if r.returncode != status:
        raise Failed("%s %s: status %d, not %d: %s %s" % (tool, " ".join(args), r.returncode, status, r.stdout, r.stderr))
    return r.stdout


def both(*args, **kw):
    return run(TOOL, *args, **kw), run(need_tool("qemu-img"), *args, **kw)


def pattern(path, size, seed, holes=True):
    """A raw file of random runs: text that packs well, noise, zeros, holes."""
    rng = random.Random(seed)
    with open(path, "wb") as f:
        f.truncate(size)
        at = 0
        while at < size:
            n = min(rng.choice([512, 4096, 30000, 65536, 200000, 700000]) // 512 * 512, size - at)
            kind = rng.randrange(4)
            f.seek(at)
            if kind == 0:
                f.write(rng.randbytes(n))
            elif kind == 1:
                f.write((b"%d " % rng.randrange(1000) * n)[:n])
            elif kind == 2 and not holes:
                f.write(bytes(n))
            at += n
    return path


def clean():
    for name in os.listdir("."):
        os.unlink(name)


def test_each_tool_reads_what_the_other_converts():
    qemu = need_both()
    for i, kind in enumerate(KINDS):
        clean()
        pattern("src.raw", 5 << 20, i)
        for writer in (TOOL, qemu):
            for packed in ([], ["-c"]):
                if packed and ("data_file" in kind or "preallocation" in kind):
                    continue
                options = ["-o", kind] if kind else []
                run(writer, "convert", "-f", "raw", "-O", "qcow2", *packed, *options, "src.raw", "a.qcow2")
                for reader in (TOOL, qemu):
                    run(reader, "check", "-q", "a.qcow2")
                    run(reader, "compare", "-q", "src.raw", "a.qcow2", "-f", "raw", "-F", "qcow2")
                    run(reader, "convert", "-f", "qcow2", "-O", "raw", "a.qcow2", "back.raw")
                    run(qemu, "compare", "-q", "-f", "raw", "-F", "raw", "src.raw", "back.raw")


def canonical(text):
    """A map without places of what holds no data (they may be told or not), and so with fewer pieces."""
    v = json.loads(text)
    if not isinstance(v, list) or not v or "start" not in v[0]:
        return v
    out = []
    for e in v:
        if not e["data"] and not e["present"]:
            e.pop("offset", None)
        last = out[-1] if out else {}
        alike = {k: e[k] for k in e if k not in ("start", "length")} == {k: last[k] for k in last if k not in ("start", "length")}
        if alike and "offset" not in e:
            last["length"] += e["length"]
        else:
            out.append(e)
    return out


def same(what, ours, theirs):
    if ours != theirs:
        raise Failed("%s differs:\n%s\n%s" % (what, ours, theirs))


def test_info_and_map_say_the_same():
    qemu = need_both()
    for i, kind in enumerate(KINDS):
        clean()
        pattern("src.raw", 3 << 20, 100 + i)
        options = ["-o", kind] if kind else []
        run(qemu, "convert", "-f", "raw", "-O", "qcow2", *options, "src.raw", "a.qcow2")
        if "preallocation=" in kind: # the other tool looks for holes in the file where metadata was preallocated
            continue
        for args in (["info", "a.qcow2"], ["map", "a.qcow2"], ["check", "a.qcow2"]):
            same("%s of %s" % (args, kind), *both(*args))
        for args in (["info", "--output=json", "a.qcow2"], ["map", "--output=json", "a.qcow2"],
                     ["check", "--output=json", "a.qcow2"]):
            ours, theirs = both(*args)
            same("%s of %s" % (args, kind), canonical(ours), canonical(theirs))
    run(qemu, "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "b.qcow2")
    run(qemu, "snapshot", "-c", "first", "b.qcow2")
    for args in (["info", "--backing-chain", "b.qcow2"], ["info", "b.qcow2"], ["snapshot", "-l", "b.qcow2"]):
        same(str(args), *both(*args))
    ours, theirs = both("info", "--backing-chain", "--output=json", "b.qcow2")
    same("info of a chain", canonical(ours), canonical(theirs))


def test_snapshots_cross_over():
    qemu = need_both()
    for kind in ("", "compat=v2", "cluster_size=4k", "extended_l2=on"):
        for maker, user in ((TOOL, qemu), (qemu, TOOL)):
            clean()
            options = ["-o", kind] if kind else []
            pattern("one.raw", 3 << 20, 1)
            pattern("two.raw", 3 << 20, 2, holes=False)
            run(maker, "convert", "-f", "raw", "-O", "qcow2", *options, "one.raw", "a.qcow2")
            run(maker, "snapshot", "-c", "one", "a.qcow2")
            run(qemu, "convert", "-n", "-f", "raw", "-O", "qcow2", "two.raw", "a.qcow2")
            run(maker, "snapshot", "-c", "two", "a.qcow2")
            for snap, raw in (("one", "one.raw"), ("two", "two.raw")):
                run(user, "convert", "-l", snap, "-O", "raw", "a.qcow2", "snap.raw")
                run(qemu, "compare", "-q", "snap.raw", raw)
                run(user, "snapshot", "-a", snap, "a.qcow2")
                for tool in (TOOL, qemu):
                    run(tool, "check", "-q", "a.qcow2")
                    run(tool, "compare", "-q", "a.qcow2", raw)
            run(user, "snapshot", "-d", "one", "a.qcow2")
            run(user, "snapshot", "-d", "two", "a.qcow2")
            run(qemu, "check", "-q", "a.qcow2")
            run(qemu, "compare", "-q", "a.qcow2", "two.raw")


def make_chain(qemu):
    clean()
    pattern("base.raw", 4 << 20, 5)
    pattern("other.raw", 4 << 20, 6)
    run(qemu, "convert", "-O", "qcow2", "base.raw", "base.qcow2")
    run(qemu, "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "mid.qcow2")
    run(qemu, "create", "-q", "-f", "qcow2", "-b", "mid.qcow2", "-F", "qcow2", "top.qcow2")
    for name, seed in (("mid", 7), ("top", 8)):
        rng = random.Random(seed)
        for i in range(20):
            off, n = rng.randrange(4 << 20) // 512 * 512, rng.choice([512, 5120, 70000 // 512 * 512])
            n = min(n, (4 << 20) - off)
            run(need_tool("qemu-io"), "-c", "write -P %d %d %d" % (i + seed, off, n), name + ".qcow2")
    run(qemu, "convert", "-O", "raw", "top.qcow2", "want.raw")
    run(qemu, "convert", "-O", "raw", "mid.qcow2", "mid.raw")


def holds(qemu, image, raw="want.raw"):
    for tool in (TOOL, qemu):
        run(tool, "compare", "-q", image, raw)
    if image.endswith("qcow2"):
        run(qemu, "check", "-q", image)


def test_rebase_and_commit_keep_the_contents():
    qemu = need_both()
    need_tool("qemu-io")
    make_chain(qemu)
    holds(qemu, "top.qcow2")
    ours, theirs = both("map", "--output=json", "top.qcow2")
    same("map of a chain", canonical(ours), canonical(theirs))
    run(TOOL, "rebase", "-b", "base.qcow2", "-F", "qcow2", "top.qcow2")
    holds(qemu, "top.qcow2")
    run(TOOL, "rebase", "-b", "", "top.qcow2")
    holds(qemu, "top.qcow2")
    run(TOOL, "rebase", "-b", "other.raw", "-F", "raw", "top.qcow2")
    holds(qemu, "top.qcow2")
    make_chain(qemu)
    shutil.copy("base.qcow2", "moved.qcow2")
    run(TOOL, "rebase", "-u", "-b", "moved.qcow2", "-F", "qcow2", "mid.qcow2")
    holds(qemu, "top.qcow2")
    run(TOOL, "commit", "-q", "top.qcow2")
    holds(qemu, "mid.qcow2")
    holds(qemu, "top.qcow2")
    make_chain(qemu)
    run(TOOL, "commit", "-q", "-b", "base.qcow2", "top.qcow2")
    holds(qemu, "base.qcow2")
    make_chain(qemu)
    run(TOOL, "convert", "-O", "qcow2", "-B", "mid.qcow2", "-F", "qcow2", "top.qcow2", "copy.qcow2")
    holds(qemu, "copy.qcow2")
    run(TOOL, "convert", "-O", "raw", "top.qcow2", "mid.qcow2", "both.raw")
    if os.path.getsize("both.raw") != 8 << 20:
        raise Failed("two sources joined have %d bytes" % os.path.getsize("both.raw"))


def test_resize_dd_measure():
    qemu = need_both()
    clean()
    pattern("a.raw", 2 << 20, 9)
    run(TOOL, "convert", "-O", "qcow2", "a.raw", "a.qcow2")
    run(TOOL, "resize", "-q", "a.qcow2", "+3M")
    run(qemu, "resize", "-q", "-f", "raw", "a.raw", "5M")
    holds(qemu, "a.qcow2", "a.raw")
    run(TOOL, "resize", "-q", "a.qcow2", "1M", status=1)
    run(TOOL, "resize", "-q", "--shrink", "a.qcow2", "-4M")
    run(TOOL, "resize", "-q", "--shrink", "-f", "raw", "a.raw", "1M")
    holds(qemu, "a.qcow2", "a.raw")
    for way in ("metadata", "falloc", "full"):
        run(TOOL, "resize", "-q", "--preallocation=" + way, "a.qcow2", "+1M")
        run(qemu, "check", "-q", "a.qcow2")
    run(TOOL, "dd", "bs=64k", "count=3", "skip=2", "if=a.raw", "of=d.raw")
    with open("a.raw", "rb") as a, open("d.raw", "rb") as d:
        if a.read()[128 << 10:320 << 10] != d.read():
            raise Failed("dd copied something else")
    same("measure", *both("measure", "-O", "qcow2", "-f", "raw", "a.raw"))
    same("measure", *both("measure", "-O", "qcow2", "--size", "100G", "-o", "cluster_size=4k"))


def test_a_disk_over_the_network_is_read_and_written():
    qemu = need_both()
    server = need_tool("qemu-nbd")
    clean()
    pattern("a.raw", 3 << 20, 3)
    pattern("b.raw", 3 << 20, 4, holes=False)
    run(qemu, "create", "-q", "-f", "qcow2", "n.qcow2", "3M")
    p = subprocess.Popen([server, "-t", "-e", "4", "-f", "qcow2", "-k", os.path.abspath("sock"), "n.qcow2"])
    try:
        await_listener("sock", p)
        uri = "nbd+unix:///?socket=" + os.path.abspath("sock")
        for raw in ("a.raw", "b.raw"):
            run(TOOL, "convert", "-n", "-f", "raw", "-O", "raw", raw, uri)
            run(TOOL, "compare", "-q", "-f", "raw", "-F", "raw", raw, "nbd:unix:" + os.path.abspath("sock"))
        run(TOOL, "info", "--image-opts", "driver=raw,file.driver=nbd,file.server.path=" + os.path.abspath("sock"))
    finally:
        p.terminate()
        p.wait()
    holds(qemu, "n.qcow2", "b.raw")


def digest(text):
    return re.search(r"\b[0-9a-f]{32}\b", text).group(0)


def test_a_guest_writes_to_images_and_they_stay_whole():
    """ext4 on qcow2 and on an overlay of it, by virtio-blk; what was synced is there after the emulator is killed."""
    qemu = need_both()
    clean()
    run(TOOL, "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", "disk.qcow2", "64M")
    drive = ["-drive", "file=%s,if=none,id=d,discard=unmap", "-device", "virtio-blk-device,drive=d"]
    mount = "mkdir -p /mnt; modprobe ext4; mount -t ext4 /dev/vda /mnt && "
    with linux([x.replace("%s", "disk.qcow2") for x in drive], initrd="initrd.cpio.gz") as g:
        g.shell()
        g.run("mke2fs -q /dev/vda && " + mount + "dd if=/dev/urandom of=/mnt/x bs=64k count=200 && umount /mnt && "
              "dd if=/dev/vda of=/dev/vda bs=1k count=1 conv=notrunc,fsync", timeout=120) # a flush after all that
        want = digest(g.run(mount + "md5sum /mnt/x"))
        g.send("dd if=/dev/zero of=/mnt/y bs=64k count=300\n")
        time.sleep(0.3)
        g.process.kill()
        g.process.wait()
    r = subprocess.run([qemu, "check", "-q", "disk.qcow2"], capture_output=True, text=True)
    if r.returncode not in (0, 3): # 3: clusters that are counted and not used
        raise Failed("qemu-img check: %s" % r.stdout)
    run(TOOL, "create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", "top.qcow2")
    with linux([x.replace("%s", "top.qcow2") for x in drive], initrd="initrd.cpio.gz") as g:
        g.shell()
        got = digest(g.run(mount + "md5sum /mnt/x && echo hello >/mnt/z && umount /mnt && sync", timeout=120))
        g.send("exit\n")
        g.wait_exit()
    if got != want:
        raise Failed("the guest's file is %s, not %s" % (got, want))
    run(qemu, "check", "-q", "top.qcow2")


test_a_guest_writes_to_images_and_they_stay_whole.limit = 400


def test_a_guest_fills_overlays_by_reading():
    """copy-on-read as a drive's option and as a node: afterwards the overlays do without their backing files."""
    qemu = need_both()
    clean()
    for name, seed in (("a", 1), ("b", 2)):
        pattern(name + ".raw", 9 << 20, seed)
        run(TOOL, "create", "-q", "-f", "qcow2", "-b", name + ".raw", "-F", "raw", name + ".qcow2")
    want = {hashlib.md5(open(name + ".raw", "rb").read()).hexdigest() for name in "ab"}
    with linux(["-drive", "file=a.qcow2,if=virtio,format=qcow2,copy-on-read=on",
                "-blockdev", "driver=qcow2,node-name=n,file.driver=file,file.filename=b.qcow2",
                "-blockdev", "driver=copy-on-read,node-name=c,file=n", "-device", "virtio-blk-device,drive=c"], initrd="initrd.cpio.gz") as g:
        g.shell()
        if {digest(g.run("md5sum /dev/vd%s" % d, timeout=60)) for d in "ab"} != want:
            g.fail("the guest reads other bytes")
        g.send("exit\n")
        g.wait_exit(0)
    for name in "ab":
        run(qemu, "check", "-q", name + ".qcow2")
        run(qemu, "rebase", "-u", "-b", "", name + ".qcow2")
        run(qemu, "compare", "-q", "-f", "qcow2", "-F", "raw", name + ".qcow2", name + ".raw")


def test_images_of_other_programs_are_read():
    qemu = need_both()
    clean()
    pattern("a.raw", 9 << 20, 11)
    kinds = [("vdi", ""), ("vdi", "static=on"), ("vhdx", ""), ("vhdx", "subformat=fixed"), ("vpc", ""),
             ("vpc", "subformat=fixed"), ("vmdk", ""), ("vmdk", "subformat=monolithicFlat"),
             ("vmdk", "subformat=twoGbMaxExtentSparse"), ("vmdk", "subformat=streamOptimized")]
    for fmt, options in kinds:
        name = "x." + fmt
        run(qemu, "convert", "-f", "raw", "-O", fmt, *(["-o", options] if options else []), "a.raw", name)
        run(qemu, "convert", "-f", fmt, "-O", "raw", name, "want.raw")
        run(TOOL, "compare", "-q", "-f", fmt, "-F", "raw", name, "want.raw")
        run(TOOL, "convert", "-f", fmt, "-O", "qcow2", name, "y.qcow2")
        run(qemu, "compare", "-q", "y.qcow2", "want.raw")
        if "fixed" not in options or fmt == "vhdx": # a fixed VHD does not tell at its start what it is
            run(TOOL, "compare", "-q", name, "want.raw")


BAD = [
    (["bogus"], 1, "no command 'bogus'"),
    (["inof", "x"], 1, "did you mean 'info'"),
    (["info", "/nonexistent"], 1, "could not open '/nonexistent'"),
    (["info", "--outpt=json", "x"], 1, "did you mean '--output'"),
    (["info"], 1, "wanted one image"),
    (["check", "plain.raw"], 63, "no consistency check"),
    (["check", "-f", "qcow2", "plain.raw"], 1, "no qcow2 image"),
    (["create", "-f", "qcow3", "x", "1M"], 1, "did you mean 'qcow2'"),
    (["create", "-f", "qcow2", "x"], 1, "wanted a SIZE"),
    (["create", "-f", "qcow2", "-o", "clustersize=4k", "x", "1M"], 1, "did you mean 'cluster_size'"),
    (["create", "-f", "qcow2", "-o", "cluster_size=5k", "x", "1M"], 1, "power of two"),
    (["create", "-f", "qcow2", "-b", "/nonexistent", "x"], 1, "/nonexistent"),
    (["convert", "-O", "qcow2", "plain.raw"], 1, "wanted FILE"),
    (["convert", "-O", "qcow3", "plain.raw", "x"], 1, "did you mean 'qcow2'"),
    (["snapshot", "-a", "nope", "a.qcow2"], 1, "no snapshot 'nope'"),
    (["snapshot", "-c", "x", "plain.raw"], 1, "no snapshots inside"),
    (["resize", "a.qcow2", "2Q"], 1, "wanted a size"),
    (["rebase", "a.qcow2"], 1, "wanted -b"),
    (["commit", "a.qcow2"], 1, "no backing file"),
    (["compare", "a.qcow2", "/nonexistent"], 2, "/nonexistent"),
    (["dd", "if=plain.raw", "off=x"], 1, "did you mean of"),
]


def test_bad_words_to_the_image_tool_get_one_clear_line():
    need_both()
    clean()
    pattern("plain.raw", 65536, 1)
    run(TOOL, "create", "-q", "-f", "qcow2", "a.qcow2", "1M")
    for args, status, text in BAD:
        r = subprocess.run([TOOL] + args, capture_output=True, text=True, timeout=30)
        lines = r.stderr.strip().split("\n")
        if r.returncode != status or len(lines) != 1 or text not in lines[0]:
            raise Failed("%s: status %d, %s" % (args, r.returncode, r.stderr))
