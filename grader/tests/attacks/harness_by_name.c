/* attack: idle build gate 0 call-not-allowed | the same under another name in C */
extern const char *innocent(void) __asm__("receipt_nonce");
static void attack(void)
{
    puts(innocent());
}
