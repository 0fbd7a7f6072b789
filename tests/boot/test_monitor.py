"""Monitors: QMP over sockets, HMP on the terminal, what tools do with them."""
import array
import json
import os
import socket
import struct
import subprocess
import time

from guest import EMULATOR, Failed, Guest, arch_args, is_tinamou, linux, need_tinamou, need_tool
from modules import with_modules


def want(condition, why):
    if not condition:
        raise Failed(why)


class Qmp:
    """A client of a QMP socket."""

    def __init__(self, path, negotiate=True):
        self.events = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise Failed("nobody listens on %s" % path)
                time.sleep(0.05)
        self.file = self.socket.makefile("rb")
        self.greeting = self.read()
        if negotiate:
            self.ok("qmp_capabilities")

    def raw(self, data):
        self.socket.sendall(data)

    def read(self):
        line = self.file.readline()
        want(line.endswith(b"\r\n"), "not a line: %r" % line)
        return json.loads(line)

    def answer(self):
        """The next message that is no event."""
        while True:
            message = self.read()
            if "event" not in message:
                return message
            self.events.append(message)

    def event(self, name):
        """Wait for an event; its data."""
        while True:
            for i, e in enumerate(self.events):
                if e["event"] == name:
                    del self.events[:i + 1]
                    return e.get("data")
            self.events.append(self.read())
            want("event" in self.events[-1], "not an event: %r" % self.events[-1])

    def ask(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.raw(json.dumps(message).encode())
        return self.answer()

    def ok(self, command, **arguments):
        message = self.ask(command, **arguments)
        want("return" in message, "%s: %r" % (command, message))
        return message["return"]

    def fails(self, command, class_="GenericError", **arguments):
        message = self.ask(command, **arguments)
        want(message.get("error", {}).get("class") == class_, "%s: %r" % (command, message))
        return message["error"]["desc"]

    def hmp(self, line):
        return self.ok("human-monitor-command", command_line=line)


def machine(more=()):
    return Guest(arch_args() + ["-M", "virt", "-bios", "none", "-m", "64M", "-display", "none", "-serial", "null",
                                "-qmp", "unix:q,server=on,wait=off", "-monitor", "none"] + list(more))


def test_qmp_negotiates_and_answers():
    with machine(["-S", "-smp", "2", "-name", "guest=bird", "-uuid", "01234567-89ab-cdef-0123-456789abcdef"]) as g:
        q = Qmp("q", negotiate=False)
        version = q.greeting["QMP"]["version"]
        want(set(version["qemu"]) == {"major", "minor", "micro"}, "greeting: %r" % q.greeting)
        want(q.greeting["QMP"]["capabilities"] == ["oob"], "greeting: %r" % q.greeting)
        q.fails("query-status", "CommandNotFound")
        q.raw(b'{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": {"n": [1, null]}}')
        want(q.answer() == {"return": {}, "id": {"n": [1, None]}}, "the id should come back")
        q.fails("qmp_capabilities", "CommandNotFound")
        want(q.ok("query-version") == version, "two versions")
        status = q.ok("query-status")
        want(status["status"] == "prelaunch" and status["running"] is False, status)
        want(q.ok("query-name") == {"name": "bird"}, "name")
        want(q.ok("query-uuid") == {"UUID": "01234567-89ab-cdef-0123-456789abcdef"}, "uuid")
        cpus = q.ok("query-cpus-fast")
        want([c["cpu-index"] for c in cpus] == [0, 1], cpus)
        want(all(os.path.exists("/proc/%d/task/%d" % (g.process.pid, c["thread-id"])) for c in cpus), cpus)
        q.raw(b'{"exec-oob": "qmp_capabilities", "id": 7}')
        want(q.answer()["id"] == 7, "exec-oob")
        q.ok("quit")
        want(q.event("SHUTDOWN") == {"guest": False, "reason": "host-qmp-quit"}, "cause of the end")
        g.wait_exit(0)


def test_qmp_stop_cont_reset_and_their_events():
    with machine(["-no-shutdown"]) as g:
        q = Qmp("q")
        want(q.ok("query-status")["status"] == "running", "it should run")
        q.ok("stop")
        q.event("STOP")
        want(q.ok("query-status")["status"] == "paused", "it should be paused")
        q.ok("stop")
        q.ok("cont")
        q.event("RESUME")
        want(q.ok("query-status")["running"], "it should run again")
        q.ok("stop")
        q.ok("system_reset")
        want(q.ok("query-status")["status"] == "prelaunch", "reset while it is paused: as if not begun")
        want(q.event("RESET") == {"guest": False, "reason": "host-qmp-system-reset"}, "cause of the reset")
        q.ok("system_powerdown")
        q.event("POWERDOWN")
        q.fails("system_wakeup")
        q.ok("quit")
        g.wait_exit(0)


def test_no_shutdown_then_reset_then_cont():
    need_tinamou() # QEMU's test device of this board ends the process whatever -no-shutdown says
    # 0x5555 to the test device at 0x100000 powers off; after a reset the same program runs again.
    program = struct.pack("<4I", 0x001002B7, 0x00005337, 0x55530313, 0x0062A023) + struct.pack("<I", 0x0000006F)
    with open("off.bin", "wb") as f:
        f.write(program)
    args = arch_args() + ["-M", "virt", "-m", "64M", "-bios", "off.bin", "-nographic", "-serial", "null", "-monitor", "none",
                          "-no-shutdown", "-S", "-qmp", "unix:q,server=on,wait=off"]
    with Guest(args) as g:
        q = Qmp("q")
        for _ in range(2):
            q.ok("cont")
            want(q.event("SHUTDOWN") == {"guest": True, "reason": "guest-shutdown"}, "cause of the end")
            q.event("STOP")
            want(q.ok("query-status")["status"] == "shutdown", "it should be shut down")
            q.fails("cont")
            q.raw(b'{"execute": "system_reset"}{"execute": "query-status"}')
            want(q.answer() == {"return": {}}, "reset")
            want(q.answer()["return"]["status"] in ("paused", "prelaunch"), "it should be ready to go on")
        q.ok("quit")
        g.wait_exit(0)


def test_qmp_takes_input_in_any_pieces():
    with machine(["-S"]):
        q = Qmp("q")
        q.raw(b'{"execute":"query-name"}{"execute":"query-uuid"}\n\n {"execute"\n:"query-status"}')
        want([sorted(q.answer()["return"]) for _ in range(3)][1:2] == [["UUID"]], "three commands in one piece")
        for byte in b'{"execute": "query-version", "id": "}{\\"["}':
            q.raw(bytes([byte]))
        want(q.answer()["id"] == '}{"[', "byte by byte")
        many = 2000
        q.raw(b'{"execute": "query-commands", "id": 5}' * many) # answers of megabytes wait in the host's buffers
        want(all(q.answer()["id"] == 5 for _ in range(many)), "many commands back to back")
        q.ok("query-status")


def test_qmp_garbage_does_no_harm():
    with machine(["-S"]) as g:
        q = Qmp("q")
        for text in (b"hello\n", b"{]\n", b"}", b'{"execute": 5}', b"[1]", b'{"arguments": {}}', b'"text"\n',
                     b'{"execute": "stop", "bogus": 1}', b'{"execute": "stop", "arguments": {"x": 1}}',
                     b'{"execute": "stop", "arguments": []}', b'{"execute": "memsave", "arguments": {"val": "1"}}',
                     b"\xff", b'{"a": \xff', b"{\"a\": 99999999999999999999999}",
                     b'{"execute": "human-monitor-command", "arguments": {"command-line": 3}}'):
            q.raw(text)
            message = q.answer()
            want(message["error"]["class"] == "GenericError", "%r: %r" % (text, message))
        hint = q.fails("query-statu", "CommandNotFound")
        want(not is_tinamou() or "did you mean 'query-status'" in hint, "no hint: %s" % hint)
        if is_tinamou():
            q.raw(b"[" * 5000 + b"]" * 5000)
            want("too deep" in q.answer()["error"]["desc"], "5000 brackets")
            q.raw(b'{"execute": "query-name", "arguments": {"x": "' + b"y" * (17 << 20) + b'"}}\n')
            want("too long" in q.answer()["error"]["desc"], "17 MiB")
        q.ok("query-status")
        q.raw(b'{"execute": "query-')
        q.file.close()
        q.socket.close() # in the middle of a command
        again = Qmp("q")
        again.ok("query-status")
        want(g.process.poll() is None, "it ended")


def test_ports_are_read_and_written():
    need_tinamou()
    args = ["-M", "isapc", "-display", "none", "-serial", "null", "-monitor", "none", "-S", "-qmp", "unix:q,server=on,wait=off"]
    with Guest(["-arch", "i386"] + args):
        q = Qmp("q")
        want(q.hmp("o /b 0x80 0x42") == "", "a byte is written")
        for command, shown in (("i /b 0x80", "portb[0x0080] = 0x42\r\n"), ("i 0x80", "portb[0x0080] = 0x42\r\n"),
                               ("i /h 0x9999", "portw[0x9999] = 0xffff\r\n")):
            want(q.hmp(command) == shown, "%s: %r" % (command, q.hmp(command)))
        want("a port from 0 to 0xffff" in q.hmp("i 0x10000"), "no port")
    with Guest(arch_args() + ["-M", "virt"] + args[2:]):
        want("no I/O ports" in Qmp("q").hmp("i 0x80"), "a machine without ports")


def test_memory_is_saved_and_shown():
    with open("rom.bin", "wb") as f:
        f.write(bytes(range(256)) * 16)
    args = arch_args() + ["-M", "virt", "-bios", "rom.bin", "-m", "64M", "-display", "none", "-serial", "null", "-monitor", "none",
                          "-S", "-qmp", "unix:q,server=on,wait=off"]
    with Guest(args):
        q = Qmp("q")
        for command in ("memsave", "pmemsave"):
            q.ok(command, val=0x80000001, size=5000, filename=command)
            with open(command, "rb") as f:
                data = f.read()
            want(data == ((bytes(range(256)) * 16)[1:] + bytes(5000))[:5000], "%s saved something else" % command)
        q.fails("memsave", val=1, size=16, filename="none")
        q.fails("pmemsave", val=0x80000000, size=16, filename="/nonexistent/x")
        want(q.hmp("xp /4xb 0x80000000") == "0000000080000000: 0x00 0x01 0x02 0x03\r\n", q.hmp("xp /4xb 0x80000000"))
        want(q.hmp("xp /2xg 0x80000008").endswith("0x0f0e0d0c0b0a0908 0x1716151413121110\r\n"), "giant words")
        want("Cannot access memory" in q.hmp("xp /w 0xffff000000"), "a hole")
        want("auipc" in q.hmp("x /3i 0x1000"), q.hmp("x /3i 0x1000"))
        if is_tinamou():
            want(q.hmp("print $pc + 4 * 2") == "0x1008\r\n", q.hmp("print $pc + 4 * 2"))


def test_memory_and_registers_as_a_core_file():
    with open("rom.bin", "wb") as f:
        f.write(bytes(range(256)) * 16)
    args = arch_args() + ["-M", "virt", "-bios", "rom.bin", "-m", "64M", "-smp", "2", "-display", "none", "-serial", "null",
                          "-monitor", "none", "-S", "-qmp", "unix:q,server=on,wait=off"]
    with Guest(args):
        q = Qmp("q")
        q.ok("dump-guest-memory", paging=False, protocol="file:core")
        done = q.event("DUMP_COMPLETED")["result"]
        want(done["status"] == "completed" and done["completed"] == done["total"] >= 64 << 20, done)
        want(q.ok("query-dump") == done, "two results")
        with open("core", "rb") as f:
            data = f.read()
        phoff, = struct.unpack_from("<Q", data, 32)
        count, = struct.unpack_from("<H", data, 56)
        heads = [struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i) for i in range(count)]
        loads = {h[4]: h for h in heads if h[0] == 1}
        note = [h for h in heads if h[0] == 4][0]
        want(loads[0x80000000][5] == 64 << 20, loads)
        off = loads[0x80000000][2]
        want(data[off:off + 4096] == bytes(range(256)) * 16, "memory")
        for i in range(2): # each note: 20 bytes of head, 112 bytes before the pc
            pc, = struct.unpack_from("<Q", data, note[2] + i * (note[5] // 2) + 20 + 112)
            want(pc == 0x1000, "pc of CPU %d: %#x" % (i, pc))
        q.ok("dump-guest-memory", paging=False, protocol="file:part", begin=0x80001000, length=8192)
        q.fails("dump-guest-memory", paging=False, protocol="file:part", begin=0x80001000)
        q.fails("dump-guest-memory", paging=False, protocol="nowhere:part")


def test_hmp_on_the_terminal_line_of_the_guest():
    """Ctrl-a c, as users of -nographic know it; the guest's output goes on beside it."""
    with linux() as g:
        g.shell()
        g.send("\x01c")
        g.expect(r"monitor.* type 'help' for more information")
        g.expect(r"\(qemu\) ")
        for line, answer in (("info status", "VM status: running"), ("stop", ""), ("info status", r"VM status: paused\r"),
                             ("bogus", "unknown command: 'bogus'"), ("c", ""), ("info cpus", r"\* CPU #0: thread_id=\d+"),
                             ("info registers", r"pc +[0-9a-f]{16}"), ("info mtree", "80000000-.*ram"),
                             ("help stop", "stop"), ("info mem", "ffffffff80000000 .* r-x-gad"), ("info qtree", "serial"), ("info chardev", "serial0")):
            g.send(line + "\r")
            g.expect(answer)
            g.expect(r"\(qemu\) ")
        g.send("\x01c")
        g.run("echo back again")
        g.send("\x01c")
        g.expect(r"\(qemu\) ")
        g.send("q\r")
        g.wait_exit(0)


def test_scsi_disks_come_and_go():
    need_tinamou()
    with open("disk.img", "wb") as f:
        f.truncate(8 << 20)
    args = ["-device", "virtio-scsi-device,id=s", "-drive", "file=disk.img,if=none,format=raw,id=d",
            "-qmp", "unix:q,server=on,wait=off"]
    with linux(args, with_modules(["virtio_scsi", "sd_mod"])) as g:
        g.shell()
        q = Qmp("q")
        g.run("sh /extra/load; [ ! -e /sys/block/sda ]")
        wait = "n=0; until [ %s -e /sys/block/sda ]; do n=$((n+1)); [ $n -lt 30 ] || exit 1; sleep 1; done"
        for _ in range(2):
            q.ok("device_add", driver="scsi-hd", id="h", bus="s.0", drive="d")
            g.run("(" + wait % "" + ")")
            want(g.run("cat /sys/block/sda/size").strip() == "16384", "size of the disk")
            q.ok("device_del", id="h")
            want(q.event("DEVICE_DELETED")["device"] == "h", "which device")
            g.run("(" + wait % "!" + ")")
        want("does not support hotplugging" in q.fails("device_add", driver="virtio-rng-device"), "no such bus")
        q.fails("device_del", id="serial0")
        q.ok("quit")
        g.wait_exit(0)


def test_hmp_edits_lines():
    need_tinamou()
    args = arch_args() + ["-M", "virt", "-bios", "none", "-m", "64M", "-S", "-display", "none", "-serial", "null", "-monitor", "stdio"]
    with Guest(args) as g:
        g.expect(r"\(qemu\) ")
        g.send("inf\tsta\t\r")
        g.expect(r"VM status: paused \(prelaunch\)")
        g.send("print 12\x02\x7f3\r") # left, backspace: 32
        g.expect(r"\n0x20\r")
        g.send("\x1b[A\x1b[D\x1b[D4\r") # the line again, 4 before the last two digits
        g.expect(r"\n0x1b0\r")
        g.send("nonsense\x15print 7\r")
        g.expect(r"\n0x7\r")
        g.send("info s\t\t")
        g.expect(r"status")
        g.send("\x03q\r")
        g.wait_exit(0)


def test_several_monitors_hear_the_same_events():
    args = ["-qmp", "unix:q2,server=on,wait=off", "-chardev", "socket,id=m,path=q3,server=on,wait=off",
            "-mon", "chardev=m,mode=control,pretty=on", "-chardev", "socket,id=h,path=h,server=on,wait=off",
            "-mon", "h,mode=readline", "-S"]
    with machine(args):
        a, b = Qmp("q"), Qmp("q2")
        a.ok("cont")
        a.event("RESUME")
        b.event("RESUME")
        b.ok("stop")
        a.event("STOP")
        pretty = socket.socket(socket.AF_UNIX)
        pretty.settimeout(60)
        pretty.connect("q3")
        text = b""
        while b"\r\n}\r\n" not in text:
            text += pretty.recv(65536)
        want(b'{\r\n    "QMP": {\r\n        "version"' in text, text)
        hmp = socket.socket(socket.AF_UNIX)
        hmp.settimeout(60)
        hmp.connect("h")
        hmp.sendall(b"info status\r\n")
        text = b""
        while text.count(b"(qemu) ") < 2:
            text += hmp.recv(65536)
        want(b"VM status: paused\r\n" in text, text)


def test_file_descriptors_come_over_the_socket():
    need_tinamou()
    with machine(["-S"]):
        q = Qmp("q")
        want("SCM_RIGHTS" in q.fails("getfd", fdname="x"), "no descriptor was sent")
        with open("target", "w+b") as f:
            q.socket.sendmsg([b'{"execute": "add-fd", "arguments": {"opaque": "mine"}}'],
                             [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()]))])
            made = q.answer()["return"]
        sets = q.ok("query-fdsets")
        want(sets[0]["fdset-id"] == made["fdset-id"] and sets[0]["fds"][0]["opaque"] == "mine", sets)
        q.ok("chardev-add", id="c", backend={"type": "ringbuf", "data": {"size": 64}})
        q.ok("ringbuf-write", device="c", data="bird song")
        want(q.ok("ringbuf-read", device="c", size=4) == "bird", "ring buffer")
        want("in use" not in q.ok("query-chardev"), "list")
        q.ok("chardev-remove", id="c")
        q.fails("chardev-remove", id="c")
        q.fails("chardev-remove", id="compat_monitor0") # our own line
        q.ok("remove-fd", fdset_id=made["fdset-id"])
        want(q.ok("query-fdsets") == [], "it should be gone")


def check_type(schema, name, value, where):
    """Value must be of the type that query-qmp-schema describes under name."""
    t = schema[name]
    kind = t["meta-type"]
    if kind == "builtin":
        python = {"string": str, "int": int, "number": (int, float), "boolean": bool, "value": object, "null": type(None)}
        want(isinstance(value, python[t["json-type"]]), "%s: %r is no %s" % (where, value, t["json-type"]))
    elif kind == "enum":
        want(value in t["values"], "%s: %r is none of %r" % (where, value, t["values"]))
    elif kind == "array":
        for i, v in enumerate(value):
            check_type(schema, t["element-type"], v, "%s[%d]" % (where, i))
    else:
        members = {m["name"]: m for m in t["members"]}
        for m in t["members"]:
            want(m["name"] in value or "default" in m, "%s: no %s in %r" % (where, m["name"], value))
        for key, v in value.items():
            if key in members:
                check_type(schema, members[key]["type"], v, "%s.%s" % (where, key))


def test_what_libvirt_asks_first():
    """The probe of capabilities, and that every answer is of the type that the schema promises."""
    need_tinamou() # the schema of others has kinds of types that are not checked here
    args = arch_args() + ["-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=tcg",
                          "-qmp", "unix:q,server=on,wait=off", "-pidfile", "pid", "-daemonize"]
    with Guest(args) as g:
        g.wait_exit(0) # the one that stays has said that it is ready
        q = Qmp("q")
        schema = {t["name"]: t for t in q.ok("query-qmp-schema")}
        commands = [c["name"] for c in q.ok("query-commands")]
        for name in commands:
            want(schema[name]["meta-type"] == "command", "no schema for %s" % name)
        for t in schema.values():
            for key in ("arg-type", "ret-type", "element-type"):
                want(key not in t or t[key] in schema, "%s: no type %s" % (t["name"], t.get(key)))
            for m in t.get("members", []):
                want("type" not in m or m["type"] in schema, "%s: no type of %s" % (t["name"], m["name"]))
        for name in sorted(commands):
            command = schema[name]
            if name.startswith("query-") and not any("default" not in m for m in schema[command["arg-type"]]["members"]):
                message = q.ask(name)
                if "return" in message:
                    check_type(schema, command["ret-type"], message["return"], name)
        machines = {m["name"]: m for m in q.ok("query-machines")}
        want("virt" in machines and machines["virt"]["cpu-max"] >= 8, machines)
        q.ok("qom-list-types")
        for t in q.ok("qom-list-types", implements="device"):
            q.ok("device-list-properties", typename=t["name"])
        q.ok("qom-list-properties", typename="virt-machine")
        options = {o["option"] for o in q.ok("query-command-line-options")}
        want({"machine", "device", "chardev", "smp-opts", "memory"} <= options, options)
        want("rv64" in [m["name"] for m in q.ok("query-cpu-definitions")], "CPU models")
        want(q.ok("query-kvm")["enabled"] is False and q.ok("query-target") == {"arch": "riscv64"}, "KVM, target")
        q.ok("quit")
        deadline = time.monotonic() + 30
        while os.path.exists("pid"):
            want(time.monotonic() < deadline, "it should have ended")
            time.sleep(0.05)


def test_answers_have_the_members_that_clients_know():
    """Shapes that libvirt and others rely on; run against another emulator, the same must hold."""
    with machine(["-S", "-device", "virtio-rng-device,id=r0"]):
        q = Qmp("q")
        known = {
            "query-status": {"status", "running"},
            "query-memory-size-summary": {"base-memory"},
            "query-kvm": {"enabled", "present"},
            "query-current-machine": {"wakeup-suspend-support"},
        }
        for name, members in known.items():
            want(members <= set(q.ok(name)), "%s: %r" % (name, q.ok(name)))
        lists = {
            "query-chardev": {"label", "filename", "frontend-open"},
            "query-cpus-fast": {"cpu-index", "qom-path", "thread-id", "target"},
            "query-machines": {"name", "cpu-max", "hotpluggable-cpus", "numa-mem-supported", "deprecated"},
            "query-memdev": {"id", "size", "policy", "host-nodes", "share", "prealloc", "dump", "merge"},
        }
        for name, members in lists.items():
            rows = q.ok(name)
            want(rows and all(members <= set(r) for r in rows), "%s: %r" % (name, rows))
        functions = q.ok("query-pci")[0]["devices"]
        want({"bus", "slot", "function", "class_info", "id", "irq_pin", "qdev_id", "regions"} <= set(functions[0]), functions)
        want(functions[0]["class_info"]["desc"] == "Host bridge", functions)
        want(q.ok("qom-get", path="/machine/peripheral/r0", property="type") == "virtio-rng-device", "type by path")
        want({"name": "r0", "type": "child<virtio-rng-device>"} in q.ok("qom-list", path="/machine/peripheral"), "children")
        q.fails("qom-list", "DeviceNotFound", path="/nosuch")
        q.fails("device_del", "DeviceNotFound", id="nosuch")
        q.fails("device_add", driver="nosuch")
        q.ok("object-add", qom_type="rng-random", id="o")
        q.ok("object-del", id="o")
        q.fails("object-del", id="o")
        want(EMULATOR and q.ok("query-fdsets") == [], "sets")


def test_drives_come_and_go_and_the_debugger_moves():
    need_tinamou()
    with open("a.raw", "wb") as f:
        f.truncate(1 << 20)
    drive = ["-drive", "file=a.raw,format=raw,if=none,id=a", "-device", "virtio-blk-device,drive=a"]
    with machine(["-S", "-netdev", "user,id=n", "-device", "virtio-net-device,netdev=n,id=nic"] + drive):
        q = Qmp("q")
        with open("b.raw", "wb") as f:
            f.truncate(1 << 20)
        want(q.hmp("drive_add 0 file=b.raw,format=raw,id=b").strip() == "OK", "drive_add should say OK")
        want("b" in [d["device"] for d in q.ok("query-block")], "the drive is not listed")
        want("if=none only" in q.hmp("drive_add 0 file=b.raw,if=virtio"), "if=virtio should be refused")
        want(q.hmp("drive_del b") == "", "drive_del of an unused drive")
        want(q.hmp("drive_del a") == "", "drive_del of a used drive")
        want("no drive 'a'" in q.hmp("drive_del a"), "it should be gone")
        want("inserted" not in q.ok("query-block")[0], "the device still has its image")
        f = q.ok("query-rx-filter")[0]
        want(f["main-mac"] == "52:54:00:12:34:56" and f["promiscuous"] and f["vlan"] == "all", "receive filter: %r" % f)
        want(q.ok("query-rx-filter", name="nic") == [f], "the same by name")
        want("no network card" in q.fails("query-rx-filter", name="nix"), "a wrong name")
        want('name="device tree"' in q.hmp("info roms"), "info roms: " + q.hmp("info roms"))
        for port in ("g1", "g2"):
            want(q.hmp("gdbserver unix:%s" % port) == "" and os.path.exists(port), "gdbserver")
        want(q.hmp("gdbserver none") == "", "gdbserver none")
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect("g2")
            raise Failed("the debugger's server still listens")
        except OSError:
            pass


CONFIG = """
# as programs write it
[name]
  guest = "from a file"
[memory]
  size = "96M"
[object "rng0"]
  qom-type = "rng-builtin"
[device "port"]
  driver = "pcie-root-port"
  bus = "pcie.0"
[netdev "n"]
  type = "user"
  hostname = "a,b"
[device "nic"]
  driver = "virtio-net-pci"
  netdev = "n"
  bus = "port"
"""


def test_options_from_a_file():
    need_tinamou()
    with open("vm.conf", "w") as f:
        f.write(CONFIG)
    with machine(["-S", "-readconfig", "vm.conf", "-set", "device.nic.mac=52:54:00:aa:bb:cc", "-device", "virtio-rng-pci,rng=rng0"]):
        q = Qmp("q")
        want(q.ok("query-name")["name"] == "from a file", "the name")
        want(q.ok("query-memory-size-summary")["base-memory"] == 96 << 20, "the memory")
        want("macaddr=52:54:00:aa:bb:cc" in q.hmp("info network"), "the network: " + q.hmp("info network"))


def test_messages_with_time_and_name():
    need_tinamou()
    with Guest(arch_args() + ["-M", "nix", "-name", "me", "-msg", "timestamp=on,guest-name=on"]) as g:
        g.expect(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z me tinamou: -machine nix: no ")
        g.wait_exit(1)


def test_pointers_and_what_there_is_not():
    need_tinamou()
    with machine(["-S", "-device", "virtio-tablet-pci", "-device", "virtio-mouse-pci"]):
        q = Qmp("q")
        want([(m["current"], m["absolute"]) for m in q.ok("query-mice")] == [(True, True), (False, False)], "pointers")
        want(q.hmp("mouse_set 1") == "" and "* Mouse #0: virtio-mouse" in q.hmp("info mice"), q.hmp("info mice"))
        want("no pointing device 7" in q.hmp("mouse_set 7"), "a wrong number")
        want("has no GIC" in q.fails("query-gic-capabilities"), "a GIC")
        q.fails("set_password", "DeviceNotActive", protocol="spice", password="x")
        want("type vnc" in q.fails("expire_password", protocol="vnc", time="now"), "expire_password")
        want("Server: disabled" in q.hmp("info vnc") and "[tcg]" in q.hmp("info accelerators"), "info")


def test_what_follows_a_watchdog_or_a_crash():
    need_tinamou()
    with machine(["-S", "-device", "i6300esb", "-device", "pvpanic-pci", "-watchdog-action", "none"]):
        q = Qmp("q")
        q.ok("watchdog-set-action", action="pause")
        q.ok("set-action", panic="exit-failure", watchdog="debug")
        want("did you mean 'reset'" in q.hmp("watchdog_action rest"), "a wrong action")
        want(q.hmp("watchdog_action reset") == "", "watchdog_action")


def test_threads_for_disks():
    need_tinamou()
    with open("a.raw", "wb") as f:
        f.truncate(1 << 20)
    with machine(["-S", "-object", "iothread,id=io0", "-object", '{"qom-type": "iothread", "id": "io1", "poll-max-ns": 5000}',
                  "-drive", "file=a.raw,format=raw,if=none,id=a", "-device", "virtio-blk-pci,drive=a,iothread=io0",
                  "-device", "virtio-scsi-pci,iothread=io0"]) as g:
        q = Qmp("q")
        threads = q.ok("query-iothreads")
        want([t["id"] for t in threads] == ["io0", "io1"] and threads[1]["poll-max-ns"] == 5000, "threads: %r" % threads)
        tasks = os.listdir("/proc/%d/task" % g.process.pid)
        want(all(str(t["thread-id"]) in tasks for t in threads), "threads: %r, of %r" % (threads, tasks))
        want("io1:\n  thread_id=%d" % threads[1]["thread-id"] in q.hmp("info iothreads").replace("\r", ""), "info iothreads")
        want("in use by device" in q.fails("object-del", id="io0"), "a thread that devices have")
        q.ok("object-del", id="io1")
        q.ok("object-add", **{"qom-type": "iothread", "id": "io2"})
        want([t["id"] for t in q.ok("query-iothreads")] == ["io0", "io2"], "after object-add")


def test_nodes_are_opened_with_other_options():
    need_tinamou()
    with open("base.raw", "wb") as f:
        f.truncate(1 << 20)
    with machine(["-S", "-blockdev", "driver=file,node-name=base,filename=base.raw,read-only=on"]):
        q = Qmp("q")
        q.ok("blockdev-add", driver="null-co", node_name="zero", size=1 << 20)
        q.fails("blockdev-reopen", options=[{"driver": "file", "node-name": "base", "filename": "other"}])
        q.fails("blockdev-reopen", options=[{"driver": "raw", "node-name": "base"}])
        q.fails("blockdev-reopen", options=[{"driver": "file", "node-name": "base", "backing": "zero"}])
        q.fails("blockdev-reopen", options=[{"driver": "file", "node-name": "base", "locking": "on"}])
        q.ok("blockdev-reopen", options=[{"driver": "file", "node-name": "base", "discard": "unmap", "detect-zeroes": "unmap", "cache": {"no-flush": True}}])
        b = [n for n in q.ok("query-named-block-nodes") if n["node-name"] == "base"][0]
        want(not b["ro"] and b["cache"]["no-flush"] and b["detect_zeroes"] == "unmap", "base is now %r" % b)
        q.ok("blockdev-reopen", options=[{"driver": "file", "node-name": "base", "read-only": True}])
        b = [n for n in q.ok("query-named-block-nodes") if n["node-name"] == "base"][0]
        want(b["ro"] and not b["cache"]["no-flush"], "base is now %r" % b)


def created(q, **options):
    """What blockdev-create ends with: None, or its error."""
    q.ok("blockdev-create", job_id="new", options={k.replace("_", "-"): v for k, v in options.items()})
    while True:
        job = q.ok("query-jobs")[0]
        if job["status"] == "concluded":
            q.ok("job-dismiss", id="new")
            return job.get("error")
        time.sleep(0.02)


def test_images_are_made_in_open_files():
    """As libvirt does before a snapshot: a file, its node, the image in that, the image's node."""
    need_tinamou()
    info = [need_tool("qemu-img"), "info", "-U", "--output=json", "new.qcow2"]
    with machine(["-S"]):
        q = Qmp("q")
        want(created(q, driver="file", filename="new.qcow2", size=0) is None, "no file")
        q.ok("blockdev-add", driver="file", node_name="f", filename="new.qcow2")
        want(created(q, driver="qcow2", file="f", size=8 << 20, preallocation="full") is None, "no image with all its places")
        want(created(q, driver="qcow2", file="f", size=64 << 20, version="v3", cluster_size=4096, backing_file="below.raw",
                     backing_fmt="raw") is None, "no image on another")
        data = json.loads(subprocess.run(info, capture_output=True, check=True).stdout)
        want((data["virtual-size"], data["cluster-size"], data["backing-filename"]) == (64 << 20, 4096, "below.raw"), "it is %r" % data)
        want("no option 'cluster-sze'" in created(q, driver="qcow2", file="f", size=1 << 20, cluster_sze=4096), "a key nobody knows")
        q.ok("blockdev-add", driver="qcow2", node_name="i", file="f", backing=None)
        want("in use" in created(q, driver="qcow2", file="f", size=1 << 20), "made below an open image")
        q.fails("blockdev-create", job_id="j", options={"driver": "qcow2", "size": 1})
        q.ok("blockdev-del", node_name="i")
        want(created(q, driver="qcow2", file="f", size=8 << 20, preallocation="metadata") is None, "no image with places")
        q.ok("quit")
    subprocess.run([need_tool("qemu-img"), "check", "-q", "new.qcow2"], check=True)


def test_snapshots_inside_one_image():
    need_tinamou()
    subprocess.run([need_tool("qemu-img"), "create", "-q", "-f", "qcow2", "disk.qcow2", "4M"], check=True)

    def names(q):
        image = q.ok("query-block")[0]["inserted"]["image"]
        return [s["name"] for s in image.get("snapshots", [])]

    with machine(["-drive", "file=disk.qcow2,if=none,id=d", "-device", "virtio-blk-device,drive=d"]):
        q = Qmp("q")
        q.ok("blockdev-snapshot-internal-sync", device="d", name="one")
        want("already" in q.fails("blockdev-snapshot-internal-sync", device="d", name="one"), "made twice")
        q.fails("blockdev-snapshot-internal-sync", device="d", name="x" * 300)
        two = {"type": "blockdev-snapshot-internal-sync", "data": {"device": "d", "name": "two"}}
        q.fails("transaction", actions=[two, {"type": "abort", "data": {}}])
        want(names(q) == ["one"], "what was undone is there: %r" % names(q))
        q.ok("transaction", actions=[two])
        want(names(q) == ["one", "two"], "snapshots are %r" % names(q))
        gone = q.ok("blockdev-snapshot-delete-internal-sync", device="d", name="one")
        want((gone["name"], gone["vm-state-size"]) == ("one", 0), "gone is %r" % gone)
        q.fails("blockdev-snapshot-delete-internal-sync", device="d", name="one")
        want(q.hmp("snapshot_blkdev_internal d three") == "" and names(q) == ["two", "three"], "snapshots are %r" % names(q))
        q.ok("quit")
    subprocess.run([need_tool("qemu-img"), "check", "-q", "disk.qcow2"], check=True)


def test_the_device_tree_is_written():
    need_tinamou()
    with machine(["-S"]):
        q = Qmp("q")
        q.ok("dumpdtb", filename="tree.dtb")
        with open("tree.dtb", "rb") as f:
            data = f.read()
        want(data[:4] == b"\xd0\x0d\xfe\xed" and b"riscv-virtio" in data, "that is no tree of this board")
        want("No such file" in q.fails("dumpdtb", filename="none/tree.dtb"), "a directory that is not there")
        q.ok("quit")
    with Guest(["-M", "none", "-arch", "riscv64", "-display", "none", "-serial", "null", "-qmp", "unix:q,server=on,wait=off", "-monitor", "none"]):
        want("no device tree" in Qmp("q").fails("dumpdtb", filename="tree.dtb"), "a machine without a tree")
