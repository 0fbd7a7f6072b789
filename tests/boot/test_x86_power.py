"""What Linux on a PC makes of NMIs, sleep with memory powered (S3), the power button, watchdogs that bite, and SMBus."""
from guest import linux, need_file
from modules import with_modules
from test_monitor import Qmp, want

SLEEP = "echo mem > /sys/power/state; echo $((40+2)) awake\n"


def start(machine, modules, more):
    need_file("/usr/share/seabios/bios-256k.bin")
    initrd = with_modules(modules, base="initrd-small.cpio.gz", arch="amd64")
    return linux(["-net", "none", "-qmp", "unix:q,server=on,wait=off"] + more, arch="amd64", machine=machine, memory="256M", append="panic=-1",
                 initrd=initrd)


ALARM = """r=/sys/class/rtc/rtc0; t=$(($(cat $r/since_epoch)+3)); echo $t > $r/wakealarm; echo mem > /sys/power/state
[ $(cat $r/since_epoch) -ge $t ] && grep -q STS /sys/firmware/acpi/interrupts/ff_rt_clk && echo on $((40+2)) time
"""


def check_power(machine, smbus):
    with start(machine, ["button", "evdev", smbus, "at24"], ["-smp", "2"]) as g:
        g.shell()
        g.run("sh /extra/load")
        g.run("echo 24c02 0x50 > /sys/bus/i2c/devices/i2c-0/new_device")
        if "80 08 08" not in g.run("hexdump -C /sys/bus/i2c/devices/0-0050/eeprom | head -1"):
            g.fail("the EEPROM of the first module of memory says something else")
        q = Qmp("q")
        q.ok("inject-nmi")
        g.run("until dmesg | grep -q 'NMI received.*CPU 1'; do sleep 0.1; done")
        g.send(SLEEP)
        q.event("SUSPEND")
        q.ok("system_wakeup")
        g.expect("42 awake")
        q.event("WAKEUP")
        g.send(ALARM)
        g.expect("on 42 time")
        g.run("for i in /dev/input/event*; do (head -c 1 $i; poweroff -f) & done; sleep 0.5")
        q.ok("system_powerdown")
        g.wait_exit(0)


def test_sleep_and_buttons_of_pc():
    check_power("pc", "i2c-piix4")


def test_sleep_and_buttons_of_q35():
    check_power("q35", "i2c-i801")


def test_the_watchdog_of_the_chip_set_bites():
    with start("q35", ["lpc_ich", "iTCO_wdt"], ["-watchdog-action", "poweroff"]) as g:
        g.shell()
        g.run("sh /extra/load")
        q = Qmp("q")
        g.run("watchdog -F -T 3 -t 100 /dev/watchdog & sleep 0.2")
        want(q.event("WATCHDOG") == {"action": "poweroff"}, "the action")
        g.wait_exit(0)


def test_a_panic_ends_the_machine():
    with start("pc", ["pvpanic_mmio"], ["-device", "pvpanic", "-action", "panic=exit-failure"]) as g:
        g.shell()
        g.run("sh /extra/load")
        g.send("echo c > /proc/sysrq-trigger\n")
        g.wait_exit(1)
