/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What leaves the machine is little-endian, on all machines: record headers, and what a replay takes and gives.
 * Each conversion is its own inverse, and costs nothing where the machine is little-endian.
 *
 * Payloads are text, and the manifest is; bytes of memory in the events of a recording are as that machine had them, which is why
 * a big-endian kernel does not record (port/kernel/module.c).
 */
#ifndef STP_WIRE_H
#define STP_WIRE_H

#define STP_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

#define stp_wire16(x) ((u16)(STP_BIG_ENDIAN ? __builtin_bswap16(x) : (x)))
#define stp_wire32(x) ((u32)(STP_BIG_ENDIAN ? __builtin_bswap32(x) : (x)))
#define stp_wire64(x) ((u64)(STP_BIG_ENDIAN ? __builtin_bswap64(x) : (x)))

#endif
