/* attack: idle tests open 0 - | 8 GB, page by page */
static void attack(void)
{
    for (int i = 0; i < 1024; i++) {
        char *p = malloc(8 << 20);
        memset(p, 1, 8 << 20);
    }
}
