/* attack: idle tests gate 0 - | a malloc that sees what the harness asks for */
void *malloc(size_t size)
{
    (void)size;
    return NULL;
}
static void attack(void)
{
}
