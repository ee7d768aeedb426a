#include "versions.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

enum { FILE_BYTES_MAX = 256 << 20 };

static void add_file(struct sha256 *hash, const char *path)
{
    size_t length = 0;
    char *bytes = text_read_file(path, FILE_BYTES_MAX, &length), digest[SHA256_HEX];
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    if (bytes == NULL)
        return; /* a folder */
    sha256_of(bytes, length, digest);
    sha256_add(hash, name, strlen(name) + 1);
    sha256_add(hash, digest, sizeof digest);
    free(bytes);
}

/* In the order of their names; `without` and READMEs are left out. */
static void add_directory(struct sha256 *hash, const char *directory, const char *without)
{
    glob_t found;
    char *pattern = text_join(directory, "*");
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *name = strrchr(found.gl_pathv[i], '/') + 1;
            const bool backup = without != NULL && strncmp(name, without, strlen(without)) == 0;
            if (!backup && strcmp(name, "README.md") != 0)
                add_file(hash, found.gl_pathv[i]);
        }
        globfree(&found);
    }
    free(pattern);
}

void versions_lab(const struct manifest *manifest, char hex[SHA256_HEX])
{
    struct sha256 hash;
    sha256_init(&hash);
    add_directory(&hash, manifest->directory, manifest->file);
    sha256_end(&hash, hex);
}

void versions_grader(const struct kit *kit, char hex[SHA256_HEX])
{
    struct sha256 hash;
    char *supervise = text_format("%s/../supervise", kit->harness), *explorer = text_join(kit->harness, "explore");
    sha256_init(&hash);
    add_file(&hash, "/proc/self/exe");
    add_file(&hash, supervise);
    add_directory(&hash, kit->harness, NULL);
    add_directory(&hash, explorer, NULL);
    sha256_end(&hash, hex);
    free(explorer);
    free(supervise);
}
