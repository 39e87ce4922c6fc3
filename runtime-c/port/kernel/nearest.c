// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Edit distance of names, for messages at init. Must never: be asked by a probe. */
#include <linux/kernel.h>
#include <linux/string.h>

#include "nearest.h"

/* Levenshtein's distance, row by row; both are shorter than STP_NEAREST_SIZE_MAX. */
static u32 distance_of(const char *a, const char *b)
{
	u8 row[STP_NEAREST_SIZE_MAX];
	u32 i, j, columns = strlen(b);

	for (j = 0; j <= columns; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		u32 diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= columns; j++) {
			u32 above = row[j];
			u32 change = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = min3(above + 1, (u32)row[j - 1] + 1, change);
			diagonal = above;
		}
	}
	return row[columns];
}

void stp_nearest_offer(void *to, const char *name)
{
	struct stp_nearest *nearest = to;
	u32 i, at, distance;

	if (strnlen(name, STP_NEAREST_SIZE_MAX) == STP_NEAREST_SIZE_MAX || strnlen(nearest->wanted, STP_NEAREST_SIZE_MAX) == STP_NEAREST_SIZE_MAX || !*name)
		return;
	distance = distance_of(nearest->wanted, name);
	for (at = 0; at < nearest->count && nearest->distance[at] <= distance; at++)
		if (!strcmp(nearest->name[at], name))
			return;
	if (at == STP_NEAREST_NAMES)
		return;
	if (nearest->count < STP_NEAREST_NAMES)
		nearest->count++;
	for (i = nearest->count - 1; i > at; i--) {
		nearest->distance[i] = nearest->distance[i - 1];
		strscpy(nearest->name[i], nearest->name[i - 1], STP_NEAREST_SIZE_MAX);
	}
	nearest->distance[at] = distance;
	strscpy(nearest->name[at], name, STP_NEAREST_SIZE_MAX);
}

const char *stp_nearest_text(struct stp_nearest *nearest)
{
	u32 i, used = 0;

	nearest->text[0] = 0;
	for (i = 0; i < nearest->count; i++)
		used += scnprintf(nearest->text + used, sizeof(nearest->text) - used, "%s%s", i ? ", " : "; nearest: ", nearest->name[i]);
	return nearest->text;
}
