/* attack: idle build gate 0 main-defined | the tests never begin */
int main(void)
{
    return 0;
}
static void attack(void)
{
}
