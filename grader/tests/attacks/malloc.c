/* attack: idle build gate 0 name-taken | a malloc that sees what the harness asks for */
void *malloc(size_t size)
{
    (void)size;
    return NULL;
}
static void attack(void)
{
}
