/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The per-CPU ring: the only thing that a probe writes for the world outside. */
#ifndef STP_RING_H
#define STP_RING_H

#include <stp/ledger.h>
#include <stp/port.h>
#include <stp/protocol.gen.h>

#define STP_RING_UNWANTED (~0ul)

/**
 * struct stp_ring - Records of one CPU on their way to the reader.
 * @data:      @size bytes, given by the transport.
 * @size:      Power of two, STP_RING_SIZE_MIN to STP_RING_SIZE_MAX.
 * @wanted:    Unread bytes from which the reader wants to be woken; STP_RING_UNWANTED: it does not, or was.
 * @overwritten: The CPU's rows of the ledger by probe, of a ring that drops its oldest records for new ones (T6); NULL: a full ring refuses.
 * @nest:      Writers between reserve and commit, nested in each other (T5).
 * @head:      Stream offset of the next record to be reserved; wraps with the word.
 * @committed: Stream offset up to which the reader may read.
 * @tail:      Stream offset up to which the reader has read, written by the reader alone; of a ring that overwrites that of its oldest record,
 *             written by its CPU alone.
 */
struct stp_ring {
	u8 *data;
	unsigned long size;
	unsigned long wanted;
	struct stp_ledger *overwritten;
	unsigned long nest;
	unsigned long head;
	unsigned long committed;
	unsigned long tail;
	u32 cpu;
};

/**
 * stp_ring_write() - Write one record.
 * @ring:    Ring of this CPU.
 * @type:    STP_RECORD_*.
 * @level:   Context level of the writer.
 * @probe:   Index of the probe that writes.
 * @payload: @size bytes, copied.
 *
 * Context: Any, including NMI, on the ring's CPU with preemption off. Never sleeps, spins or allocates.
 * Locking: None; one cmpxchg against contexts of the same CPU (T5).
 * Bound:   A try is repeated only if a nested call reserved meanwhile.
 * Return:  0; -STP_EFULL if it does not fit beside what is unread, or being written (T2, T6).
 */
int stp_ring_write(struct stp_ring *ring, u32 type, u32 level, u32 probe, const void *payload, u32 size);

/**
 * stp_ring_readable() - Bytes that the reader may take now: whole records, oldest first (T4).
 *
 * Context: The one reader of the ring; a ring that overwrites must have no writer meanwhile.
 */
unsigned long stp_ring_readable(const struct stp_ring *ring);

/**
 * stp_ring_peek() - Contiguous part of what is readable.
 * @bytes: Out: how many bytes stand there; up to the end of the ring's memory.
 *
 * Return: Address of the oldest unread byte.
 */
const u8 *stp_ring_peek(const struct stp_ring *ring, unsigned long *bytes);

/* stp_ring_peek_at() - The same from @skip bytes behind the oldest on; @skip is at most stp_ring_readable(). */
const u8 *stp_ring_peek_at(const struct stp_ring *ring, unsigned long skip, unsigned long *bytes);

/**
 * stp_ring_consume() - Give back what was read.
 * @bytes: At most stp_ring_readable().
 */
void stp_ring_consume(struct stp_ring *ring, unsigned long bytes);

/**
 * stp_ring_snapshot() - What a ring that overwrites holds now, while it is written.
 * @to:   @ring->size bytes.
 * @from: Out: stream offset of the first byte, a record's begin.
 *
 * Context: Any CPU, any number of callers. Takes nothing.
 * Bound:   One copy of the ring; what was dropped meanwhile is left out.
 * Return:  Bytes copied to the begin of @to, whole records.
 */
unsigned long stp_ring_snapshot(const struct stp_ring *ring, u8 *to, unsigned long *from);

#endif
