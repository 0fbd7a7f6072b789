"""Directories of the host as FAT disks: the file system is whole, and a guest reads the tree back."""
import calendar
import hashlib
import os
import random
import re
import struct
import subprocess
import time

from guest import Failed, linux, need_tinamou, need_tool
from modules import with_modules
from test_images import TOOL, need_both, run

NAMES = ["Readme.txt", "long file name.text", "UPPER.TXT", "lower.c", ".profile", "two.dots.tar.gz", "snow ☃ and ünïcode.txt",
         "plus+equals=.a", "name with 𐍈 beyond 16 bits", "no extension at all", "x" * 255, "y" * 250 + ".text",
         "EXACTLY8.3CH", "nine.char", "NINECHARS.TXT"]


def make_tree(top, kernel=True):
    """Files whose names and sizes try what FAT has rules for; times on even seconds, as FAT keeps them."""
    rng = random.Random(1)
    sizes = [0, 1, 511, 512, 513, 4095, 4096, 4097, 8192, 8193, 100000]
    for d in ("", "Sub Directory", "a/b/c/d/e", "many"):
        os.makedirs(os.path.join(top, d), exist_ok=True)
    for i, name in enumerate(NAMES):
        for d in ("", "Sub Directory", "a/b/c/d/e"):
            with open(os.path.join(top, d, name), "wb") as f:
                f.write(rng.randbytes(sizes[(i + len(d)) % len(sizes)]))
    for i in range(400):
        with open(os.path.join(top, "many", "longfilename-%d.text" % i), "w") as f:
            f.write("%d\n" % i)
    if kernel:
        with open(os.path.join(top, "large"), "wb") as f:
            f.write(rng.randbytes(5 << 20))
    for path, dirs, files in os.walk(top):
        for name in dirs + files:
            os.utime(os.path.join(path, name), (1600000000, 1000000000 + 2 * rng.randrange(10 ** 8)))
    os.utime(os.path.join(top, "UPPER.TXT"), (0, 0))
    os.chmod(os.path.join(top, "lower.c"), 0o444)


def digests(top):
    """Of every file, by its path."""
    out = {}
    for path, _, files in os.walk(top):
        for name in files:
            with open(os.path.join(path, name), "rb") as f:
                out[os.path.relpath(os.path.join(path, name), top)] = hashlib.sha256(f.read()).hexdigest()
    return out


class Fat:
    """A reader of FAT volumes, written from the specification alone."""

    def __init__(self, data):
        self.data = data
        per_sector, self.per_cluster, reserved, fats, roots, total, _, size = struct.unpack_from("<HBHBHHBH", data, 11)
        total = total or struct.unpack_from("<I", data, 32)[0]
        size = size or struct.unpack_from("<I", data, 36)[0]
        first = reserved + fats * size + roots // 16
        clusters = (total - first) // self.per_cluster
        self.bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
        self.fat, self.base = data[reserved * 512:(reserved + size) * 512], first * 512
        if (clusters + 2) * self.bits > size * 512 * 8 or total * 512 > len(data) or per_sector != 512:
            raise Failed("the FAT is too small, or the volume too large")
        if self.fat != data[(reserved + size) * 512:(reserved + 2 * size) * 512]:
            raise Failed("the two FATs differ")
        self.free = sum(1 for c in range(2, clusters + 2) if not self.entry(c))
        if self.bits == 32:
            self.root = self.chain(struct.unpack_from("<I", data, 44)[0])
            if struct.unpack_from("<I", data, 512 + 488)[0] != self.free:
                raise Failed("FSInfo has another number of free clusters")
        else:
            self.root = data[(reserved + 2 * size) * 512:first * 512]

    def entry(self, c):
        if self.bits == 12:
            return struct.unpack_from("<H", self.fat, c * 3 // 2)[0] >> (4 * (c & 1)) & 0xfff
        if self.bits == 16:
            return struct.unpack_from("<H", self.fat, 2 * c)[0]
        return struct.unpack_from("<I", self.fat, 4 * c)[0] & 0x0fffffff

    def chain(self, c):
        out, n = [], self.per_cluster * 512
        while 2 <= c < (1 << min(self.bits, 28)) - 8:
            out.append(self.data[self.base + (c - 2) * n:self.base + (c - 1) * n])
            c = self.entry(c)
        return b"".join(out)

    def entries(self, table):
        """(name, alias, attributes, first cluster, size, time) of what is in a directory."""
        pieces, aliases = [], set()
        for at in range(0, len(table), 32):
            e = table[at:at + 32]
            if not e[0]:
                return
            if e[11] == 0x0f:
                pieces.insert(0, e[1:11] + e[14:26] + e[28:32])
                check = e[13]
                continue
            alias = e[:8].decode().rstrip() + ("." + e[8:11].decode() if e[8:11].strip() else "").rstrip()
            total = 0
            for c in e[:11]:
                total = ((total << 7 | total >> 1) + c) & 0xff
            if pieces and check != total:
                raise Failed("the long name of %s has another checksum" % alias)
            name = b"".join(pieces).decode("utf-16-le").split("\0")[0] if pieces else alias
            pieces = []
            if e[11] & 8:
                continue
            if alias in aliases:
                raise Failed("two entries have the alias %s" % alias)
            aliases.add(alias)
            high, t, d, low, size = struct.unpack("<HHHHI", e[20:32])
            when = calendar.timegm((1980 + (d >> 9), d >> 5 & 15, d & 31, t >> 11, t >> 5 & 63, 2 * (t & 31)))
            yield name, alias, e[11], high << 16 | low, size, when

    def walk(self, table=None, prefix=""):
        for name, _, attr, first, size, when in self.entries(self.root if table is None else table):
            if name in (".", ".."):
                continue
            if attr & 0x10:
                yield prefix + name, None, attr, when
                yield from self.walk(self.chain(first), prefix + name + "/")
            else:
                yield prefix + name, self.chain(first)[:size], attr, when


def check_volume(volume, top):
    """Everything below top is in the volume, and nothing else."""
    seen = {}
    for path, data, attr, when in volume.walk():
        st = os.stat(os.path.join(top, path))
        seen[path] = data
        want = max(int(st.st_mtime), 315532800)
        if when != want:
            raise Failed("%s: the time is %s, not %s" % (path, time.gmtime(when), time.gmtime(want)))
        if data is not None:
            with open(os.path.join(top, path), "rb") as f:
                if f.read() != data:
                    raise Failed("%s has other contents" % path)
            if bool(attr & 1) != (not st.st_mode & 0o222):
                raise Failed("%s: attributes %#x" % (path, attr))
    want = {os.path.relpath(os.path.join(p, n), top) for p, d, f in os.walk(top) for n in d + f}
    if set(seen) != want:
        raise Failed("the volume has %r and lacks %r" % (sorted(set(seen) - want)[:3], sorted(want - set(seen))[:3]))


def convert(kind, top):
    """The volume as a file's bytes, checked by fsck.fat."""
    run(TOOL, "convert", "-O", "raw", "fat:%s%s" % (kind, top), "disk.raw")
    with open("disk.raw", "rb") as f:
        data = f.read()
    if "floppy" not in kind:
        start, size = struct.unpack_from("<II", data, 446 + 8)
        if data[510:512] != b"\x55\xaa" or data[446 + 4] != {"12:": 1, "32:": 0x0c}.get(kind, 6) or len(data) < (start + size) * 512:
            raise Failed("the partition table is wrong")
        data = data[start * 512:(start + size) * 512]
    with open("volume.raw", "wb") as f: # with holes
        for at in range(0, len(data), 1 << 20):
            if data[at:at + (1 << 20)].strip(b"\0"):
                f.seek(at)
                f.write(data[at:at + (1 << 20)])
        f.truncate(len(data))
    r = subprocess.run([need_tool("fsck.fat"), "-n", "-v", "volume.raw"], capture_output=True, text=True)
    if r.returncode:
        raise Failed("fsck.fat: %s%s" % (r.stdout, r.stderr))
    return data


def test_the_file_system_is_whole():
    need_both()
    os.environ["TZ"] = "UTC"
    make_tree("tree")
    make_tree("small", kernel=False)
    for kind, top, bits in (("", "tree", 16), ("32:", "tree", 32), ("12:", "tree", 12),
                            ("floppy:", "small", 12), ("12:floppy:", "small", 12)):
        volume = Fat(convert(kind, top))
        if volume.bits != bits:
            raise Failed("fat:%s%s is FAT%d" % (kind, top, volume.bits))
        check_volume(volume, top)


def test_names_that_fat_cannot_hold_stay_apart():
    need_both()
    os.environ["TZ"] = "UTC"
    os.mkdir("tree")
    odd = [b"Same", b"same", b"SAME", b"bad\xff", b"bad\xfe", b"a:b", b"a?b", b"a_b", b"end.", b"end_", b"\xc3\x84", b"\xc3\xa4",
           b"...", b" ", b"tab\there", "z".encode() * 255, b"Z" * 255]
    for i, name in enumerate(odd):
        with open(os.path.join(b"tree", name), "wb") as f:
            f.write(b"%d" % i)
    os.symlink("..", "tree/up") # leads back to itself: what lies beside the tree is shown once
    os.symlink("nowhere", "tree/dangling")
    os.mkfifo("tree/pipe")
    r = subprocess.run([TOOL, "convert", "-O", "raw", "fat:tree", "x.raw"], capture_output=True, text=True, timeout=60)
    if r.returncode or not re.search("left out 3 that", r.stderr) or not re.search("names changed", r.stderr):
        raise Failed("status %d, %s" % (r.returncode, r.stderr))
    os.unlink("tree/up")
    found = [(name, data) for name, data, _, _ in Fat(convert("", "tree")).walk()]
    if sorted(data for _, data in found) != sorted(b"%d" % i for i in range(len(odd))):
        raise Failed("some files are not there: %r" % found)
    names = [name for name, _ in found]
    if len({name.casefold() for name in names}) != len(odd) or any(re.search(r'[\x00-\x1f":?*<>|\\/]|[. ]$', n) for n in names):
        raise Failed("the names are %r" % names)


def mount_and_compare(g, device, top):
    g.run("mount -t vfat -o ro,utf8,iocharset=iso8859-1 %s /mnt" % device)
    g.run("cd /mnt; find . -type f -print0 | xargs -0 sha256sum >/tmp/sums; cd /", 120)
    text = g.run("cat /tmp/sums", 60)
    got = {}
    for line in text.splitlines():
        m = re.match(r"([0-9a-f]{64})  \./(.*)", line.strip())
        if m:
            got[m.group(2)] = m.group(1)
    want = digests(top)
    if got != want:
        g.fail("%s has other files: %r" % (device, sorted(set(got.items()) ^ set(want.items()))[:4]))
    g.run("umount /mnt")


def test_a_guest_reads_the_tree():
    """As a read-only disk, and as one it may write to for a while."""
    need_tinamou()
    make_tree("tree")
    initrd = with_modules(["vfat", "nls_cp437", "nls_iso8859-1", "nls_ascii"])
    before = digests("tree")
    with linux(["-drive", "file=fat:tree,format=raw,if=virtio", "-drive", "file=fat:32:tree,format=raw,if=virtio,snapshot=on",
                "-blockdev", "driver=vvfat,node-name=f,dir=tree,fat-type=12,label=CIDATA,read-only=on",
                "-device", "virtio-blk-device,drive=f"], initrd) as g:
        g.shell()
        g.run("sh /extra/load")
        disks = {name: int(g.run("cat /sys/block/%s/size" % name)) for name in ("vda", "vdb", "vdc")}
        small = min(disks, key=disks.get)
        if g.run("cat /sys/block/%s/ro" % small).strip() != "1":
            g.fail("the disk is not read-only")
        written = [name for name in disks if g.run("cat /sys/block/%s/ro" % name).strip() == "0"]
        if len(written) != 1:
            g.fail("%r can be written to" % written)
        for name in disks:
            mount_and_compare(g, "/dev/%s1" % name, "tree")
        g.run("mount -t vfat /dev/%s1 /mnt && rm /mnt/large && cp /bin/busybox /mnt/new && umount /mnt" % written[0], 60)
        g.run("mount -t vfat /dev/%s1 /mnt && cmp /mnt/new /bin/busybox && ! [ -e /mnt/large ] && umount /mnt" % written[0], 60)
        g.send("exit\n")
        g.wait_exit(0)
    if digests("tree") != before:
        raise Failed("the host's directory has changed")


test_a_guest_reads_the_tree.limit = 300
