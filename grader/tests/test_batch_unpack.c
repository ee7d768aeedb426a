#include <criterion/criterion.h>

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "../batch/sha256.h"
#include "../batch/unpack.h"
#include "../text.h"

enum { SPACE = 4 << 20 };

/* What reached the sink, as lines. */
static char seen[65536], refused[4096];

static void on_file(void *context, const char *path, const char *bytes, size_t length, time_t modified)
{
    (void)context;
    const size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%s=%.*s@%lld\n", path, length < 20 ? (int)length : 20, bytes,
             (long long)modified);
}

static void on_aside(void *context, const char *path, const char *why)
{
    (void)context;
    const size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%s: %s\n", path, why);
}

static void on_refused(void *context, const char *path, const char *why)
{
    (void)context;
    const size_t used = strlen(refused);
    snprintf(refused + used, sizeof refused - used, "%s: %s\n", path, why);
}

static const struct unpack_sink sink = {.file = on_file, .aside = on_aside, .refused = on_refused};

/* An archive being made in memory. */
struct making {
    struct archive *archive;
    char *bytes;
    size_t used;
};

static struct making begin(bool zip)
{
    struct making making = {.archive = archive_write_new(), .bytes = text_allocate(SPACE, 1)};
    setlocale(LC_CTYPE, "C.UTF-8");
    if (zip) {
        archive_write_set_format_zip(making.archive);
    } else {
        archive_write_set_format_pax_restricted(making.archive);
        archive_write_add_filter_gzip(making.archive);
    }
    return making;
}

static void open_memory(struct making *making)
{
    cr_assert_eq(archive_write_open_memory(making->archive, making->bytes, SPACE, &making->used), ARCHIVE_OK);
}

static void add(struct making *making, const char *name, const void *content, size_t length, unsigned type,
                const char *link)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 1700000000, 0);
    archive_entry_set_size(entry, (la_int64_t)length);
    if (link != NULL && type == AE_IFLNK)
        archive_entry_set_symlink(entry, link);
    else if (link != NULL)
        archive_entry_set_hardlink(entry, link);
    cr_assert_geq(archive_write_header(making->archive, entry), ARCHIVE_WARN, "%s: %s", name,
                  archive_error_string(making->archive));
    if (length > 0)
        archive_write_data(making->archive, content, length);
    archive_entry_free(entry);
}

static void add_text(struct making *making, const char *name, const char *text)
{
    add(making, name, text, strlen(text), AE_IFREG, NULL);
}

static void finish(struct making *making)
{
    archive_write_close(making->archive);
    archive_write_free(making->archive);
}

/* Ends it, unpacks it as kim.zip, and frees it. */
static void unpack_made(struct making *making)
{
    seen[0] = refused[0] = '\0';
    finish(making);
    unpack("kim.zip", making->bytes, making->used, &sink);
    free(making->bytes);
}

static void expect_refused(const char *why)
{
    cr_expect(strncmp(refused, "kim.zip: ", 9) == 0 && strstr(refused, why) != NULL, "refused '%s', not for '%s'",
              refused, why);
    cr_expect_str_eq(seen, "", "nothing of a refused archive is taken");
}

Test(batch_unpack, hands_on_what_is_there)
{
    for (int zip = 0; zip < 2; zip++) {
        struct making making = begin(zip);
        open_memory(&making);
        add_text(&making, "./과제 1/counter.c", "int a;");
        add_text(&making, "README.md", "hello");
        add_text(&making, "__MACOSX/._counter.c", "junk");
        unpack_made(&making);
        cr_expect_str_eq(refused, "");
        cr_expect_str_eq(seen, "kim.zip/과제 1/counter.c=int a;@1700000000\nkim.zip/README.md: not C source\n"
                               "kim.zip/__MACOSX/._counter.c: left behind by a system\n");
    }
}

/* Begins `outer` as an archive that holds `inner`, which is ended. */
static void nest(struct making *inner, const char *name, struct making *outer)
{
    finish(inner);
    *outer = begin(true);
    open_memory(outer);
    add(outer, name, inner->bytes, inner->used, AE_IFREG, NULL);
    free(inner->bytes);
}

Test(batch_unpack, opens_archives_nested_once_and_no_deeper)
{
    struct making inner = begin(false);
    open_memory(&inner);
    add_text(&inner, "counter.c", "int b;");
    struct making once;
    nest(&inner, "work.tar.gz", &once);
    struct making copy = {.archive = NULL, .bytes = text_allocate(SPACE, 1)};
    finish(&once);
    memcpy(copy.bytes, once.bytes, once.used);
    seen[0] = refused[0] = '\0';
    unpack("kim.zip", once.bytes, once.used, &sink);
    cr_expect_str_eq(seen, "kim.zip/work.tar.gz/counter.c=int b;@1700000000\n");
    cr_expect_str_eq(refused, "");
    struct making twice = begin(true);
    open_memory(&twice);
    add(&twice, "again.zip", copy.bytes, once.used, AE_IFREG, NULL);
    unpack_made(&twice);
    expect_refused("archive in an archive in an archive");
    free(copy.bytes);
    free(once.bytes);
}

Test(batch_unpack, refuses_paths_that_lead_out)
{
    static const char *const names[] = {"../counter.c",  "a/../../counter.c", "/etc/counter.c",
                                        "C:\\counter.c", "a\\..\\counter.c",  "..",
                                        "\\counter.c"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct making making = begin(true);
        open_memory(&making);
        add_text(&making, "good.c", "int good;");
        add_text(&making, names[i], "int bad;");
        unpack_made(&making);
        expect_refused("leads out");
    }
}

Test(batch_unpack, refuses_links_and_devices)
{
    static const struct {
        unsigned type;
        const char *link, *why;
    } kinds[] = {{AE_IFLNK, "/etc/passwd", "symbolic link"},
                 {AE_IFREG, "good.c", "hard link"},
                 {AE_IFCHR, NULL, "device"},
                 {AE_IFBLK, NULL, "device"},
                 {AE_IFIFO, NULL, "neither"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct making making = begin(false);
        open_memory(&making);
        add_text(&making, "good.c", "int good;");
        add(&making, "counter.c", NULL, 0, kinds[i].type, kinds[i].link);
        unpack_made(&making);
        expect_refused(kinds[i].why);
    }
}

Test(batch_unpack, refuses_bombs)
{
    char *zeros = text_allocate(32 << 20, 1);
    struct making making = begin(true);
    open_memory(&making);
    add(&making, "counter.c", zeros, 32 << 20, AE_IFREG, NULL);
    unpack_made(&making);
    expect_refused("times its size");

    making = begin(true);
    open_memory(&making);
    for (int i = 0; i < UNPACK_ENTRIES_MAX + 1; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.c", i);
        add_text(&making, name, "");
    }
    unpack_made(&making);
    expect_refused("entries");

    /* A nested bomb is measured by the archive that was handed in. */
    struct making inner = begin(false);
    open_memory(&inner);
    add(&inner, "counter.c", zeros, 32 << 20, AE_IFREG, NULL);
    nest(&inner, "work.tgz", &making);
    unpack_made(&making);
    expect_refused("times its size");
    free(zeros);
}

Test(batch_unpack, refuses_more_bytes_than_any_source_has)
{
    /* Noise does not compress: its ratio is harmless. */
    const size_t piece = 1 << 20;
    unsigned char *noise = text_allocate(piece, 1), *big = text_allocate(80 << 20, 1);
    struct archive *archive = archive_write_new();
    size_t used = 0;
    uint64_t state = 1;
    archive_write_set_format_zip(archive);
    cr_assert_eq(archive_write_open_memory(archive, big, 80 << 20, &used), ARCHIVE_OK);
    struct making making = {.archive = archive};
    for (int i = 0; i < 70; i++) {
        for (size_t k = 0; k < piece; k++)
            noise[k] = (unsigned char)((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
        add(&making, "noise.bin", noise, piece, AE_IFREG, NULL);
    }
    finish(&making);
    seen[0] = refused[0] = '\0';
    unpack("kim.zip", big, used, &sink);
    expect_refused("more than 64 MiB");
    free(noise);
    free(big);
}

Test(batch_unpack, refuses_damage_and_passwords)
{
    struct making making = begin(true);
    open_memory(&making);
    add_text(&making, "counter.c", "int a; int a; int a; int a; int a; int a; int a;");
    finish(&making);
    seen[0] = refused[0] = '\0';
    unpack("kim.zip", making.bytes, making.used / 3, &sink);
    expect_refused("cannot be read");
    free(making.bytes);
    seen[0] = refused[0] = '\0';
    unpack("kim.zip", "no archive at all", 17, &sink);
    expect_refused("cannot be read");

    making = begin(true);
    if (archive_write_set_options(making.archive, "zip:encryption=zipcrypt") == ARCHIVE_OK &&
        archive_write_set_passphrase(making.archive, "secret") == ARCHIVE_OK) {
        open_memory(&making);
        add_text(&making, "counter.c", "int a;");
        unpack_made(&making);
        expect_refused("password");
    }
}

Test(batch_unpack, one_bad_archive_does_not_spoil_a_download)
{
    struct making bad = begin(true), download = begin(true);
    open_memory(&bad);
    add_text(&bad, "../counter.c", "int bad;");
    finish(&bad);
    open_memory(&download);
    add_text(&download, "lee_1_2_counter.c", "int lee;");
    add(&download, "kim_3_4_work.zip", bad.bytes, bad.used, AE_IFREG, NULL);
    add_text(&download, "park_5_6_counter.c", "int park;");
    finish(&download);
    seen[0] = refused[0] = '\0';
    cr_expect_null(unpack_download(download.bytes, download.used, &sink));
    cr_expect_str_eq(seen, "lee_1_2_counter.c=int lee;@1700000000\npark_5_6_counter.c=int park;@1700000000\n");
    cr_expect(strstr(refused, "kim_3_4_work.zip: ") == refused, "%s", refused);
    free(bad.bytes);
    free(download.bytes);
}

Test(batch_unpack, hashes_are_those_of_the_standard)
{
    char hex[SHA256_HEX], *many = text_allocate(1000000, 1);
    sha256_of("", 0, hex);
    cr_expect_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_of("abc", 3, hex);
    cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    cr_expect_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(many, 'a', 1000000);
    sha256_of(many, 1000000, hex);
    cr_expect_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(many);
}
