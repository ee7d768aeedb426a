/* attack: idle build gate 0 section-not-allowed | a nested function makes the stack executable, for bytes put there */
static void attack(void)
{
    int local = 0;
    void nested(void)
    {
        local++;
    }
    void (*volatile p)(void) = nested;
    p();
}
