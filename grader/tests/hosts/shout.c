/* shout.c: what a hostile hand-in prints, after it has looked for what belongs to the host in its environment. */
static void shout(void)
{
    static const char *const names[] = {"GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"};
    const char *found = NULL;
    for (int i = 0; i < 4; i++)
        found = found == NULL ? getenv(names[i]) : found;
    printf("looked in the environment, found %s\n", found != NULL ? found : "nothing");
    static const char first[] =
        "\033[31mred\033[0m\n::error file=x::planted\n##[error]planted\n]]><x/>\0\xff\n한국어 ```\n";
    static const char again[] = "0123 ::error::planted ]]> \033[1m 한국어 \0\0\0 ``` </x>\n 5678";
    fwrite(first, 1, sizeof first - 1, stdout);
    for (int i = 0; i < (5 << 20) / (int)sizeof again; i++)
        fwrite(again, 1, sizeof again - 1, stdout);
    fflush(stdout);
}
