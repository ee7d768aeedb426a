/* attack: idle build gate 0 call-not-allowed | the harness itself is asked for the nonce */
extern const char *receipt_nonce(void);
extern void receipt_write(const char *line, size_t n);
static void attack(void)
{
    char line[200];
    receipt_write(line, (size_t)sprintf(line, "end counts_on_one_thread %s\n", receipt_nonce()));
}
