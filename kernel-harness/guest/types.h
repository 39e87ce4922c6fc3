/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel's names for fixed-width integers, for the wire structs of stp/protocol.gen.h. */
#ifndef STP_GUEST_TYPES_H
#define STP_GUEST_TYPES_H

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#endif
