// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ELF files, read by pread() alone, each size checked before it is believed. Must never: allocate, or loop by a number that a file gives without a bound. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf.h"

/* Of this machine: what is not cannot be loaded here. */
#define CLASS_OWN (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define ORDER_OWN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? ELFDATA2MSB : ELFDATA2LSB)

#define SECTIONS_MAX 4096	/* of a module */
#define PROGRAM_HEADERS_MAX 64	/* of a program */
#define NOTES_SIZE_MAX 4096	/* bytes of notes that are looked through */

struct file {
	int file;
	uint64_t size; /* bytes */
};

static bool is_inside(const struct file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset;
}

static bool read_at(const struct file *file, uint64_t offset, void *to, size_t size)
{
	return is_inside(file, offset, size) && pread(file->file, to, size, offset) == (ssize_t)size;
}

static enum elf_error read_head(int fd, struct file *file, ElfW(Ehdr) *head)
{
	struct stat stat;
	ssize_t size;

	if (fstat(fd, &stat))
		return ELF_UNREADABLE;
	if (!S_ISREG(stat.st_mode))
		return ELF_NO_ELF;
	*file = (struct file){ fd, stat.st_size };
	size = pread(fd, head, sizeof(*head), 0);
	if (size < 0)
		return ELF_UNREADABLE;
	if (size < SELFMAG || memcmp(head->e_ident, ELFMAG, SELFMAG))
		return ELF_NO_ELF;
	if (size < (ssize_t)sizeof(*head))
		return ELF_CUT;
	return head->e_ident[EI_CLASS] == CLASS_OWN && head->e_ident[EI_DATA] == ORDER_OWN ? ELF_FINE : ELF_NO_ELF;
}

static bool read_section(const struct file *file, const ElfW(Ehdr) *head, unsigned int index, ElfW(Shdr) *section)
{
	return read_at(file, head->e_shoff + (uint64_t)index * sizeof(*section), section, sizeof(*section));
}

static bool is_modinfo(const struct file *file, const ElfW(Shdr) *names, const ElfW(Shdr) *section)
{
	static const char name[] = ".modinfo";
	char found[sizeof(name)];

	return is_inside(file, names->sh_offset, names->sh_size) && section->sh_name < names->sh_size && names->sh_size - section->sh_name >= sizeof(name) &&
	       read_at(file, names->sh_offset + section->sh_name, found, sizeof(found)) && !memcmp(found, name, sizeof(name));
}

/* All sections are looked at: a module that is cut behind its information is still cut. */
static enum elf_error find_modinfo(const struct file *file, const ElfW(Ehdr) *head, ElfW(Shdr) *found)
{
	ElfW(Shdr) names, section;
	unsigned int i;

	*found = (ElfW(Shdr)){ .sh_size = 0 };
	if (!read_section(file, head, head->e_shstrndx, &names))
		return ELF_CUT;
	for (i = 0; i < head->e_shnum; i++) {
		if (!read_section(file, head, i, &section) || (section.sh_type != SHT_NOBITS && !is_inside(file, section.sh_offset, section.sh_size)))
			return ELF_CUT;
		if (!found->sh_size && is_modinfo(file, &names, &section))
			*found = section;
	}
	return found->sh_size && found->sh_size <= MODINFO_SIZE_MAX ? ELF_FINE : ELF_NO_MODULE;
}

enum elf_error elf_read_modinfo(int fd, struct modinfo *info)
{
	ElfW(Shdr) section;
	struct file file;
	ElfW(Ehdr) head;
	enum elf_error error = read_head(fd, &file, &head);

	info->size = 0;
	info->text[0] = 0;
	if (error)
		return error;
	if (head.e_type != ET_REL || head.e_shentsize != sizeof(section) || !head.e_shnum || head.e_shnum > SECTIONS_MAX || head.e_shstrndx >= head.e_shnum)
		return ELF_NO_MODULE;
	error = find_modinfo(&file, &head, &section);
	if (error)
		return error;
	if (!read_at(&file, section.sh_offset, info->text, section.sh_size))
		return ELF_NO_MODULE;
	info->size = section.sh_size;
	info->text[info->size] = 0;
	return ELF_FINE;
}

const char *modinfo_find(const struct modinfo *info, const char *name)
{
	size_t length = strlen(name), at;

	for (at = 0; at < info->size; at += strlen(info->text + at) + 1)
		if (!strncmp(info->text + at, name, length) && info->text[at + length] == '=')
			return info->text + at + length + 1;
	return NULL;
}

int modinfo_has_parameter(const struct modinfo *info, const char *name, size_t length)
{
	static const char kind[] = "parmtype=";
	size_t at;

	for (at = 0; at < info->size; at += strlen(info->text + at) + 1) {
		const char *text = info->text + at;

		if (!strncmp(text, kind, sizeof(kind) - 1) && !strncmp(text + sizeof(kind) - 1, name, length) && text[sizeof(kind) - 1 + length] == ':')
			return 1;
	}
	return 0;
}

/* Each note: sizes of name and content, type, then both, padded to 4 bytes. */
static size_t find_build_id(const uint8_t *notes, size_t size, uint8_t *to, size_t room)
{
	size_t at = 0;

	while (size - at >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) note;
		size_t name, content;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		if (note.n_namesz > size || note.n_descsz > size)
			break;
		name = (note.n_namesz + 3) & ~3U;
		content = (note.n_descsz + 3) & ~3U;
		if (name > size - at || content > size - at - name)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(notes + at, "GNU", 4)) {
			room = note.n_descsz < room ? note.n_descsz : room;
			memcpy(to, notes + at + name, room);
			return room;
		}
		at += name + content;
	}
	return 0;
}

size_t elf_read_build_id(int fd, uint8_t *to, size_t size)
{
	uint8_t notes[NOTES_SIZE_MAX];
	struct file file;
	ElfW(Ehdr) head;
	unsigned int i;

	if (read_head(fd, &file, &head) || head.e_phentsize != sizeof(ElfW(Phdr)) || head.e_phnum > PROGRAM_HEADERS_MAX)
		return 0;
	for (i = 0; i < head.e_phnum; i++) {
		ElfW(Phdr) segment;
		size_t found, used;

		if (!read_at(&file, head.e_phoff + i * sizeof(segment), &segment, sizeof(segment)))
			return 0;
		used = segment.p_filesz < sizeof(notes) ? segment.p_filesz : sizeof(notes);
		if (segment.p_type != PT_NOTE || !read_at(&file, segment.p_offset, notes, used))
			continue;
		found = find_build_id(notes, used, to, size);
		if (found)
			return found;
	}
	return 0;
}
