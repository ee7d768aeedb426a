/* attack: right races open - - | a pipe and a link to a secret in the place of a report */
static void attack(void)
{
    mkfifo("helgrind.99999.xml", 0666);
    if (symlink("@CANARY@/secret", "drd.99999.xml") != 0) {
    }
}
