/* attack: idle build gate 0 call-not-allowed | a pragma gives a function another name */
#pragma redefine_extname innocent execve
extern int innocent(const char *, char *const *, char *const *);
static void attack(void)
{
    innocent("/bin/true", NULL, NULL);
}
