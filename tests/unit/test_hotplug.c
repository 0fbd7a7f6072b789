/* Slots of PCI Express ports: cards that come and go, as a guest's driver of the slot sees them. */
#include "core/event.h"
#include "hw/hotplug.h"
#include "hw/registry.h"
#include "hw/virtio/pci.h"
#include "tests/unit/pci_bench.h"

#include <glib.h>
#include <string.h>

enum { RP = 1, EVENTS = 0x011f };
enum { BUTTON = 1, PRESENCE = 8, COMMAND = 0x10, PRESENT = 0x40, LINK = 0x100 };
enum { BLINK = 0x200, ON = 0x100, INDICATOR = 0x300, POWER_OFF = 0x400, ALL_ENABLED = 0x1039 };

struct rig {
    struct pci_bench *t;
    struct device *port;
    unsigned cap;
    GString *events;
};

static void note_event(void *opaque, const char *name, const char *data, int64_t wall_us UNUSED)
{
    g_string_append_printf(((struct rig *)opaque)->events, "%s %s\n", name, data);
}

/* As if the machine had been started: before that cards are simply taken out. */
static struct rig setup(void)
{
    struct rig r = {.t = pci_bench_new(hw_device_find("gpex-pcihost")),
                    .events = g_string_new(NULL)};
    r.port = pci_bench_add(r.t, hw_device_find("pcie-root-port"), "rp", NULL, "1", NULL);
    g_assert_nonnull(r.port);
    cfg_write(r.t, RP, PCI_PRIMARY_BUS, 4, 0x00010100);
    r.cap = cfg_find_cap(r.t, config_address(0, RP, 0, 0), PCI_CAP_EXPRESS);
    r.t->m->run_state = RUN_RUNNING;
    return r;
}

static void finish(struct rig *r)
{
    pci_bench_free(r->t);
    g_string_free(r->events, TRUE);
}

static uint32_t get(struct rig *r, unsigned reg)
{
    return cfg_read(r->t, RP, r->cap + reg, 2);
}

static void put(struct rig *r, unsigned reg, uint32_t v)
{
    cfg_write(r->t, RP, r->cap + reg, 2, v);
}

static uint32_t take_events(struct rig *r)
{
    uint32_t v = get(r, PCIE_SLOT_STATUS) & EVENTS;
    put(r, PCIE_SLOT_STATUS, v);
    return v;
}

/* What device_add does; id NULL: check only. */
static bool plug(struct rig *r, const char *id, const char *addr, struct error **errp)
{
    struct machine *m = r->t->m;
    const struct device_type *type = hw_device_find("virtio-rng-pci");
    if (!hw_hotplug_check(m, type, "rp", errp))
        return false;
    machine_pause(m);
    struct device *dev = device_new(type, m, id);
    struct device *inner = virtio_pci_create_inner(dev);
    bool ok = (!addr || device_set(dev, "addr", addr, errp)) &&
              device_set(dev, "multifunction", "on", errp) && hw_bus_plug(m, dev, "rp", errp) &&
              device_realize(inner, errp) && device_realize(dev, errp);
    g_assert_true(ok);
    hw_hotplug_added(dev);
    machine_resume(m);
    return ok;
}

static bool is_there(struct rig *r)
{
    return peek(r->t, config_address(1, 0, 0, 0), 4) == 0x10441af4;
}

static void run_main_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static struct device *card(struct rig *r)
{
    return machine_find_device(r->t->m, "c");
}

static void test_card_put_in_raises_events_and_an_interrupt(void)
{
    struct rig r = setup();
    g_assert_false(is_there(&r));
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | INDICATOR);
    g_assert_cmphex(take_events(&r), ==, COMMAND);
    g_assert_false(r.t->irq[2]);
    g_assert_true(plug(&r, "c", NULL, NULL));
    g_assert_true(r.t->irq[2]);
    g_assert_true(is_there(&r));
    g_assert_cmphex(get(&r, PCIE_SLOT_STATUS), ==, BUTTON | PRESENCE | LINK | PRESENT);
    g_assert_cmphex(get(&r, PCIE_LINK_STATUS) & 0x2000, ==, 0x2000);
    g_assert_cmphex(take_events(&r), ==, BUTTON | PRESENCE | LINK);
    g_assert_false(r.t->irq[2]);
    finish(&r);
}

static void test_no_event_interrupts_that_is_not_enabled(void)
{
    struct rig r = setup();
    g_assert_true(plug(&r, "c", NULL, NULL));
    g_assert_false(r.t->irq[2]);
    put(&r, PCIE_SLOT_CONTROL, BUTTON | INDICATOR); /* enabled, but for the slot's interrupt */
    g_assert_false(r.t->irq[2]);
    put(&r, PCIE_SLOT_CONTROL, 0x20 | INDICATOR);
    g_assert_false(r.t->irq[2]);
    put(&r, PCIE_SLOT_CONTROL, 0x1020 | INDICATOR);
    g_assert_true(r.t->irq[2]);
    put(&r, PCIE_SLOT_STATUS, LINK);
    g_assert_false(r.t->irq[2]);
    finish(&r);
}

static void test_events_come_as_messages(void)
{
    struct rig r = setup();
    cfg_write(r.t, RP, PCI_BAR0, 4, MMIO);
    cfg_write(r.t, RP, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    poke(r.t, MMIO, 4, BENCH_RAM + 0x100);
    poke(r.t, MMIO + 8, 4, 0x600d);
    poke(r.t, MMIO + 12, 4, 0);
    unsigned msix = cfg_find_cap(r.t, config_address(0, RP, 0, 0), PCI_CAP_MSIX);
    cfg_write(r.t, RP, msix + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
    put(&r, PCIE_SLOT_CONTROL, 0x1029 | INDICATOR);
    g_assert_true(plug(&r, "c", NULL, NULL));
    g_assert_false(r.t->irq[2]);
    g_assert_cmphex(peek(r.t, BENCH_RAM + 0x100, 4), ==, 0x600d);
    poke(r.t, BENCH_RAM + 0x100, 4, 0);
    put(&r, PCIE_SLOT_STATUS, BUTTON); /* others are still there: no new message */
    g_assert_cmphex(peek(r.t, BENCH_RAM + 0x100, 4), ==, 0);
    take_events(&r);
    put(&r, PCIE_SLOT_CONTROL, 0x1029 | POWER_OFF);
    g_assert_cmphex(peek(r.t, BENCH_RAM + 0x100, 4), ==, 0x600d);
    finish(&r);
}

static void test_card_without_power_does_not_answer(void)
{
    struct rig r = setup();
    g_assert_true(plug(&r, "c", NULL, NULL));
    gpa at = config_address(1, 0, 0, 0);
    cfg_write(r.t, RP, PCI_MEMORY_BASE, 4, 0x41004100);
    cfg_write(r.t, RP, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    poke(r.t, at + PCI_BAR0 + 4, 4, 0x41000000);
    poke(r.t, at + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    g_assert_cmphex(peek(r.t, 0x4100000c, 4), ==, 1); /* MSI-X: masked */
    take_events(&r);
    put(&r, PCIE_SLOT_CONTROL, POWER_OFF);
    g_assert_false(is_there(&r));
    g_assert_cmphex(peek(r.t, 0x4100000c, 4), ==, UINT32_MAX);
    g_assert_cmphex(take_events(&r), ==, COMMAND | LINK);
    g_assert_cmphex(get(&r, PCIE_SLOT_STATUS), ==, PRESENT);
    g_assert_cmphex(get(&r, PCIE_LINK_STATUS) & 0x2000, ==, 0);
    put(&r, PCIE_SLOT_CONTROL, 0);
    g_assert_true(is_there(&r));
    g_assert_cmphex(take_events(&r), ==, COMMAND | LINK);
    g_assert_cmphex(peek(r.t, at + PCI_COMMAND, 2), ==, 0); /* it has forgotten everything */
    put(&r, PCIE_LINK_CONTROL, 0x10);
    g_assert_false(is_there(&r));
    g_assert_cmphex(take_events(&r), ==, LINK);
    finish(&r);
}

static void test_guest_lets_go_by_switching_off(void)
{
    struct rig r = setup();
    event_watch(note_event, &r);
    g_assert_true(plug(&r, "c", NULL, NULL));
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | ON);
    take_events(&r);
    g_assert_true(hw_hotplug_unplug(card(&r), NULL));
    g_assert_true(r.t->irq[2]);
    g_assert_cmphex(take_events(&r), ==, BUTTON);
    run_main_loop();
    g_assert_true(is_there(&r));
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | BLINK);
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | BLINK | POWER_OFF);
    g_assert_nonnull(card(&r));
    g_assert_cmphex(take_events(&r), ==, COMMAND | LINK);
    run_main_loop();
    g_assert_null(card(&r));
    g_assert_null(machine_find_device(r.t->m, "c/virtio-backend"));
    g_assert_cmphex(get(&r, PCIE_SLOT_STATUS), ==, PRESENCE);
    event_flush();
    g_assert_cmpstr(r.events->str, ==,
                    "DEVICE_DELETED {\"path\": \"/machine/peripheral/c/virtio-backend\"}\n"
                    "DEVICE_DELETED {\"device\": \"c\", \"path\": \"/machine/peripheral/c\"}\n");
    g_assert_true(plug(&r, "c", NULL, NULL)); /* no power: it is there, and silent */
    g_assert_false(is_there(&r));
    g_assert_cmphex(take_events(&r), ==, PRESENCE | BUTTON);
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | ON);
    g_assert_true(is_there(&r));
    event_unwatch(note_event, &r);
    finish(&r);
}

static void test_guest_that_keeps_the_card_is_reported(void)
{
    struct rig r = setup();
    struct error *err = NULL;
    event_watch(note_event, &r);
    g_assert_true(plug(&r, "c", NULL, NULL));
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | ON);
    g_assert_true(hw_hotplug_unplug(card(&r), NULL));
    g_assert_false(hw_hotplug_unplug(card(&r), &err));
    g_assert_nonnull(strstr(error_text(err), "already in the process of unplug"));
    g_clear_pointer(&err, error_free);
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | BLINK);
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | ON);
    event_flush();
    g_assert_cmpstr(r.events->str, ==,
                    "DEVICE_UNPLUG_GUEST_ERROR {\"device\": \"c\", \"path\": "
                    "\"/machine/peripheral/c\"}\n");
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | POWER_OFF); /* nobody asks any more */
    run_main_loop();
    g_assert_nonnull(card(&r));
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | BLINK);
    g_assert_false(hw_hotplug_unplug(card(&r), &err));
    g_assert_nonnull(strstr(error_text(err), "guest is busy"));
    error_free(err);
    event_unwatch(note_event, &r);
    finish(&r);
}

static void test_reset_completes_a_request(void)
{
    struct rig r = setup();
    g_assert_true(plug(&r, "c", NULL, NULL));
    put(&r, PCIE_SLOT_CONTROL, ALL_ENABLED | ON);
    g_assert_true(hw_hotplug_unplug(card(&r), NULL));
    device_reset(r.port);
    g_assert_nonnull(card(&r));
    run_main_loop();
    g_assert_null(card(&r));
    finish(&r);
}

static void test_functions_come_with_function_0_and_go_together(void)
{
    struct rig r = setup();
    struct error *err = NULL;
    g_assert_true(plug(&r, "f3", "0.3", NULL));
    g_assert_cmphex(get(&r, PCIE_SLOT_STATUS), ==, 0);
    g_assert_true(plug(&r, "c", "0.0", NULL));
    g_assert_cmphex(take_events(&r), ==, BUTTON | PRESENCE | LINK);
    g_assert_false(plug(&r, "f4", "0.4", &err));
    g_assert_nonnull(strstr(error_text(err), "taken by 'c'"));
    error_free(err);
    put(&r, PCIE_SLOT_CONTROL, POWER_OFF);
    g_assert_true(hw_hotplug_unplug(machine_find_device(r.t->m, "f3"), NULL));
    g_assert_null(card(&r));
    g_assert_null(machine_find_device(r.t->m, "f3"));
    finish(&r);
}

static void test_slots_have_numbers_of_their_own(void)
{
    static const char *const rows[][4] = {
        {"chassis", "0", "slot 7 of chassis 0 is taken by 'b'", "7"},
        {"chassis", "0", "slot is 8192, must be 0 to 8191", "8192"},
        {"chassis", "1", NULL, "7"},
    };
    struct rig r = setup(); /* has slot 0 */
    struct machine *m = r.t->m;
    struct device *a = pci_bench_add(r.t, hw_device_find("pcie-root-port"), "a", NULL, NULL, NULL);
    unsigned at = (unsigned)((struct pci_device *)a)->devfn / 8;
    g_assert_cmphex(cfg_read(r.t, at, r.cap + PCIE_SLOT_CAP, 4), ==, 1 << 19 | 0x7b);
    struct device *b = device_new(hw_device_find("ioh3420"), m, "b");
    g_assert_true(device_set(b, "slot", "7", NULL) && device_set(b, "hotplug", "off", NULL) &&
                  hw_bus_plug(m, b, NULL, NULL) && device_realize(b, NULL));
    at = (unsigned)((struct pci_device *)b)->devfn / 8;
    g_assert_cmphex(cfg_read(r.t, at, r.cap + PCIE_SLOT_CAP, 4), ==, 7 << 19 | 1 << 18);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct error *err = NULL;
        struct device *d = device_new(hw_device_find("pcie-root-port"), m, "d");
        g_assert_true(device_set(d, rows[i][0], rows[i][1], NULL) &&
                      device_set(d, "slot", rows[i][3], NULL) && hw_bus_plug(m, d, NULL, NULL));
        g_assert_cmpint(device_realize(d, &err), ==, rows[i][2] == NULL);
        g_assert_true(!rows[i][2] || strstr(error_text(err), rows[i][2]));
        error_free(err);
        if (rows[i][2])
            hw_bus_unplug(d);
        device_free(d);
    }
    finish(&r);
}

/* A guest that writes anything to the slot, while cards come and go. */
static void test_hostile_slots_are_harmless(void)
{
    struct rig r = setup();
    for (unsigned i = 0; i < 20000; i++) {
        unsigned reg = PCIE_LINK_CONTROL + 2U * (unsigned)g_test_rand_int_range(0, 8);
        put(&r, reg, (uint32_t)g_test_rand_int());
        if (i % 7 == 0 && card(&r)) {
            put(&r, PCIE_SLOT_CONTROL, get(&r, PCIE_SLOT_CONTROL) | 0x21);
            if (!hw_hotplug_unplug(card(&r), NULL))
                run_main_loop();
        }
        if (i % 5 == 0 && !card(&r))
            plug(&r, "c", NULL, NULL);
        if (i % 1001 == 0)
            device_reset(r.port);
    }
    run_main_loop();
    finish(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hotplug/added", test_card_put_in_raises_events_and_an_interrupt);
    g_test_add_func("/hotplug/enables", test_no_event_interrupts_that_is_not_enabled);
    g_test_add_func("/hotplug/messages", test_events_come_as_messages);
    g_test_add_func("/hotplug/power", test_card_without_power_does_not_answer);
    g_test_add_func("/hotplug/removed", test_guest_lets_go_by_switching_off);
    g_test_add_func("/hotplug/refused", test_guest_that_keeps_the_card_is_reported);
    g_test_add_func("/hotplug/reset", test_reset_completes_a_request);
    g_test_add_func("/hotplug/functions", test_functions_come_with_function_0_and_go_together);
    g_test_add_func("/hotplug/numbers", test_slots_have_numbers_of_their_own);
    g_test_add_func("/hotplug/hostile", test_hostile_slots_are_harmless);
    return g_test_run();
}
