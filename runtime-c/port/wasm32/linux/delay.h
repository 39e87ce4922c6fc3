/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* For the sandbox; a kernel has its own. */
#include <port/wasm32/kernel_calls.h>
