/* attack: idle tests open 0 - | all the room there is, in every directory */
static void fill(const char *directory)
{
    static char block[1 << 20];
    char path[200];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/fill%d", directory, i);
        const int fd = open(path, O_WRONLY | O_CREAT, 0600);
        for (int k = 0; k < 200 && write(fd, block, sizeof block) > 0; k++) {
        }
    }
}
static void attack(void)
{
    fill("/tmp");
    fill("/dev/shm");
    fill(".");
}
