/* The tables of commands that monitor/ itself brings. */
#ifndef MONITOR_COMMANDS_PRIV_H
#define MONITOR_COMMANDS_PRIV_H

#include "monitor/monitor_priv.h"

extern const struct monitor_command cmd_chardev[], cmd_control[], cmd_fds[], cmd_memory[],
    cmd_schema[];

#endif
