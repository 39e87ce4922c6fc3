/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Functions of an executable or a library, looked up in its ELF file. Nothing in the file is trusted. */
#ifndef STP_ELF_H
#define STP_ELF_H

#include <stp/port.h>

/* Up to @size bytes of the file at @at into @to; gives how many, 0 at the file's end, negative on failure. @at fits an s64. */
typedef long (*stp_elf_read_fn)(void *file, void *to, u32 size, u64 at);

/**
 * stp_elf_symbol() - Where in the file the function @name begins.
 * @read:   Reads @file; called often, for few bytes each.
 * @offset: Out: through the PT_LOAD segment that holds its address; unchanged unless the result is 0.
 *
 * Functions are defined symbols of type STT_FUNC: of .symtab; if it is not there, of .dynsym. The first that is not local
 * goes before the first that is.
 *
 * Context: Task: @read may sleep.
 * Bound:   Limits on sections, segments and symbols, at the head of elf.c.
 * Return:  0; -STP_ENOENT if the file has no such function; -STP_EINVAL if it is no ELF executable or library of the machine's order of bytes,
 *          is damaged or cannot be read, or is beyond a limit.
 */
int stp_elf_symbol(stp_elf_read_fn read, void *file, const char *name, u64 *offset);

#endif
