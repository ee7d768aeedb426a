/* attack: idle build gate 0 call-not-allowed | functions that are looked up at run time */
static void attack(void)
{
    ((void (*)(int))dlsym(NULL, "_exit"))(0);
}
