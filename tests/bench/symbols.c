/* Names of addresses; see symbols.h. The format is ELF64, as elf(5) describes it. */
#include "tests/bench/symbols.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

struct function {
    uintptr_t from, to;
    const char *name; /* in the map */
};

struct symbols {
    struct file_map file;
    uintptr_t base; /* what was added to the file's addresses */
    struct function *functions;
    size_t count;
};

static int
note_base(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(uintptr_t *)context = info->dlpi_addr;
    return 1; /* the first is the program itself */
}

static int
compare(const void *a, const void *b)
{
    const struct function *x = a;
    const struct function *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Take the functions over from a symbol table; the file is the one that runs, so it is sound. */
static void
read_table(struct symbols *symbols, const Elf64_Shdr *sections, const Elf64_Shdr *table)
{
    const unsigned char *bytes = symbols->file.bytes;
    const Elf64_Sym *entries = (const void *)(bytes + table->sh_offset);
    const char *names = (const char *)bytes + sections[table->sh_link].sh_offset;
    size_t count = table->sh_size / sizeof *entries;
    symbols->functions = mem_resize(symbols->functions, count, sizeof *symbols->functions);
    for (size_t i = 0; i < count; i++) {
        const Elf64_Sym *entry = &entries[i];
        if (ELF64_ST_TYPE(entry->st_info) != STT_FUNC || entry->st_size == 0)
            continue;
        symbols->functions[symbols->count++] = (struct function){
            .from = symbols->base + entry->st_value,
            .to = symbols->base + entry->st_value + entry->st_size,
            .name = names + entry->st_name,
        };
    }
    qsort(symbols->functions, symbols->count, sizeof *symbols->functions, compare);
}

int
symbols_open(struct symbols **out, struct err *err)
{
    struct symbols *symbols = mem_small(sizeof *symbols);
    *symbols = (struct symbols){0};
    if (fileio_map("/proc/self/exe", &symbols->file, err) != 0) {
        symbols_close(symbols);
        return err->code;
    }
    dl_iterate_phdr(note_base, &symbols->base);
    const Elf64_Ehdr *header = (const void *)symbols->file.bytes;
    const Elf64_Shdr *sections = (const void *)(symbols->file.bytes + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB)
            read_table(symbols, sections, &sections[i]);
    if (symbols->count == 0) {
        symbols_close(symbols);
        return err_set(err, ERR_UNSUPPORTED,
                       "this program was stripped of its symbols; build it again");
    }
    *out = symbols;
    return 0;
}

void
symbols_close(struct symbols *symbols)
{
    if (symbols == NULL)
        return;
    fileio_unmap(&symbols->file);
    free(symbols->functions);
    free(symbols);
}

const char *
symbols_find(const struct symbols *symbols, uintptr_t address, bool *ours)
{
    size_t low = 0;
    size_t high = symbols->count;
    while (low < high) { /* functions before low begin at or below the address */
        size_t middle = low + (high - low) / 2;
        if (symbols->functions[middle].from <= address)
            low = middle + 1;
        else
            high = middle;
    }
    *ours = low > 0 && address < symbols->functions[low - 1].to;
    if (*ours)
        return symbols->functions[low - 1].name;
    Dl_info info;
    if (dladdr((const void *)address, &info) == 0 || info.dli_fname == NULL)
        return "generated code";
    const char *slash = strrchr(info.dli_fname, '/');
    return slash != NULL ? slash + 1 : info.dli_fname;
}

bool
symbols_in_system_call(uintptr_t address)
{
#if defined(__x86_64__)
    static const unsigned char instruction[] = {0x0f, 0x05};
#elif defined(__aarch64__)
    static const unsigned char instruction[] = {0x01, 0x00, 0x00, 0xd4};
#else
    return false;
#endif
    const unsigned char *code = (const unsigned char *)address;
    return memcmp(code, instruction, sizeof instruction) == 0 ||
           memcmp(code - sizeof instruction, instruction, sizeof instruction) == 0;
}
