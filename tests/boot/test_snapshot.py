"""Saving a running Debian guest, and going on with it elsewhere."""
import os
import subprocess
import time

import migrate
import netguest
from guest import Failed, Guest, alone, arch_args, emulator, need_tinamou, need_tool
from migrate import Qmp, check_work, start_work
from test_devices import check_image, make_disk

DISK = ["-drive", "file=disk.img,if=none,format=raw,id=d0", "-device", "virtio-blk-device,drive=d0"]


def boot(g, qmp):
    g.shell()
    start_work(g)
    return Qmp(qmp)


def go_on(g, seen):
    """The guest that was loaded answers where the other one stopped."""
    g.send("\n")
    g.expect("~ # ", 60)
    return check_work(g, seen)


def power_off(g):
    g.send("poweroff -f\n")
    g.wait_exit(0, 60)


def save_and_load(uri, smp=1, more=(), before="true", after="true", initrd=None):
    """Boot, work, save, kill; load, and work on."""
    need_tinamou()
    with Guest(migrate.args("qmp1", more, smp=smp, initrd=initrd)) as g:
        q = boot(g, "qmp1")
        g.run(before, 120)
        seen = check_work(g)
        info = q.migrate(uri)
        if q.run("query-status")["status"] != "postmigrate":
            raise Failed("the source is not in state postmigrate")
        if not info["ram"]["normal"]:
            raise Failed("no page was sent: %s" % info)
        g.process.kill()
        g.process.wait()
    g, _ = migrate.load(uri.replace("exec:cat >", "exec:cat "), more, smp=smp, initrd=initrd)
    with g:
        go_on(g, seen)
        g.run(after, 120)
        power_off(g)


def test_file_kill_load():
    save_and_load("file:state")


@alone
def test_two_cpus_and_a_disk_in_use():
    """Files that are open, dirty pages, and writes in flight: all there afterwards."""
    make_disk("disk.img")
    save_and_load("exec:cat >state", 2, DISK,
                  "mount -t ext4 /dev/vda /mnt; exec 6>/mnt/data/reply; "
                  "(while :; do dd if=/dev/urandom of=/mnt/data/big bs=64k count=16 2>/dev/null; "
                  "sync; done) & sleep 1",
                  "echo hello from the guest >&6; exec 6>&-; kill $(jobs -p); sleep 1; umount /mnt || "
                  "(killall dd sh; sleep 1; umount /mnt)")
    check_image("disk.img")


@alone
def test_network_and_disks_on_pci():
    """Cards, disks, entropy, keyboards and consoles behind PCI Express, at work before and after."""
    make_disk("disk.img")
    script = netguest.archive({"lib/dhcp": (0o755, netguest.DHCP_SCRIPT.encode())})
    with open(migrate.debian() + "/initrd.cpio.gz", "rb") as f, open("net.cpio.gz", "wb") as out:
        out.write(f.read() + script)
    os.makedirs("www")
    with open("www/x", "wb") as f:
        f.write(os.urandom(1 << 20))
    port = netguest.serve_http("www")
    more = ["-drive", "file=disk.img,if=none,format=raw,id=d0", "-device", "virtio-blk-pci,drive=d0,num-queues=2",
            "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0", "-device", "virtio-rng-pci", "-device",
            "virtio-balloon-pci", "-device", "virtio-keyboard-pci", "-device", "virtio-serial-pci", "-device",
            "pcie-root-port,id=r0"]
    get = "wget -q -O - http://10.0.2.2:%d/x | md5sum >/tmp/%%s" % port
    save_and_load("file:state", 2, more,
                  "ip link set eth0 up; udhcpc -i eth0 -n -q -t 8 -s /lib/dhcp >/dev/null; mount -t ext4 /dev/vda /mnt; "
                  + get % "a",
                  "%s; cmp /tmp/a /tmp/b && echo hello from the guest >/mnt/data/reply && umount /mnt" % (get % "b"),
                  initrd="net.cpio.gz")
    check_image("disk.img")


def test_interpreter_goes_on_with_what_the_translator_began():
    need_tinamou()
    with Guest(migrate.args("qmp1")) as g:
        q = boot(g, "qmp1")
        seen = check_work(g)
        q.migrate("file:state")
    g, _ = migrate.load("file:state", ["-accel", "tcg,engine=interp"])
    with g:
        go_on(g, seen)


def check_qcow2(path):
    r = subprocess.run([need_tool("qemu-img"), "check", path], capture_output=True, text=True)
    if r.returncode:
        raise Failed("qemu-img check: " + r.stdout + r.stderr)


@alone
def test_snapshots_inside_qcow2():
    """savevm, loadvm and -loadvm: RAM, disk and clock go back together; damage and misuse change nothing."""
    need_tinamou()
    subprocess.run([need_tool("qemu-img"), "create", "-q", "-f", "qcow2", "disk.qcow2", "64M"], check=True)
    disk = ["-drive", "file=disk.qcow2,if=none,format=qcow2,id=d0", "-device", "virtio-blk-device,drive=d0"]
    with Guest(migrate.args("qmp1", disk, smp=2)) as g:
        q = boot(g, "qmp1")
        g.run("echo one >/tmp/state; echo one | dd of=/dev/vda conv=fsync 2>/dev/null")
        seen = check_work(g)
        if q.hmp("savevm first"):
            g.fail("savevm: " + q.hmp("savevm first"))
        if "first" not in q.hmp("info snapshots"):
            g.fail("info snapshots: " + q.hmp("info snapshots"))
        g.run("echo two >/tmp/state; echo two | dd of=/dev/vda conv=fsync 2>/dev/null")
        check_work(g, seen)
        q.hmp("savevm second")
        for name, text in (("first", "one"), ("second", "two"), ("first", "one")):
            if q.hmp("loadvm " + name):
                g.fail("loadvm: " + q.hmp("loadvm " + name))
            go_on(g, seen)
            g.run("echo 3 >/proc/sys/vm/drop_caches")
            got = [g.run("cat /tmp/state").strip(), g.run("head -c 3 /dev/vda; echo").strip()]
            if got != [text, text]:
                g.fail("after loadvm %s: %s" % (name, got))
        for line, why in (("loadvm nope", "no snapshot 'nope'"), ("delvm nope", "nope")):
            if why not in q.hmp(line):
                g.fail("%s: %s" % (line, q.hmp(line)))
        go_on(g, seen)
        q.hmp("savevm first")
        for command, more, error in (("snapshot-save", {"vmstate": "d0", "devices": ["d0"]}, None),
                                     ("snapshot-load", {"vmstate": "d0", "devices": ["d0"]}, None),
                                     ("snapshot-delete", {"devices": ["d0"]}, None),
                                     ("snapshot-delete", {"devices": ["d0"]}, "no drive has a snapshot 'job'"),
                                     ("snapshot-save", {"vmstate": "d0", "devices": ["d1"]}, "no drive 'd1'")):
            job = q.job(command, tag="job", **more)
            if ("error" in job) != (error is not None) or (error or "") not in job.get("error", ""):
                g.fail("%s: %s" % (command, job))
        g.process.kill()
    r = subprocess.run(["qemu-img", "check", "disk.qcow2"], capture_output=True, text=True)
    if r.returncode not in (0, 3):
        raise Failed("qemu-img check: " + r.stdout + r.stderr)
    names = subprocess.run(["qemu-img", "snapshot", "-l", "disk.qcow2"], capture_output=True, text=True).stdout
    if names.count("first") != 1 or names.count("second") != 1 or "before" in names:
        raise Failed("qemu-img snapshot -l: " + names)
    with Guest(migrate.args("qmp2", disk + ["-loadvm", "second"], smp=2)) as g:
        q = Qmp("qmp2")
        go_on(g, seen)
        if g.run("cat /tmp/state").strip() != "two":
            g.fail("-loadvm second: not its memory")
        q.hmp("delvm second")
        power_off(g)
    check_qcow2("disk.qcow2") # nothing is lost of what was kept back
    args = [a for a in migrate.args("q3", disk + ["-loadvm", "second"], smp=2) if not a.startswith("unix:") and a != "-qmp"]
    status, _, err = emulator(args)
    if status != 1 or "no snapshot 'second'" not in err:
        raise Failed("-loadvm of what was deleted: %d, %s" % (status, err))


def test_loaded_memory_outlives_its_snapshot_and_its_disk():
    """Memory mapped from an image stays when the snapshot goes, when its space is wanted, and when the image is closed."""
    need_tinamou()
    subprocess.run([need_tool("qemu-img"), "create", "-q", "-f", "qcow2", "disk.qcow2", "256M"], check=True)
    disk = ["-blockdev", "qcow2,node-name=d0,file.driver=file,file.filename=disk.qcow2", "-device", "virtio-scsi-device,id=s",
            "-device", "scsi-hd,id=hd,drive=d0"]
    with Guest(migrate.args("qmp1", disk)) as g:
        q = boot(g, "qmp1")
        g.run("mkdir /m; mount -t tmpfs none /m && dd if=/dev/urandom of=/m/x bs=1M count=64 2>/dev/null", 60)
        wanted = g.run("sha256sum /m/x", 60)
        for name in ("first", "second"):
            if q.hmp("savevm " + name):
                g.fail("savevm " + name)
        power_off(g)
    with Guest(migrate.args("qmp2", disk + ["-loadvm", "first"])) as g:
        q = Qmp("qmp2")
        for line in ("delvm first", "savevm third", "delvm second", "delvm third"):
            if q.hmp(line):
                g.fail(line)
        q.run("device_del", id="hd")
        q.run("blockdev-del", **{"node-name": "d0"})
        if "disk.qcow2" in q.hmp("info block"):
            g.fail("the image is still open: " + q.hmp("info block"))
        check_qcow2("disk.qcow2")
        os.truncate("disk.qcow2", 0)
        g.send("\n")
        g.expect("~ # ", 60)
        if g.run("sha256sum /m/x", 60) != wanted:
            g.fail("the guest's memory has changed")
        power_off(g)


def live(uri, listen):
    """Two processes at once, with one disk; the guest works all the while and is not told."""
    need_tinamou()
    make_disk("disk.img")
    with Guest(migrate.args("qmp1", DISK)) as a:
        q = boot(a, "qmp1")
        a.run("mount -t ext4 /dev/vda /mnt; echo hello from the guest >/mnt/data/reply")
        with Guest(migrate.args("qmp2", DISK + ["-incoming", "defer"])) as b:
            r = Qmp("qmp2")
            r.run("migrate-incoming", uri=listen)
            q.run("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
            seen = check_work(a)
            info = q.migrate(uri)
            if info["ram"]["dirty-sync-count"] < 2:
                raise Failed("the guest did not run while it was sent: %s" % info)
            names = [e["data"]["status"] for e in q.events if e["event"] == "MIGRATION"]
            if names[0] != "setup" or names[-1] != "completed":
                raise Failed("events: %s" % names)
            if "lock" not in q.call("cont").get("error", {}).get("desc", ""):
                raise Failed("the source took the machine back, disk and all")
            go_on(b, seen)
            b.run("umount /mnt", 60)
            power_off(b)
    check_image("disk.img")


def test_live_over_a_unix_socket():
    live("unix:sock", "unix:sock")


def test_live_over_tcp():
    port = netguest.free_port()
    live("tcp:127.0.0.1:%d" % port, "tcp::%d" % port)


def test_source_goes_on_when_the_destination_refuses():
    need_tinamou()
    with Guest(migrate.args("qmp1")) as a:
        q = boot(a, "qmp1")
        seen = check_work(a)
        with Guest(migrate.args("qmp2", ["-incoming", "unix:sock"], memory="320M")) as b:
            Qmp("qmp2")
            info = q.migrate("unix:sock", "failed")
            if "-m" not in info["error-desc"]:
                raise Failed("the reason did not come back: %s" % info)
            b.wait_exit(1)
        for uri, why in (("unix:nobody", "nobody"), ("exec:false", "status 1"), ("exec:head -c 9999 >/dev/null", "")):
            info = q.migrate(uri, "failed")
            if why not in info["error-desc"]:
                raise Failed("%s: %s" % (uri, info))
        go_on(a, seen)


def test_cancel():
    need_tinamou()
    with Guest(migrate.args("qmp1")) as a:
        q = boot(a, "qmp1")
        q.run("migrate-set-parameters", max_bandwidth=1000000)
        with Guest(migrate.args("qmp2", ["-incoming", "unix:sock"])):
            Qmp("qmp2")
            q.run("migrate", uri="unix:sock")
            q.run("migrate_cancel")
            q.wait_migrated("cancelled")
        go_on(a, 0)


def wait_status(q, status):
    deadline = time.monotonic() + 30
    while q.run("query-migrate").get("status") != status:
        if time.monotonic() > deadline:
            raise Failed("not %s: %r" % (status, q.run("query-migrate")))
        time.sleep(0.02)


def test_waiting_before_the_switch():
    need_tinamou()
    with Guest(arch_args() + ["-M", "virt", "-bios", "none", "-m", "32M", "-display", "none", "-serial", "null",
                              "-monitor", "none", "-qmp", "unix:qmp1,server=on,wait=off"]):
        q = Qmp("qmp1")
        if "pre-switchover" not in q.call("migrate-continue", state="pre-switchover")["error"]["desc"]:
            raise Failed("nothing is to go on")
        q.run("migrate-set-capabilities", capabilities=[{"capability": "pause-before-switchover", "state": True}])
        q.run("migrate", uri="file:state")
        wait_status(q, "pre-switchover")
        if q.run("query-status")["status"] != "finish-migrate" or os.path.exists("state"):
            raise Failed("the machine should be at rest, and no state be there")
        q.run("migrate_cancel")
        q.wait_migrated("cancelled")
        if q.run("query-status")["status"] != "running":
            raise Failed("the machine should run again")
        q.run("migrate", uri="file:state")
        wait_status(q, "pre-switchover")
        q.run("migrate-continue", state="pre-switchover")
        q.wait_migrated("completed")
        if not os.path.exists("state"):
            raise Failed("the state is not there")


def test_states_that_do_not_fit_are_refused():
    """One line, status 1; the reason and what to do are in it."""
    need_tinamou()
    with Guest(migrate.args("qmp1")) as g:
        g.shell()
        Qmp("qmp1").migrate("file:state")
    with open("state", "rb") as f:
        head = f.read(100000)
    with open("short", "wb") as f:
        f.write(head)
    size = os.path.getsize("state")
    with open("state", "r+b") as f: # a page of the kernel
        f.seek(os.lseek(f.fileno(), 65536, os.SEEK_DATA) + 8192 + 77)
        f.write(b"garbage")
    for more, path, text in (([], "short", "ends too early"), ([], "state", "another checksum"),
                             (["-smp", "2"], "state", "-smp 1"), (["-m", "1G"], "state", "-m"),
                             (["-device", "virtio-rng-device"], "state", "virtio-rng-device"),
                             (["-cpu", "rv64,zba=off"], "state", "-cpu"), ([], "nothing", "No such file")):
        args = [a for a in migrate.args("q3") if not a.startswith("unix:") and a != "-qmp"]
        status, out, err = emulator(args + more + ["-incoming", "file:" + path])
        lines = [line for line in err.split("\n") if line]
        if status != 1 or len(lines) != 1 or text not in lines[0]:
            raise Failed("%s %s: status %d, %r" % (more, path, status, err))
    if os.path.getsize("state") != size:
        raise Failed("the file was changed")


for fn in list(vars().values()):
    if callable(fn) and getattr(fn, "__name__", "").startswith("test_"):
        fn.limit = 300
