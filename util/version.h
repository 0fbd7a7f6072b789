/* Which QEMU our command line and protocols follow; clients decide by it what they may ask for. */
#ifndef UTIL_VERSION_H
#define UTIL_VERSION_H

enum { QEMU_VERSION_MAJOR = 9, QEMU_VERSION_MINOR = 2, QEMU_VERSION_MICRO = 0 };
#define QEMU_VERSION "9.2.0"

#endif
