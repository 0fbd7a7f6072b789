/* Device types for virtio over PCI, derived from those of virtio devices. */
#include "hw/registry.h"
#include "hw/virtio/pci.h"
#include "hw/virtio/pci_priv.h"

#include <glib.h>
#include <string.h>

static const struct virtio_pci_kind KINDS[] = {
    {"virtio-9p", 0x0002, UINT32_MAX},
    {"virtio-balloon", 0x00ff, UINT32_MAX},
    {"virtio-blk", 0x0100, UINT32_MAX},
    {"virtio-gpu", 0x0380, UINT32_MAX},
    {"virtio-keyboard", 0x0900, UINT32_MAX},
    {"virtio-mouse", 0x0902, UINT32_MAX},
    {"virtio-net", 0x0200, UINT32_MAX},
    {"virtio-scsi", 0x0100, UINT32_MAX},
    {"virtio-serial", 0x0780, 2},
    {"virtio-tablet", 0x0980, UINT32_MAX},
    {"vhost-vsock", 0x0780, UINT32_MAX},
    {"virtio-vsock", 0x0780, UINT32_MAX},
};
static const struct virtio_pci_kind OTHER_KIND = {"", 0x00ff, UINT32_MAX};
static const char INNER_BUS[] = "virtio-mmio-bus", INNER_SUFFIX[] = "-device";
static const char *const FORM_SUFFIX[] = {"-pci", "-pci-transitional", "-pci-non-transitional"};

static const struct virtio_pci_kind *kind_of(const char *stem)
{
    for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++)
        if (strcmp(KINDS[i].stem, stem) == 0)
            return &KINDS[i];
    return &OTHER_KIND;
}

static const struct device_type *derive_one(const struct device_type *inner, const char *stem,
                                            enum virtio_pci_form form)
{
    struct virtio_pci_type *t = g_new0(struct virtio_pci_type, 1);
    t->cls = virtio_pci_class;
    t->cls.desc = g_strdup_printf("%.60s, on PCI", inner->cls->desc);
    t->type = (struct device_type){g_strconcat(stem, FORM_SUFFIX[form], NULL), &t->cls,
                                   sizeof(struct virtio_pci), offsetof(struct virtio_pci, s),
                                   sizeof(struct virtio_pci_state)};
    t->inner = inner;
    t->kind = kind_of(stem);
    t->form = form;
    return &t->type;
}

static unsigned derive(const struct device_type *t, const struct device_type **out)
{
    if (t->cls->bus == NULL || strcmp(t->cls->bus, INNER_BUS) || !t->cls->user_creatable ||
        !g_str_has_suffix(t->name, INNER_SUFFIX))
        return 0;
    g_autofree char *stem = g_strndup(t->name, strlen(t->name) - strlen(INNER_SUFFIX));
    for (unsigned i = 0; i < G_N_ELEMENTS(FORM_SUFFIX); i++)
        out[i] = derive_one(t, stem, (enum virtio_pci_form)i);
    return G_N_ELEMENTS(FORM_SUFFIX);
}

extern const struct device_deriver virtio_pci_deriver;
const struct device_deriver virtio_pci_deriver = {derive};

const struct device_type *virtio_pci_inner(const struct device_type *type)
{
    return type->cls->realize == virtio_pci_class.realize ? virtio_pci_type_of(type)->inner : NULL;
}
