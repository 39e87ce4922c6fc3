/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* All that a probe's author includes. */
#ifndef STP_H
#define STP_H

#include <stp/error.h>
#include <stp/map.h>
#include <stp/memory.h>
#include <stp/print.h>
#include <stp/probe.h>
#include <stp/stack.h>
#include <stp/string.h>
#include <stp/task.h>

#endif
