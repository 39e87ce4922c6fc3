// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a replay cannot see of the runtime: init, fini and their refusals, the log, the manifest, limits of time, schemes, orders of
 * large maps, who waits for whom, and what nests within a hit. Exit 0: all is as it should be; else the first that is not.
 * Siblings: watched.c; a file of cases for each topic; explored.c makes things come in between; properties/watched.test.ts runs it
 */
#include "bed.h"

int main(void)
{
	watch.time_ns = 1;
	init_cases();
	rings_cases();
	life_cases();
	hits_cases();
	looks_cases();
	texts_cases();
	statistics_cases();
	maps_cases();
	waiting_cases();
	explore_all();
	reports_cases(); /* the log is full then */
	return 0;
}
