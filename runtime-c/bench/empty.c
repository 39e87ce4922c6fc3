// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The program that does nothing: what loading, an empty run and unloading cost. Sibling: kernel-harness/bench/empty.stp */
#include <stp/stp.h>

STP_PROBE(begin)
{
	(void)ctx;
}
