/* attack: idle build gate 0 name-taken | a variable that is one with whatever has that name elsewhere */
__attribute__((common)) char *program_invocation_short_name_;
static void attack(void)
{
}
