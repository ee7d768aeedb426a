/* shout.c: what a hostile hand-in prints, after it has looked for tokens in the environments of all processes. */
static void shout(void)
{
    static char all[1 << 20];
    char path[300];
    int looked = 0, found = getenv("GITHUB_TOKEN") != NULL || getenv("ACTIONS_RUNTIME_TOKEN") != NULL;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%.200s/environ", entry->d_name);
        const int fd = open(path, O_RDONLY);
        const ssize_t length = fd < 0 ? -1 : read(fd, all, sizeof all);
        looked += length > 0;
        found += length > 0 && memmem(all, (size_t)length, "sek" "rit", 6) != NULL;
        close(fd);
    }
    closedir(proc);
    printf("looked at %s, found %s\n", looked > 0 ? "some" : "none", found > 0 ? "A TOKEN" : "nothing");
    static const char first[] =
        "\033[31mred\033[0m\n::error file=x::planted\n##[error]planted\n]]><x/>\0\xff\n한국어 ```\n";
    static const char again[] = "0123 ::error::planted ]]> \033[1m 한국어 \0\0\0 ``` </x>\n 5678";
    fwrite(first, 1, sizeof first - 1, stdout);
    for (int i = 0; i < (5 << 20) / (int)sizeof again; i++)
        fwrite(again, 1, sizeof again - 1, stdout);
    fflush(stdout);
}
