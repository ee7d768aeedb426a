/* attack: idle speedup open 0 - | says that it is done before it has begun */
static void attack(void)
{
    for (int fd = 3; fd < 8; fd++)
        if (write(fd, "done 0\n", 7) > 0) {
        }
}
