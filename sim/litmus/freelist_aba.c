/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Case 7: a lock-free list of free nodes: a node is popped and pushed back between another CPU's look and its exchange. */
#include <stp_explore.h>

#define NODES 2
#define TAG_SHIFT 16

/* Node n is n + 1; 0 is the end of the list. The head has a tag above its index, which only the repaired one uses. */
static u32 head;
static u32 next[NODES + 1];
static u32 owners[NODES + 1];

static u32 pop(u32 tag)
{
	u32 old, node, after;

	do {
		old = STP_READ(head);
		node = old & ((1 << TAG_SHIFT) - 1);
		if (!node)
			return 0;
		after = STP_READ(next[node]);
	} while (stp_cmpxchg(&head, old, after | ((old & ~((1u << TAG_SHIFT) - 1)) + tag)) != old);
	return node;
}

static void push(u32 node, u32 tag)
{
	u32 old;

	do {
		old = STP_READ(head);
		STP_WRITE(next[node], old & ((1 << TAG_SHIFT) - 1));
	} while (stp_cmpxchg(&head, old, node | ((old & ~((1u << TAG_SHIFT) - 1)) + tag)) != old);
}

/* A node that is popped belongs to who popped it. */
static void take(u32 node)
{
	if (node)
		stp_assert(__atomic_fetch_add(&owners[node], 1, __ATOMIC_RELAXED) == 0);
}

static void give(u32 node)
{
	if (node)
		__atomic_fetch_sub(&owners[node], 1, __ATOMIC_RELAXED);
}

static void pop_one_then_another(uintptr_t tag)
{
	take(pop(tag));
	take(pop(tag));
}

static void pop_two_push_one(uintptr_t tag)
{
	u32 first = pop(tag);

	take(first);
	take(pop(tag));
	if (first) {
		give(first);
		push(first, tag);
	}
}

static void begin(void)
{
	head = 1;
	next[1] = 2;
	next[2] = 0;
}

STP_CASE(buggy)
{
	begin();
	stp_task(0, pop_one_then_another, 0);
	stp_task(1, pop_two_push_one, 0);
}

STP_CASE(repaired)
{
	begin();
	stp_task(0, pop_one_then_another, 1 << TAG_SHIFT);
	stp_task(1, pop_two_push_one, 1 << TAG_SHIFT);
}
