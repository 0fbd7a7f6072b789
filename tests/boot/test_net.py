"""Networks: a Debian guest gets an address, fetches, serves; and what the options do."""
import hashlib
import json
import os
import socket
import subprocess
import urllib.request

from guest import Failed, Skipped, alone, need_tinamou, need_tool
from netguest import bring_up, connect, fail_unless, free_port, net_guest, receive_all, serve_http

CARD = ["-device", "virtio-net-device,netdev=n0"]


def big_file():
    """A directory with 3 MiB that do not repeat, and their checksum."""
    os.makedirs("www", exist_ok=True)
    data = b"".join(hashlib.sha512(b"%d" % i).digest() for i in range(3 << 14))
    with open("www/big", "wb") as f:
        f.write(data)
    return hashlib.sha256(data).hexdigest()


def fetch(g, want, timeout=60):
    port = serve_http("www")
    got = g.run("wget -q -O /tmp/big http://10.0.2.2:%d/big && sha256sum /tmp/big" % port, timeout)
    fail_unless(want in got, g, "the file arrived changed")


def serve(g, port):
    """What the guest sends through hostfwd: the file it fetched."""
    g.run("httpd -p 80 -h /tmp")
    with urllib.request.urlopen("http://127.0.0.1:%d/big" % port, timeout=30) as r:
        return hashlib.sha256(r.read()).hexdigest()


def use_network(g, port):
    want = big_file()
    fail_unless(bring_up(g) == "10.0.2.15", g, "not the address that DHCP hands out")
    g.run("ping -c 2 10.0.2.2")
    fetch(g, want)
    fail_unless(serve(g, port) == want, g, "the file left the guest changed")
    g.send("exit\n")
    g.wait_exit(0)


def user(port, more=""):
    return "user,id=n0,hostfwd=tcp:127.0.0.1:%d-:80%s" % (port, more)


def test_dhcp_fetch_and_serve():
    port = free_port()
    with net_guest(["-netdev", user(port)] + CARD) as g:
        use_network(g, port)


@alone
def test_modern_virtio_with_two_cpus():
    port = free_port()
    with net_guest(["-global", "virtio-mmio.force-legacy=false", "-netdev", user(port)] + CARD, smp=2) as g:
        use_network(g, port)


def test_without_offloads():
    """Every frame plain, one buffer each: what drivers without these features see."""
    port = free_port()
    with net_guest(["-netdev", user(port), "-device", "virtio-net-device,netdev=n0,csum=off,guest_csum=off,gso=off,"
                    "guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,mrg_rxbuf=off,event_idx=off,ctrl_vq=off,"
                    "ctrl_rx=off,ctrl_rx_extra=off,ctrl_vlan=off,ctrl_mac_addr=off,ctrl_guest_offloads=off,guest_announce=off"]) as g:
        use_network(g, port)


def on_card(card, driver=(), **kwargs):
    port = free_port()
    with net_guest(["-netdev", user(port), "-device", card + ",netdev=n0"], drivers=driver, **kwargs) as g:
        use_network(g, port)


def test_virtio_on_pci():
    on_card("virtio-net-pci")


def test_intel_82540em():
    on_card("e1000", ["e1000"])


def test_intel_82574l():
    on_card("e1000e", ["e1000e"])


def test_realtek_8139c_plus():
    on_card("rtl8139", ["8139cp"], arch="arm64")


def test_old_net_options_make_card_and_hub():
    need_tinamou()
    port = free_port()
    with net_guest(["-net", "nic,model=virtio,macaddr=52:54:00:aa:bb:cc", "-net", "user,hostfwd=tcp:127.0.0.1:%d-:80" % port]) as g:
        use_network(g, port)


def test_nic_option_with_json_netdev():
    need_tinamou()
    port = free_port()
    with net_guest(["-nic", "user,model=virtio,mac=52:54:00:01:02:03,hostfwd=tcp:127.0.0.1:%d-:80" % port, "-netdev",
                    '{"type":"user","id":"j0","hostfwd":[{"str":"tcp:127.0.0.1:%d-:81"}],"restrict":true}' % free_port()]) as g:
        use_network(g, port)


def test_ipv6_neighbour_and_router():
    with net_guest(["-netdev", "user,id=n0"] + CARD) as g:
        bring_up(g)
        g.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ip -6 route | grep -q ^default && break; sleep 0.5; done")
        g.run("ip -6 addr show eth0 | grep fec0:")
        g.run("ping -6 -c 2 fec0::2", 30)
        g.send("exit\n")
        g.wait_exit(0)


def test_bulk_out_through_the_host():
    port, thread, total = receive_all()
    with net_guest(["-netdev", "user,id=n0"] + CARD) as g:
        bring_up(g)
        g.run("dd if=/dev/zero bs=64k count=512 2>/dev/null | nc 10.0.2.2 %d" % port, 100)
        thread.join(20)
        if total[0] != 512 << 16:
            raise Failed("%d bytes arrived of %d" % (total[0], 512 << 16))
        g.send("exit\n")
        g.wait_exit(0)


def test_filter_dump_records_whole_frames():
    with net_guest(["-netdev", "user,id=n0", "-object", "filter-dump,id=f0,netdev=n0,file=net.pcap"] + CARD) as g:
        big = big_file()
        bring_up(g)
        fetch(g, big)
        g.send("exit\n")
        g.wait_exit(0)
    with open("net.pcap", "rb") as f:
        data = f.read()
    at, frames, longest = 24, 0, 0
    while at < len(data):
        n = int.from_bytes(data[at + 8:at + 12], "little")
        frames, longest, at = frames + 1, max(longest, n), at + 16 + n
    if data[:4] != b"\xd4\xc3\xb2\xa1" or at != len(data) or frames < 2000 or longest > 1514:
        raise Failed("the record holds %d frames, the longest of %d bytes, and ends at %d of %d" % (frames, longest, at, len(data)))


def two_guests(first, second, tries=40):
    """The second fetches a file from the first over a cable of theirs."""
    os.makedirs("a", exist_ok=True)
    os.makedirs("b", exist_ok=True)
    os.chdir("a")
    with net_guest(["-netdev", first] + CARD) as g:
        os.chdir("../b")
        with net_guest(["-netdev", second, "-device", "virtio-net-device,netdev=n0,mac=52:54:00:12:34:99"]) as h:
            for x, address in (g, "192.168.7.1"), (h, "192.168.7.2"):
                x.shell()
                x.run("ip link set eth0 up; ip addr add %s/24 dev eth0" % address)
            g.run("dd if=/dev/urandom of=/tmp/f bs=64k count=64 2>/dev/null; httpd -p 80 -h /tmp")
            want = g.run("sha256sum /tmp/f").split()[0]
            h.run("for i in $(seq %d); do ping -c 1 -W 1 192.168.7.1 && break; done" % tries, 90)
            h.run("wget -q -O /tmp/f http://192.168.7.1/f", 60)
            fail_unless(want in h.run("sha256sum /tmp/f"), h, "the file arrived changed")
            for x in g, h:
                x.send("exit\n")
                x.wait_exit(0)


def test_two_guests_by_unix_stream():
    s = os.path.abspath("s")
    two_guests("stream,id=n0,server=on,addr.type=unix,addr.path=" + s, "stream,id=n0,addr.type=unix,addr.path=" + s)


def test_two_guests_by_tcp_socket():
    port = free_port()
    two_guests("socket,id=n0,listen=127.0.0.1:%d" % port, "socket,id=n0,connect=127.0.0.1:%d" % port)


def test_two_guests_by_datagrams():
    a, b = free_port(), free_port()
    inet = "dgram,id=n0,local.type=inet,local.host=127.0.0.1,local.port=%d,remote.type=inet,remote.host=127.0.0.1,remote.port=%d"
    two_guests(inet % (a, b), inet % (b, a))


def test_cards_on_one_hub_reach_each_other():
    """Two cards of one guest, in name spaces of their own as far as BusyBox goes: ARP and ping over a hub."""
    with net_guest(["-netdev", "hubport,id=p0,hubid=1", "-netdev", "hubport,id=p1,hubid=1", "-netdev",
                    "user,id=u0", "-netdev", "hubport,id=p2,hubid=1,netdev=u0", "-device",
                    "virtio-net-device,netdev=p0", "-device", "virtio-net-device,netdev=p1"]) as g:
        bring_up(g)
        g.run("ip link set eth1 up")
        before = int(g.run("cat /sys/class/net/eth1/statistics/rx_packets").split()[-1])
        g.run("arping -c 3 -I eth0 10.0.2.2 || arping -c 3 -I eth0 10.0.2.2")
        g.run("ping -c 2 10.0.2.2")
        after = int(g.run("cat /sys/class/net/eth1/statistics/rx_packets").split()[-1])
        fail_unless(after > before, g, "the second card heard nothing of the first")
        g.send("exit\n")
        g.wait_exit(0)


def ip(*args):
    return subprocess.run(["ip"] + list(args), capture_output=True, text=True)


def test_tap_carries_both_directions():
    name = "tnm%d" % (os.getpid() % 100000)
    if os.geteuid() or ip("tuntap", "add", "dev", name, "mode", "tap").returncode:
        raise Skipped("no right to make TAP interfaces")
    try:
        ip("addr", "add", "192.168.251.1/24", "dev", name)
        ip("link", "set", name, "up")
        with net_guest(["-netdev", "tap,id=n0,ifname=%s,script=no,downscript=no" % name] + CARD) as g:
            want = big_file()
            g.shell()
            g.run("ip link set eth0 up; ip addr add 192.168.251.2/24 dev eth0; ping -c 2 192.168.251.1")
            g.run("wget -q -O /tmp/big http://192.168.251.1:%d/big" % serve_http("www", host="192.168.251.1"), 60)
            fail_unless(want in g.run("sha256sum /tmp/big"), g, "the file arrived changed")
            g.run("httpd -p 80 -h /tmp")
            with urllib.request.urlopen("http://192.168.251.2/big", timeout=30) as r:
                fail_unless(hashlib.sha256(r.read()).hexdigest() == want, g, "the file left the guest changed")
            g.send("exit\n")
            g.wait_exit(0)
    finally:
        ip("link", "del", name)


class Qmp:
    """A QMP session on a TCP port."""

    def __init__(self, port):
        self.file = connect(port).makefile("rw")
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "event" not in answer:
                return answer


def test_cable_is_unplugged_and_ports_are_forwarded_while_running():
    port, qmp_port = free_port(), free_port()
    with net_guest(["-netdev", "user,id=n0", "-qmp", "tcp:127.0.0.1:%d,server=on,wait=off" % qmp_port] + CARD) as g:
        bring_up(g)
        qmp = Qmp(qmp_port)

        def hmp(line):
            return qmp("human-monitor-command", **{"command-line": line}).get("return")

        fail_unless(qmp("set_link", name="n0", up=False) == {"return": {}}, g, "set_link failed")
        g.run("for i in 1 2 3 4 5 6 7 8 9; do grep -q 0 /sys/class/net/eth0/carrier && break; sleep 0.2; done; grep 0 /sys/class/net/eth0/carrier")
        qmp("set_link", name="n0", up=True)
        g.run("for i in 1 2 3 4 5 6 7 8 9; do grep -q 1 /sys/class/net/eth0/carrier && break; sleep 0.2; done; ping -c 1 10.0.2.2")
        g.run("echo hello >/tmp/index.html; httpd -p 80 -h /tmp")
        hmp("hostfwd_add tcp:127.0.0.1:%d-:80" % port)
        with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=30) as r:
            fail_unless(r.read() == b"hello\n", g, "not the page that the guest serves")
        for _ in range(2): # the second time there is what somebody left
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind("web-site")
            hmp("hostfwd_add unix:web-site-:80")
            with socket.socket(socket.AF_UNIX) as asked:
                asked.connect("web-site")
                asked.sendall(b"GET / HTTP/1.0\r\n\r\n")
                fail_unless(b"hello" in asked.makefile("rb").read(), g, "no page through a UNIX socket")
            fail_unless("removed" in hmp("hostfwd_remove unix:web-site") and not os.path.exists("web-site"), g, "it is still there")
        hmp("hostfwd_add unix:web-site-10.0.2.15:80")
        qmp("stop") # the connection waits for the guest to go on
        asked = connect(port)
        asked.sendall(b"GET / HTTP/1.0\r\n\r\n")
        qmp("cont")
        fail_unless(b"hello" in asked.makefile("rb").read(), g, "no page after the machine was stopped")
        fail_unless("HOST_FORWARD" in hmp("info usernet"), g, "info usernet does not show the rule")
        fail_unless("removed" in hmp("hostfwd_remove tcp:127.0.0.1:%d" % port), g, "hostfwd_remove failed")
        answer = qmp("netdev_del", id="nope")
        fail_unless(answer.get("error", {}).get("class") == "DeviceNotFound", g, "netdev_del of nothing: %s" % answer)
        fail_unless(qmp("netdev_add", type="user", id="n1", restrict=True) == {"return": {}}, g, "netdev_add failed")
        fail_unless("n1: index=0,type=user" in hmp("info network"), g, "info network does not show n1")
        qmp("netdev_del", id="n1")
        qmp("netdev_del", id="n0") # under a running card
        g.run("! ping -c 1 -W 1 10.0.2.2")
        fail_unless(not os.path.exists("web-site"), g, "a network that is gone leaves its socket")
        g.send("exit\n")
        g.wait_exit(0)


def receive(peer, n):
    """Exactly n bytes."""
    data = b""
    while len(data) < n:
        more = peer.recv(n - len(data))
        if not more:
            raise Failed("the connection ended after %r" % data)
        data += more
    return data


def test_guestfwd_to_a_chardev_and_to_commands():
    """One stream through a device made for the rule, one through a -chardev, and a program per connection."""
    inline, named = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    rules = ["tcp:10.0.2.100:7-tcp:127.0.0.1:%d" % inline.getsockname()[1], "tcp:10.0.2.101:7-far", "tcp:10.0.2.102:7-cmd:cat"]
    with net_guest(["-chardev", "socket,id=far,host=127.0.0.1,port=%d" % named.getsockname()[1],
                    "-netdev", "user,id=n0,restrict=on," + ",".join("guestfwd=" + r for r in rules)] + CARD) as g:
        bring_up(g)
        for listener, address in ((inline, "10.0.2.100"), (named, "10.0.2.101")):
            g.send("(echo to-$((1 + 1)); sleep 60) | nc %s 7\n" % address)
            peer = listener.accept()[0]
            fail_unless(receive(peer, 5) == b"to-2\n", g, "the device at %s did not get the guest's line" % address)
            peer.sendall(b"from-there\n")
            g.expect("from-there")
            g.send("\x03")
            g.expect("# ")
        for _ in range(2):
            fail_unless("again" in g.run("(echo again; sleep 1) | nc 10.0.2.102 7"), g, "no answer from the command")


def test_directory_of_the_host_by_smb():
    """The guest mounts the share, reads a file and writes one."""
    need_tool("smbd")
    os.mkdir("shared")
    with open("shared/there", "w") as f:
        f.write("from the host\n")
    g = net_guest(["-netdev", "user,id=n0,restrict=on,smb=" + os.path.abspath("shared")] + CARD, drivers=["cmac", "ctr", "ccm", "gcm", "cifs"])
    with g:
        bring_up(g)
        g.run("mkdir -p /mnt && mount -t cifs //10.0.2.4/qemu /mnt -o ip=10.0.2.4,guest,vers=3.0", 60)
        fail_unless("from the host" in g.run("cat /mnt/there"), g, "the host's file is not in the share")
        g.run("echo from the guest >/mnt/new && umount /mnt")
        g.send("exit\n")
        g.wait_exit(0)
    with open("shared/new") as f:
        if f.read() != "from the guest\n":
            g.fail("what the guest wrote did not arrive")
