#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../text.h"
#include "recognise.h"

enum { DOWNLOAD_BYTES_MAX = 1 << 30, DOWNLOAD_ENTRIES_MAX = 100000 };

/* What came out of an archive, kept until the archive is known to be taken. */
struct found {
    char *path, *bytes; /* bytes NULL: left aside, because of `why` */
    const char *why;
    size_t length;
    time_t modified;
};

struct opening {
    const struct unpack_sink *sink;
    bool download; /* the instructor's own: handed on at once, archives in it are opened on their own account */
    struct found *found;
    size_t count, size;
    size_t entries, unpacked, packed; /* over all levels; `packed` is the outermost archive's size */
    char *refused;
};

const char *unpack_left_aside(const char *name)
{
    if (strcmp(name, ".git") == 0)
        return "version control";
    if (strcmp(name, "__MACOSX") == 0 || strncmp(name, "._", 2) == 0 || strcmp(name, ".DS_Store") == 0 ||
        strcmp(name, "Thumbs.db") == 0)
        return "left behind by a system";
    return NULL;
}

static void drop_file(void *context, const char *path, const char *bytes, size_t length, time_t modified)
{
    (void)context, (void)path, (void)bytes, (void)length, (void)modified;
}

static void drop_aside(void *context, const char *path, const char *why)
{
    (void)context, (void)path, (void)why;
}

static void hand_over(const struct unpack_sink *sink, struct found *found)
{
    if (found->bytes != NULL)
        sink->file(sink->context, found->path, found->bytes, found->length, found->modified);
    else
        sink->aside(sink->context, found->path, found->why);
    free(found->path);
    free(found->bytes);
}

static void keep(struct opening *opening, struct found found)
{
    if (opening->download) {
        hand_over(opening->sink, &found);
        return;
    }
    if (opening->count == opening->size) {
        opening->size = opening->size * 2 + 8;
        opening->found = text_grow(opening->found, opening->size, sizeof *opening->found);
    }
    opening->found[opening->count++] = found;
}

static bool leads_out(const char *path)
{
    if (path[0] == '/' || path[0] == '\\' || (isalpha((unsigned char)path[0]) && path[1] == ':'))
        return true;
    for (const char *part = path; part != NULL; part = strpbrk(part, "/\\")) {
        part += strspn(part, "/\\");
        if (part[0] == '.' && part[1] == '.' && (part[2] == '\0' || part[2] == '/' || part[2] == '\\'))
            return true;
    }
    return false;
}

/* Why an entry makes the whole archive refused; NULL if it does not. Static. */
static const char *hostile(struct archive_entry *entry, const char *path)
{
    if (leads_out(path))
        return "leads out of the archive";
    if (archive_entry_symlink(entry) != NULL || archive_entry_filetype(entry) == AE_IFLNK)
        return "is a symbolic link";
    if (archive_entry_hardlink(entry) != NULL)
        return "is a hard link";
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
    case AE_IFDIR:
        return NULL;
    case AE_IFCHR:
    case AE_IFBLK:
        return "is a device";
    default:
        return "is neither a file nor a folder";
    }
}

static bool counts_too_much(struct opening *opening)
{
    const size_t most = opening->packed * UNPACK_RATIO_MAX;
    const size_t bytes_max = opening->download ? DOWNLOAD_BYTES_MAX : UNPACK_BYTES_MAX;
    if (opening->unpacked > bytes_max)
        opening->refused = text_format("unpacks to more than %zu MiB", bytes_max >> 20);
    else if (opening->unpacked > UNPACK_RATIO_FREE && opening->unpacked > most)
        opening->refused = text_format("unpacks to more than %d times its size", UNPACK_RATIO_MAX);
    return opening->refused != NULL;
}

static void refuse_damaged(struct opening *opening, struct archive *archive, const char *path)
{
    const char *why = archive_error_string(archive);
    if (archive_read_has_encrypted_entries(archive) > 0)
        opening->refused = text_format("'%s' wants a password", path);
    else
        opening->refused = text_format("'%s' cannot be read: %s", path, why != NULL ? why : "damaged");
}

/* Reads an entry to its end, counting, and returns its first `limit` bytes (caller frees); NULL if refused. */
static char *read_entry(struct opening *opening, struct archive *archive, const char *path, size_t limit,
                        size_t *length)
{
    char block[16384], *bytes = text_allocate(1, 1);
    la_ssize_t got;
    *length = 0;
    while ((got = archive_read_data(archive, block, sizeof block)) > 0) {
        const size_t wanted = *length + (size_t)got <= limit ? (size_t)got : limit - *length;
        bytes = text_grow(bytes, *length + wanted + 1, 1);
        memcpy(bytes + *length, block, wanted);
        *length += wanted;
        opening->unpacked += (size_t)got;
        if (counts_too_much(opening))
            break;
    }
    if (got < 0 && opening->refused == NULL)
        refuse_damaged(opening, archive, path);
    if (opening->refused == NULL)
        return bytes;
    free(bytes);
    return NULL;
}

static const char *name_aside(const char *path)
{
    char *copy = text_copy(path, strlen(path)), *rest = copy, *part;
    const char *why = NULL;
    while (why == NULL && (part = strsep(&rest, "/")) != NULL)
        why = unpack_left_aside(part);
    free(copy);
    return why;
}

static void open_level(struct opening *opening, const char *path, const void *bytes, size_t length, int depth);

/* Takes over `path`. */
static void take_file(struct opening *opening, struct archive *archive, char *path, time_t modified, int depth)
{
    const bool nested = recognise_is_archive(path), source = recognise_is_source(path);
    const char *why = name_aside(path);
    const size_t limit = why != NULL ? 0 : nested ? UNPACK_BYTES_MAX : source ? UNPACK_FILE_MAX : 0;
    size_t length = 0;
    char *bytes = read_entry(opening, archive, path, limit, &length);
    if (bytes != NULL && nested && why == NULL && opening->download) {
        unpack(path, bytes, length, opening->sink);
    } else if (bytes != NULL && nested && why == NULL) {
        open_level(opening, path, bytes, length, depth + 1);
    } else if (bytes != NULL) {
        why = why != NULL ? why : source ? NULL : "not C source";
        keep(
            opening,
            (struct found){
                .path = path, .bytes = why == NULL ? bytes : NULL, .why = why, .length = length, .modified = modified});
        if (why != NULL)
            free(bytes);
        return;
    }
    free(bytes);
    free(path);
}

static void take_entry(struct opening *opening, struct archive *archive, struct archive_entry *entry, const char *above,
                       int depth)
{
    const char *name = archive_entry_pathname_utf8(entry);
    name = name != NULL ? name : archive_entry_pathname(entry);
    char *inner = text_format("%s", name != NULL ? name : "?");
    const char *why = hostile(entry, inner);
    const size_t entries_max = opening->download ? DOWNLOAD_ENTRIES_MAX : UNPACK_ENTRIES_MAX;
    if (++opening->entries > entries_max)
        opening->refused = text_format("holds more than %zu entries", entries_max);
    else if (why != NULL)
        opening->refused = text_format("'%s' in it %s", inner, why);
    else if (archive_entry_is_encrypted(entry))
        opening->refused = text_format("'%s' in it wants a password", inner);
    else if (archive_entry_filetype(entry) == AE_IFREG)
        take_file(
            opening, archive,
            text_format("%s%s%s", above, above[0] != '\0' ? "/" : "", strncmp(inner, "./", 2) == 0 ? inner + 2 : inner),
            archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0, depth);
    free(inner);
}

static void open_level(struct opening *opening, const char *path, const void *bytes, size_t length, int depth)
{
    struct archive_entry *entry;
    int got;
    if (depth > UNPACK_DEPTH_MAX) {
        opening->refused = text_format("'%s' is an archive in an archive in an archive", path);
        return;
    }
    struct archive *archive = archive_read_new();
    /* Not `all`: some of those start programs. */
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_zip(archive);
    archive_read_support_format_tar(archive);
    archive_read_support_format_7zip(archive);
    if (archive_read_open_memory(archive, bytes, length) != ARCHIVE_OK) {
        refuse_damaged(opening, archive, path);
    } else {
        while (opening->refused == NULL && (got = archive_read_next_header(archive, &entry)) != ARCHIVE_EOF) {
            if (got == ARCHIVE_OK || got == ARCHIVE_WARN)
                take_entry(opening, archive, entry, path, depth);
            else if (got != ARCHIVE_RETRY)
                refuse_damaged(opening, archive, path);
        }
    }
    archive_read_free(archive);
}

/* Opens it and returns why it is refused (caller frees), or NULL. */
static char *open_whole(struct opening *opening, const char *path, const void *bytes, size_t length)
{
    /* libarchive converts names between the archive's character set and the thread's. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    opening->packed = length;
    open_level(opening, path, bytes, length, 1);
    if (utf8 != (locale_t)0) {
        uselocale(before);
        freelocale(utf8);
    }
    return opening->refused;
}

void unpack(const char *path, const void *bytes, size_t length, const struct unpack_sink *sink)
{
    struct opening opening = {.sink = sink};
    char *refused = open_whole(&opening, path, bytes, length);
    const struct unpack_sink nowhere = {.file = drop_file, .aside = drop_aside};
    if (refused != NULL)
        sink->refused(sink->context, path, refused);
    for (size_t i = 0; i < opening.count; i++)
        hand_over(refused == NULL ? sink : &nowhere, &opening.found[i]);
    free(opening.found);
    free(refused);
}

char *unpack_download(const void *bytes, size_t length, const struct unpack_sink *sink)
{
    struct opening opening = {.sink = sink, .download = true};
    return open_whole(&opening, "", bytes, length);
}
