/* Parts of the FPGA images for MPS2 boards.  Ref: Arm application notes AN385, AN386, AN500, AN505.
 */
#include "hw/board/mps2_parts.h"
#include "hw/char/cmsdk_uart.h"
#include "hw/gpio/cmsdk_gpio.h"
#include "hw/intc/armv7m.h"

#include <inttypes.h>

bool mps2_create(struct armv7m_board *b, struct mem_region *parent, const char *type,
                 const char *id, gpa base, int irq, struct error **errp)
{
    return armv7m_attach_in(b, parent, armv7m_device(b->m, type, id), base, irq, errp);
}

static struct device *new_clocked(struct armv7m_board *b, const char *type, const char *id,
                                  uint64_t hz, struct error **errp)
{
    struct device *dev = armv7m_device(b->m, type, id);
    g_autofree char *text = g_strdup_printf("%" PRIu64, hz);
    return device_set(dev, "clock-frequency", text, errp) ? dev : NULL;
}

bool mps2_create_clocked(struct armv7m_board *b, struct mem_region *parent, const char *type,
                         const char *id, uint64_t hz, gpa base, int irq, struct error **errp)
{
    struct device *dev = new_clocked(b, type, id, hz, errp);
    return dev && armv7m_attach_in(b, parent, dev, base, irq, errp);
}

bool mps2_create_watchdog(struct armv7m_board *b, struct mem_region *parent, const char *id,
                          uint64_t hz, gpa base, struct error **errp)
{
    struct device *dev = new_clocked(b, "cmsdk-apb-watchdog", id, hz, errp);
    if (dev == NULL)
        return false;
    irq_connect(&dev->irq, armv7m_set_nmi, b->nvic, 0);
    return armv7m_attach_in(b, parent, dev, base, ARMV7M_NO_IRQ, errp);
}

bool mps2_create_uart(struct armv7m_board *b, struct mem_region *parent, unsigned n,
                      const struct mps2_uart *place, struct irq_or *overrun, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("uart%u", n);
    struct device *dev = armv7m_device(b->m, "cmsdk-apb-uart", id);
    const char *chardev = b->m->cfg.serial[n];
    irq_connect(cmsdk_uart_irq(dev, CMSDK_UART_TX_OVERRUN), irq_or_input, overrun, n * 2);
    irq_connect(cmsdk_uart_irq(dev, CMSDK_UART_RX_OVERRUN), irq_or_input, overrun, n * 2 + 1);
    armv7m_connect(b, cmsdk_uart_irq(dev, CMSDK_UART_RX), (unsigned)place->rx);
    armv7m_connect(b, cmsdk_uart_irq(dev, CMSDK_UART_TX), (unsigned)place->tx);
    return (chardev == NULL || device_set(dev, "chardev", chardev, errp)) &&
           armv7m_attach_in(b, parent, dev, place->base, place->combined, errp);
}

bool mps2_create_registers(struct armv7m_board *b, struct mem_region *parent, const char *scc_id,
                           gpa scc, uint64_t prescale_hz, gpa fpgaio, struct error **errp)
{
    struct device *registers = armv7m_device(b->m, "mps2-scc", "scc");
    struct device *io = armv7m_device(b->m, "mps2-fpgaio", "fpgaio");
    g_autofree char *hz = g_strdup_printf("%" PRIu64, prescale_hz);
    return device_set(registers, "scc-id", scc_id, errp) &&
           device_set(io, "prescale-clk", hz, errp) &&
           armv7m_attach_in(b, parent, registers, scc, ARMV7M_NO_IRQ, errp) &&
           armv7m_attach_in(b, parent, io, fpgaio, ARMV7M_NO_IRQ, errp);
}

bool mps2_create_port(struct armv7m_board *b, struct mem_region *parent, unsigned n, gpa base,
                      int irq, unsigned first, unsigned pins, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("gpio%u", n);
    struct device *dev = armv7m_device(b->m, "cmsdk-ahb-gpio", id);
    for (unsigned i = 0; i < pins; i++)
        armv7m_connect(b, cmsdk_gpio_irq(dev, i), first + i);
    return armv7m_attach_in(b, parent, dev, base, irq, errp);
}

bool mps2_create_ethernet(struct armv7m_board *b, struct mem_region *parent, gpa base, int irq,
                          struct error **errp)
{
    struct device *dev = armv7m_device(b->m, "lan9118", "ethernet");
    return armv7m_set_nic(dev, errp) && armv7m_attach_in(b, parent, dev, base, irq, errp);
}
