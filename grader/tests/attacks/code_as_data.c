/* attack: idle build gate 0 section-not-allowed | bytes of a system call as a constant in .text */
static const unsigned char code[]
    __attribute__((used, section(".text"))) = {0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05};
static void attack(void)
{
    ((void (*)(void))code)();
}
