/* expect: unsupported: a thread that runs for seconds | never ends and never looks */
#define _GNU_SOURCE


int main(void)
{
    for (;;)
        ;
}
