"""Directories of the host shared with a Linux guest over 9p."""
import hashlib
import os
import re
import subprocess

from guest import Failed, is_tinamou, linux
from modules import with_modules

SUM = re.compile("[0-9a-f]{64}  ")
MODULES = ["9pnet_virtio", "9p"]
MOUNT = "mount -t 9p -o trans=virtio,version=9p2000.L,%s shared /mnt"


def share(options):
    return ["-virtfs", "local,path=share,mount_tag=shared," + options]


def guest(options, mount="msize=131072", args=()):
    os.makedirs("share", exist_ok=True)
    return linux(share(options) + list(args), with_modules(MODULES)), mount


def start(g, mount):
    g.shell()
    g.run("sh /extra/load")
    g.run(MOUNT % mount)


def finish(g):
    g.run("umount /mnt")
    g.send("exit\n")
    g.wait_exit(0)


def make_tree(top, depth=2):
    """Directories, empty, small and large files, odd names and links."""
    os.makedirs(top)
    for n in range(40):
        with open(os.path.join(top, "file %d" % n), "wb") as f:
            f.write(hashlib.sha256(b"%d" % n).digest() * (n * n * n // 8))
    for n in range(300 if depth == 2 else 20):
        open(os.path.join(top, "%s-%d" % ("n" * (n % 200 + 1), n)), "w").close()
    os.symlink("file 3", os.path.join(top, "link"))
    os.symlink("/nowhere/at all", os.path.join(top, "dangling"))
    os.link(os.path.join(top, "file 7"), os.path.join(top, "hard"))
    if depth:
        for name in ("one", "two words", ".hidden"):
            make_tree(os.path.join(top, name), depth - 1)


def tree_sum(top):
    """One checksum a file, by name, as find and sha256sum in the guest print them."""
    lines = []
    for at, _, files in os.walk(top):
        for name in files:
            path = os.path.join(at, name)
            if not os.path.islink(path):
                with open(path, "rb") as f:
                    lines.append("%s  %s" % (hashlib.sha256(f.read()).hexdigest(), os.path.relpath(path, top)))
    return sorted(lines)


def guest_sum(g, top):
    text = g.run("(cd %s && find . -type f -print0 | xargs -0 sha256sum)" % top, 120)
    return sorted(line.replace("  ./", "  ") for line in text.strip().split("\n") if SUM.match(line))


def test_a_tree_is_the_same_on_both_sides():
    make_tree("share/tree")
    g, mount = guest("security_model=none")
    with g:
        start(g, mount)
        if guest_sum(g, "/mnt/tree") != tree_sum("share/tree"):
            g.fail("the guest sees other files than the host")
        if g.run("readlink /mnt/tree/dangling").strip() != "/nowhere/at all":
            g.fail("a symbolic link reads wrong")
        g.run("cp -a /mnt/tree /mnt/copy && rm -r /mnt/tree/one && sync", 180)
        before = tree_sum("share/copy")
        if guest_sum(g, "/mnt/copy") != before:
            g.fail("the copy differs")
        finish(g)
    if os.path.exists("share/tree/one"):
        raise Failed("the guest's rm -r left files on the host")
    if not os.path.samefile("share/copy/hard", "share/copy/file 7"):
        raise Failed("the hard link became two files")
    if os.readlink("share/copy/dangling") != "/nowhere/at all":
        raise Failed("the copied symbolic link points elsewhere")


def test_permissions_are_kept_in_attributes():
    g, mount = guest("security_model=mapped-xattr,fmode=0640,dmode=0750")
    with g:
        start(g, mount)
        g.run("cd /mnt; echo text >f && chown 1234:5678 f && chmod 4751 f && mkdir d && chmod 1700 d && ln -s f l; cd /")
        g.run("mknod /mnt/c c 5 1 && mknod /mnt/p p && chmod 600 /mnt/c")
        g.run("umount /mnt && " + MOUNT % mount)
        for name, want in (("f", "4751 1234 5678 regular"), ("d", "1700 0 0 directory"), ("l", "777 0 0 symbolic link"),
                           ("c", "600 0 0 character"), ("p", "644 0 0 fifo")):
            got = g.run("stat -c '%%a %%u %%g %%F' /mnt/%s" % name).strip()
            if not got.startswith(want):
                g.fail("%s is %r, not %r" % (name, got, want))
        if g.run("stat -c '%t %T' /mnt/c").strip() != "5 1":
            g.fail("the device has another number")
        if g.run("cat /mnt/l").strip() != "text":
            g.fail("the link does not lead to the file")
        finish(g)
    st = os.lstat("share/f")
    if st.st_mode & 0o7777 != (0o640 if is_tinamou() else 0o600) or st.st_uid != os.getuid():
        raise Failed("on the host the file has mode %o, owner %d" % (st.st_mode & 0o7777, st.st_uid))
    if os.getxattr("share/f", "user.virtfs.uid") != (1234).to_bytes(4, "little"):
        raise Failed("the owner is not in user.virtfs.uid")
    if os.getxattr("share/f", "user.virtfs.mode") != (0o104751).to_bytes(4, "little"):
        raise Failed("the mode is not in user.virtfs.mode")
    if os.path.islink("share/l"):
        raise Failed("the link is a link on the host")


def test_a_read_only_share_stays_as_it_is():
    os.makedirs("share")
    with open("share/f", "w") as f:
        f.write("kept\n")
    g, mount = guest("security_model=none,readonly=on")
    with g:
        start(g, mount)
        g.run("grep kept /mnt/f")
        g.run("! (echo x >>/mnt/f) && ! touch /mnt/g && ! rm /mnt/f && ! mkdir /mnt/d && ! chmod 700 /mnt/f && ! ln -s a /mnt/b")
        finish(g)
    if os.listdir("share") != ["f"] or open("share/f").read() != "kept\n":
        raise Failed("the share changed")


def test_links_do_not_lead_out_of_the_share():
    os.makedirs("share")
    with open("secret", "w") as f:
        f.write("out of reach\n")
    os.symlink("../secret", "share/out")
    os.symlink("..", "share/up")
    g, mount = guest("security_model=none")
    with g:
        start(g, mount)
        g.run("! cat /mnt/out && ! cat /mnt/up/secret && ! cat /mnt/../secret")
        g.run("echo hello >/secret && cat /mnt/out | grep hello") # the guest's own file
        finish(g)
    if open("secret").read() != "out of reach\n":
        raise Failed("the guest wrote outside the share")


STRESS = r"""
cd /mnt; i=1; : >f0; : >f1; : >/tmp/f0; : >/tmp/f1
while [ $i -lt 120 ]; do
  n=$((i * 7919 % 64)); off=$((i * 104729 % 900)); len=$((i * 31 % 97 + 1))
  dd if=/extra/data of=f$((i % 3)) bs=1000 skip=$n seek=$off count=$len conv=notrunc 2>/dev/null || exit 1
  dd if=/extra/data of=/tmp/f$((i % 3)) bs=1000 skip=$n seek=$off count=$len conv=notrunc 2>/dev/null || exit 1
  if [ $((i % 11)) = 0 ]; then truncate -s $((off * 500)) f0 && truncate -s $((off * 500)) /tmp/f0 || exit 1; fi
  if [ $((i % 13)) = 0 ]; then mv f1 g && mv g f1 || exit 1; fi
  i=$((i + 1))
done
for n in 0 1 2; do cmp f$n /tmp/f$n || exit 1; done
"""


def stress(mount):
    with open("data", "wb") as f:
        f.write(os.urandom(1 << 18))
    with open("stress", "w") as f:
        f.write(STRESS)
    os.makedirs("share")
    args = share("security_model=mapped-xattr")
    with linux(args, with_modules(MODULES, files=[("data", "data"), ("stress", "stress")])) as g:
        start(g, mount)
        g.run("sh /extra/stress", 120)
        sums = g.run("(cd /mnt && sha256sum f0 f1 f2)")
        finish(g)
    host = subprocess.run(["sha256sum", "f0", "f1", "f2"], cwd="share", capture_output=True, text=True).stdout
    if sums != host:
        raise Failed("the guest has %s the host has %s" % (sums, host))


def test_random_writes_without_a_cache():
    stress("msize=65536,cache=none")


def test_random_writes_through_the_guests_cache():
    stress("msize=524288,cache=loose")
