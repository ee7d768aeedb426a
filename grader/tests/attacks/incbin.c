/* attack: idle build open 0 compile-error | the assembler puts a secret into the object */
__asm__(".section .rodata\nstolen: .incbin \"@CANARY@/secret\"\n.byte 0\n");
static void attack(void)
{
}
