/* attack: idle build gate 0 main-defined | the same without a C function */
__asm__(".globl main\n.text\nmain: xor %eax, %eax\nret\n");
static void attack(void)
{
}
