/* Wiring of the CMSDK UART. */
#ifndef HW_CHAR_CMSDK_UART_H
#define HW_CHAR_CMSDK_UART_H

#include "core/device.h"

enum cmsdk_uart_line {
    CMSDK_UART_TX,
    CMSDK_UART_RX,
    CMSDK_UART_TX_OVERRUN,
    CMSDK_UART_RX_OVERRUN,
    CMSDK_UART_LINES
};
/* Its lines; dev->irq is all of them together. */
struct irq *cmsdk_uart_irq(struct device *dev, enum cmsdk_uart_line line);

#endif
