/* bootindex: the order of devices, their paths for firmware, and that no two have the same place.
 */
#include "hw/boot_order.h"
#include "hw/registry.h"
#include "tests/unit/pci_bench.h"

#include <glib.h>

static struct device *add_card(struct pci_bench *t, const char *type, const char *bus,
                               const char *addr, const char *index, struct error **errp)
{
    struct device *dev = device_new(hw_device_find(type), t->m, NULL);
    if (device_set(dev, "addr", addr, errp) && device_set(dev, "bootindex", index, errp) &&
        hw_bus_plug(t->m, dev, bus, errp) && device_realize(dev, errp))
        return dev;
    hw_bus_unplug(dev);
    device_free(dev);
    return NULL;
}

static struct pci_bench *setup(void)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    g_assert_nonnull(pci_bench_add(t, hw_device_find("pcie-root-port"), "rp", NULL, "1", NULL));
    return t;
}

static void test_paths_come_in_order(void)
{
    static const struct boot_entry roms[] = {{5, "/rom@genroms/a.bin"}};
    struct pci_bench *t = setup();
    g_assert_nonnull(add_card(t, "e1000e", "rp", "0", "9", NULL));
    g_assert_nonnull(add_card(t, "rtl8139", NULL, "0c.3", "2", NULL));
    g_assert_nonnull(add_card(t, "e1000", NULL, "0d", "-1", NULL));
    g_autofree char *text = boot_order(t->m, roms, G_N_ELEMENTS(roms));
    g_assert_cmpstr(text, ==,
                    "/pci@ffffffffffffffff/ethernet@c,3/ethernet-phy@0\n"
                    "/rom@genroms/a.bin\n"
                    "/pci@ffffffffffffffff/pci-bridge@1/ethernet@0/ethernet-phy@0\n");
    pci_bench_free(t);
}

static void test_a_place_is_taken_once(void)
{
    struct pci_bench *t = setup();
    struct error *err = NULL;
    g_assert_null(boot_index_holder(t->m, 7));
    struct device *first = add_card(t, "e1000", NULL, "4", "7", NULL);
    g_assert_true(boot_index_holder(t->m, 7) == first);
    g_assert_null(add_card(t, "rtl8139", NULL, "5", "7", &err));
    g_assert_nonnull(strstr(error_text(err), "7 is that of device 'e1000' already"));
    g_clear_pointer(&err, error_free);
    g_assert_null(add_card(t, "rtl8139", NULL, "5", "-2", &err));
    g_clear_pointer(&err, error_free);
    g_assert_nonnull(add_card(t, "rtl8139", NULL, "5", "8", NULL));
    pci_bench_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/boot_order/paths", test_paths_come_in_order);
    g_test_add_func("/boot_order/duplicates", test_a_place_is_taken_once);
    return g_test_run();
}
