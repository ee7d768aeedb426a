#include "fiber.h"

#include <stdint.h>

#if !defined(__x86_64__)
#error "fiber.c: this processor's context switch is not written yet; add it below fiber_switch"
#endif

__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq (%rsi), %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch, .-fiber_switch\n");

void fiber_prepare(struct fiber *fiber, void *stack, size_t size, void (*entry)(void))
{
    enum { SAVED_REGISTERS = 6 };
    uintptr_t *top = (uintptr_t *)((char *)stack + size);
    *--top = 0; /* a return address for entry, so that the stack is aligned as after a call */
    *--top = (uintptr_t)entry;
    for (int i = 0; i < SAVED_REGISTERS; i++)
        *--top = 0;
    fiber->stack_pointer = top;
}
