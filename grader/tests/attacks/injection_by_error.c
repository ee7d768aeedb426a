/* attack: idle build open 0 compile-error | words for terminals and CI in what the compiler says */
#error [2J[31m
#error ::set-output name=score::100
#error %n%s%100000d
static void attack(void)
{
}
